#!/usr/bin/env bash
# fit_vb(scale_fe=True) of statsmodels' Bayesian mixed GLMs centres and scales the predictors while it
# searches; "The results are back-transformed so that the results are presented on the original
# scale", says its page. The slopes are; the intercept stays that of the centred predictors. And a
# model without an intercept gets one in disguise: its predictors are centred as well.
#
# Version: statsmodels 0.15.0.
#
# Source: fit_vb in statsmodels/genmod/bayes_mixed_glm.py, where params[ixs] is divided by the SDs.
#
# Seen:
#   probability at age 10: scale_fe=False 0.63, scale_fe=True 1.00, data 0.63
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 patsy==1.0.3 statsmodels==0.15.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import pandas as pd
from scipy.special import expit
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
group = np.repeat(np.arange(40), 50)
age = rng.uniform(8, 12, 2000)
eta = 0.5 + 0.8 * (age - 10) + 0.3 * rng.normal(size=40)[group]
data = pd.DataFrame({"y": (rng.random(2000) < expit(eta)).astype(int), "age": age, "group": group})
model = BinomialBayesMixedGLM.from_formula("y ~ age", {"group": "0 + C(group)"}, data, fe_p=20)
found = {}
for scale_fe in (False, True):
    fit = model.fit_vb(sd=np.full(43, 0.1), scale_fe=scale_fe)
    found[scale_fe] = expit(fit.fe_mean @ [1, 10])
near = data.loc[(data["age"] - 10).abs() < 0.5, "y"].mean()
print(
    f"probability at age 10: scale_fe=False {found[False]:.2f}, scale_fe=True {found[True]:.2f}, "
    f"data {near:.2f}"
)
stands = abs(found[False] - near) < 0.05 < 0.2 < abs(found[True] - near)

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
