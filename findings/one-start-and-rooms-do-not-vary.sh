#!/usr/bin/env bash
# interlace.fit says converged=True for rooms in schools in provinces whose intercepts do not vary
# at all between rooms, 49 log-likelihood units below what the same function finds from another
# start; the rooms were made with an SD of 3. A variance of 0 is always a stationary point of the
# criterion, since it is even in each column of the factor, and the search, which starts from all
# ones, ran into it and stayed. A warning says "boundary (singular) fit", as it does for an optimum
# that is singular. Seen with slopes at each of two or three levels; not with one level alone.
#
# Version: interlace-lme 0.3.2, without its extra scikit-sparse.
#
# Source: interlace/profiled_reml.py (L-BFGS-B from np.ones, lower bounds of 1e-8); docstring of
# interlace.fit (theta0, and that "bobyqa" is more robust near such boundaries).
#
# Seen:
#   its own start:  log-likelihood -8592.903, SD of rooms 0.000, converged True
#   another start:  log-likelihood -8544.266, SD of rooms 2.942, converged True
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(interlace-lme==0.3.2 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 statsmodels==0.15.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import interlace
import numpy as np
import pandas as pd

rng = np.random.default_rng(1)
pupil = np.arange(2400)
codes = {"room": pupil // 15, "school": pupil // 60, "province": pupil // 300}
x = rng.normal(size=2400)
y = 50 + 2 * x + 8 * rng.normal(size=2400)
for code in codes.values():
    count = code[-1] + 1
    y += 3 * rng.normal(size=count)[code] + rng.normal(size=count)[code] * x
labels = {name: [f"{name}{number}" for number in code] for name, code in codes.items()}
data = pd.DataFrame({"y": y, "x": x, **labels})
random = [f"(1 + x | {name})" for name in codes]

warnings.simplefilter("ignore")
found = []
for name, start in [("its own", None), ("another", np.array([0.4, 0, 0.1] * 3))]:
    fit = interlace.fit("y ~ x", data, random=random, theta0=start)
    sd = float(fit.variance_components["room"].iloc[0, 0]) ** 0.5
    print(
        f"{name} start:  log-likelihood {fit.llf:.3f}, SD of rooms {sd:.3f}, "
        f"converged {fit.converged}"
    )
    found.append(fit)
stands = found[0].converged and found[1].llf - found[0].llf > 1
print("The surprise stands." if stands else "The behaviour has changed.")
sys.exit(not stands)
PYTHON
