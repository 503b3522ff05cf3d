#!/usr/bin/env bash
# The default fit of statsmodels' mixed models of yes or no, fit() or fit_map() of BinomialBayesMixedGLM,
# looks for the random effects and the logarithm of their SD that are most likely together. Such a
# maximum is where all effects and their SD are 0: the density of n effects grows without
# bound as 1 / SD^n there. Groups that differ by an SD of 1 come out with an SD of nearly 0, and a
# gradient without bound. Variational Bayes, fit_vb(), finds the SD.
#
# Version: statsmodels 0.15.0.
#
# Source: logposterior and fit_map in statsmodels/genmod/bayes_mixed_glm.py; for the maximum O'Hagan
# (1976), "On posterior joint and marginal modes", Biometrika 63, doi 10.2307/2335629.
#
# Seen:
#   SD of groups: simulated 1.00, fit_map 1.8e-35, fit_vb 1.23
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
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
group = np.repeat(np.arange(80), 6)
p = 1 / (1 + np.exp(-rng.normal(size=80)[group]))
data = pd.DataFrame({"y": (rng.random(480) < p).astype(int), "group": group})
model = BinomialBayesMixedGLM.from_formula("y ~ 1", {"group": "0 + C(group)"}, data)
most_likely = np.exp(model.fit_map(rng=1).vcp_mean[0])
variational = model.fit_vb(sd=np.full(82, 0.1))
sd = np.exp(variational.vcp_mean[0])
print(f"SD of groups: simulated 1.00, fit_map {most_likely:.1e}, fit_vb {sd:.2f}")
stands = most_likely < 1e-6 and 0.7 < sd < 1.5

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
