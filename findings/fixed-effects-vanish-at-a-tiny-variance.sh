#!/usr/bin/env bash
# As the variance between groups goes to 0, the fixed effects should go to those of ordinary
# regression. They do, down to a ratio of 1e-10 between that variance and the residual's. Below it
# MixedLM sets the inverse of the variance to 0 where it would be huge, which says the opposite:
# groups without any limit. Every effect of what is constant within groups, the intercept too,
# becomes 0, and the log-likelihood falls by hundreds.
#
# Version: statsmodels 0.15.0.
#
# Source: statsmodels issue 10239; MixedLM.get_fe_params (its tol) in
# statsmodels/regression/mixed_linear_model.py.
#
# Seen:
#   ordinary regression:      intercept 29.238, x 1.189, w -0.158
#   variance ratio 1.01e-10:  intercept 29.238, x 1.189, w -0.158; log-likelihood -334.21
#   variance ratio 9.90e-11:  intercept  0.000, x 0.928, w -0.000; log-likelihood -570.57
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 patsy==1.0.3 statsmodels==0.15.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

rng = np.random.default_rng(1)
g = np.repeat(np.arange(12), 10)
data = pd.DataFrame({"g": g, "x": rng.normal(size=120), "w": (g - 5.5) / 3})
data["y"] = 30 + data["x"] + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)


def line(what, effects):
    a, x, w = effects
    return f"{what + ':':24}  intercept {a:6.3f}, x {x:.3f}, w {w:.3f}"


ordinary = smf.ols("y ~ x + w", data).fit().params.to_numpy()
print(line("ordinary regression", ordinary))
model = smf.mixedlm("y ~ x + w", data, groups="g")
model.fit()  # sets REML
found = {}
for ratio in (1.01e-10, 0.99e-10):
    found[ratio], _ = model.get_fe_params(np.array([[ratio]]), np.empty(0))
    height = model.loglike(np.array([np.sqrt(ratio)]))
    print(f"{line(f'variance ratio {ratio:.2e}', found[ratio])}; log-likelihood {height:.2f}")
stands = np.allclose(found[1.01e-10], ordinary, rtol=1e-4) and abs(found[0.99e-10][0]) < 1e-6

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
