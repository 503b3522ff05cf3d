#!/usr/bin/env bash
# Measure y in millimetres where it was centimetres. A variance should grow 100 times, and so
# should its standard error and both ends of its interval. In MixedLM cov_re does. But params and
# conf_int() stay as they are, since they hold the variance divided by the residual's. And the
# standard error, in bse_re and beside the variance in summary(), grows only 10 times: it is
# multiplied by the root of the residual variance and not by that variance itself. In balanced
# data a closed form says what it should be.
#
# Version: statsmodels 0.15.0.
#
# Source: statsmodels issues 2231 and 3532 for params; MixedLM.fit, MixedLMResults.bse_re and
# summary() in statsmodels/regression/mixed_linear_model.py for the errors; Searle, Casella and
# McCulloch (1992), "Variance Components", section 3.5, for the closed form.
#
# Seen:
#   bse_re 0.83, closed form 2.20
#   cov_re       times 100.00
#   bse_re       times 10.00
#   params       times 1.00
#   conf_int()   times 1.00
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

rng = np.random.default_rng(0)
g = np.repeat(np.arange(12), 10)
data = pd.DataFrame({"g": g, "y": 30 + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)})
cm = smf.mixedlm("y ~ 1", data, groups="g").fit()
mm = smf.mixedlm("y ~ 1", data.assign(y=10 * data["y"]), groups="g").fit()

between = cm.scale + 10 * cm.cov_re.iloc[0, 0]
closed = np.sqrt(2 / 10**2 * (between**2 / 11 + cm.scale**2 / (12 * 9)))
print(f"bse_re {cm.bse_re['g Var']:.2f}, closed form {closed:.2f}")
grown = {
    "cov_re": mm.cov_re.iloc[0, 0] / cm.cov_re.iloc[0, 0],
    "bse_re": mm.bse_re["g Var"] / cm.bse_re["g Var"],
    "params": mm.params["g Var"] / cm.params["g Var"],
    "conf_int()": mm.conf_int().loc["g Var", 1] / cm.conf_int().loc["g Var", 1],
}
for name, times in grown.items():
    print(f"{name:12} times {times:.2f}")
stands = np.allclose(list(grown.values()), [100, 10, 1, 1], rtol=0.01)

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
