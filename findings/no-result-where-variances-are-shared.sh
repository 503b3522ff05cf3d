#!/usr/bin/env bash
# Where the data cannot know a covariance, such as that of the effects of two treatments of which
# each group has had but one, MixedLM's search arrives at the maximum, and then everything is thrown
# away: the standard errors need the inverse of a Hessian that is singular, and numpy's LinAlgError
# leaves no result, not even the fixed effects and the two variances, which are known. R's lme4 fits
# the model.
#
# Version: statsmodels 0.15.0.
#
# Source: MixedLM.fit, pcov = np.linalg.inv(-hess), after the search.
#
# Seen:
#   likelihood near the maximum: -133.94
#   fit: LinAlgError: Singular matrix
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

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
g = np.repeat(np.arange(12), 8)
data = pd.DataFrame({"g": g, "t": np.where(g % 2, "a", "b")})
data["y"] = rng.normal(size=12)[g] + rng.normal(size=96)

model = smf.mixedlm("y ~ t", data, groups="g", re_formula="0 + t")
stands = False
try:
    print(f"fit: log-likelihood {model.fit().llf:.2f}")
except np.linalg.LinAlgError as error:
    near = model.loglike(np.array([1.0, 0.0, 1.0]))  # each variance that of the residual
    print(f"likelihood near the maximum: {near:.2f}")
    print(f"fit: LinAlgError: {error}")
    stands = bool(np.isfinite(near))
raise SystemExit(0 if stands else 1)
PYTHON
