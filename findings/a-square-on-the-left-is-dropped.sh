#!/usr/bin/env bash
# R squares the response in y^2 ~ x. In patsy, and so in statsmodels, the left side is read by the
# same rules as the right, where y**2 is y crossed with itself: y. The model y**2 ~ x is that of
# y ~ x to the last digit, the response is called y, and nothing is said. It takes I(y**2).
#
# Version: patsy 1.0.3, statsmodels 0.15.0.
#
# Source: patsy's documentation, "How formulas work" (** is defined by crossing, and both sides
# have one grammar).
#
# Seen:
#   y ~ x:        response y, log-likelihood -309.7836
#   y**2 ~ x:     response y, log-likelihood -309.7836
#   I(y**2) ~ x:  response I(y ** 2), log-likelihood -790.5679
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
data = pd.DataFrame({"g": g, "x": rng.normal(size=120)})
data["y"] = 30 + data["x"] + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)

found = {}
for formula in ("y ~ x", "y**2 ~ x", "I(y**2) ~ x"):
    fit = smf.mixedlm(formula, data, groups="g").fit()
    found[formula] = fit.llf
    print(f"{formula + ':':13} response {fit.model.endog_names}, log-likelihood {fit.llf:.4f}")
stands = found["y ~ x"] == found["y**2 ~ x"] != found["I(y**2) ~ x"]

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
