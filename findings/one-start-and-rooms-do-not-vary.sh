#!/usr/bin/env bash
# interlace.fit says converged=True for rooms in schools whose intercepts do not vary at all, 38
# log-likelihood units below what the same function finds from another start; the rooms were made
# with an SD of 3. A variance of 0 is always a stationary point of the criterion, since it is even
# in the rows of the factor, and the search from all ones ran into it. A warning says "boundary
# (singular) fit", as for an optimum that is singular. Other seeds go well; with slopes at three
# levels, 2,400 and 24,000 rows alike, it happened at once.
#
# Version: interlace-lme 0.3.2, without its extra scikit-sparse.
#
# Source: interlace/profiled_reml.py (L-BFGS-B from np.ones, lower bounds at 0); docstring of
# interlace.fit (theta0, and that "bobyqa" is more robust near such boundaries).
#
# Seen:
#   its own start:  log-likelihood -6449.694, SD of rooms 0.000, converged True
#   another start:  log-likelihood -6411.323, SD of rooms 3.001, converged True
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

rng = np.random.default_rng(2)
schools, rooms, pupils = 30, 4, 15
school = np.repeat(np.arange(schools), rooms * pupils)
room = np.repeat(np.arange(schools * rooms), pupils)
x = rng.normal(size=len(room))
y = 50 + 2 * x
y += 3 * rng.normal(size=schools)[school] + rng.normal(size=schools)[school] * x
y += 3 * rng.normal(size=len(room) // pupils)[room] + rng.normal(size=len(room) // pupils)[room] * x
y += 8 * rng.normal(size=len(x))
data = pd.DataFrame(
    {"y": y, "x": x, "school": [f"s{i}" for i in school], "room": [f"r{i}" for i in room]}
)

warnings.simplefilter("ignore")
found = []
for name, start in [("its own", None), ("another", np.array([0.4, 0, 0.1, 0.4, 0, 0.1]))]:
    fit = interlace.fit("y ~ x", data, random=["(1 + x | room)", "(1 + x | school)"], theta0=start)
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
