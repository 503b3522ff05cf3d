#!/usr/bin/env bash
# MixedLM searches over a triangular root of the covariance matrix, and nothing keeps its diagonal
# positive. The log-likelihood does not care about the sign. But the gradient is always that of
# the positive root, so that once the search has crossed zero, one component points the wrong way:
# downhill.
#
# Version: statsmodels 0.15.0.
#
# Source: statsmodels/regression/mixed_linear_model.py: MixedLM.score turns the root into a
# matrix, and score_sqrt gets a root back by numpy.linalg.cholesky, which is the positive one.
#
# Seen:
#   root [0.5 0.2 0.3]: log-likelihood -317.5330, gradient  -0.608, by differences  -0.608
#   root [ 0.5  0.2 -0.3]: log-likelihood -317.5330, gradient  -0.608, by differences   0.608
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
import statsmodels.formula.api as smf
from scipy.optimize import approx_fprime

rng = np.random.default_rng(1)
g = np.repeat(np.arange(12), 10)
data = pd.DataFrame({"g": g, "x": rng.normal(size=120)})
data["y"] = 30 + data["x"] + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)
model = smf.mixedlm("y ~ x", data, groups="g", re_formula="~x")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # this search, too, ends in vain
    model.fit()  # sets REML

right = []
for root in np.array([0.5, 0.2, 0.3]), np.array([0.5, 0.2, -0.3]):
    gradient = model.score(root.copy())[2]
    differences = approx_fprime(root, model.loglike, 1e-6)[2]
    print(
        f"root {root}: log-likelihood {model.loglike(root):.4f}, "
        f"gradient {gradient:7.3f}, by differences {differences:7.3f}"
    )
    right.append(np.isclose(gradient, differences, rtol=0.01))
stands = right == [True, False]

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
