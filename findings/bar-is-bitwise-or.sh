#!/usr/bin/env bash
# statsmodels and patsy have no operator for lme4's bar. With text labels the formula
# y ~ x + (1|school) stops with an error. With whole numbers for labels it does not: Python
# computes 1|school, the bitwise OR of 1 and the label, and the model has that number as one more
# predictor. It converges, and the schools asked for are nowhere in it.
#
# Version: statsmodels 0.15.0, patsy 1.0.3.
#
# Source: patsy's documentation, "How formulas work" (its operators have no |; what is none of
# them is left to Python).
#
# Seen:
#   text labels: PatsyError
#   whole numbers: converged = True, predictors ['Intercept', 'x', '1 | school']
#   labels 0 to 5 became the numbers 1, 1, 3, 3, 5, 5
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
from patsy import PatsyError

rng = np.random.default_rng(1)
school = np.repeat(np.arange(12), 10)
data = pd.DataFrame({"school": school, "pupil": np.arange(120) // 2, "x": rng.normal(size=120)})
data["y"] = 30 + data["x"] + 2 * rng.normal(size=12)[school] + 3 * rng.normal(size=120)

try:
    text = data.assign(school="s" + data["school"].astype(str))
    smf.mixedlm("y ~ x + (1|school)", text, groups="pupil")
    refused = False
except PatsyError as error:
    refused = True
    print("text labels:", type(error).__name__)

result = smf.mixedlm("y ~ x + (1|school)", data, groups="pupil").fit()
names = result.model.exog_names
print(f"whole numbers: converged = {result.converged}, predictors {names}")
column = result.model.exog[:, 2]
print("labels 0 to 5 became the numbers", ", ".join(f"{column[10 * label]:.0f}" for label in range(6)))
stands = refused and result.converged and np.array_equal(column, 1 | school)

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
