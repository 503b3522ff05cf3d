#!/usr/bin/env bash
# Rooms within schools, as text: the matrix of each school has one column for each of its rooms.
# The same rooms as a pandas categorical: it has a column for every room of all schools, all but
# two of them 0. The model is the same, but memory and time grow with the square of the number of
# schools.
#
# Version: statsmodels 0.15.0, patsy 1.0.3, pandas 3.1.1.
#
# Source: MixedLM.from_formula in statsmodels/regression/mixed_linear_model.py (a formula
# evaluated once for each group); patsy's documentation of categorical data (the levels are those
# of the pandas categorical).
#
# Seen:
#   str:      10 rows x 2 columns a school, 6,000 numbers in all
#   category: 10 rows x 600 columns a school, 1,800,000 numbers in all
#   without the columns of zeros the matrices are the same: True
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

SCHOOLS = 300
school = np.repeat(np.arange(SCHOOLS), 10)
room = "r" + pd.Series(2 * school + np.arange(len(school)) % 2).astype(str)
data = pd.DataFrame({"school": school, "y": np.random.default_rng(5).normal(size=len(school))})

mats = {}
for dtype in ("str", "category"):
    data["room"] = room.astype(dtype)
    model = smf.mixedlm("y ~ 1", data, groups="school", re_formula="1", vc_formula={"room": "0 + C(room)"})
    mats[dtype] = model.exog_vc.mats[0]
    rows, columns = mats[dtype][0].shape
    total = sum(matrix.size for matrix in mats[dtype])
    print(f"{dtype + ':':9} {rows} rows x {columns} columns a school, {total:,} numbers in all")
trimmed = [matrix[:, matrix.any(axis=0)] for matrix in mats["category"]]
same = all(np.array_equal(one, other.astype(float)) for one, other in zip(trimmed, mats["str"], strict=True))
print("without the columns of zeros the matrices are the same:", same)
stands = mats["str"][0].shape[1] == 2 and mats["category"][0].shape[1] == 2 * SCHOOLS

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
