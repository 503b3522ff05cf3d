#!/usr/bin/env bash
# pandas has columns whose gaps are pd.NA (Int64, Float64, string; convert_dtypes() makes them). A
# formula takes such a column as it takes any other, until a row is missing. Then it is not left
# out, as a NaN would be, but patsy asks whether NA is true, and stops. A program that ran on last
# year's complete data stops on this year's.
#
# Version: patsy 1.0.3 with pandas 3.1.1 and statsmodels 0.15.0.
#
# Source: pandas' user guide, "Working with missing data" (NA in a boolean context is an error);
# NAAction.is_numerical_NA in patsy/missing.py, which makes a mask of what numpy.isnan says.
#
# Seen:
#   float64, complete: 30 rows; with a gap: 29 rows
#   Int64,   complete: 30 rows; with a gap: TypeError: boolean value of NA is ambiguous
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


def rows(data):
    try:
        return f"{smf.ols('y ~ x', data).fit().nobs:.0f} rows"
    except TypeError as error:
        return f"TypeError: {error}"


y = np.random.default_rng(0).normal(size=30)
found = {}
for dtype in ("float64", "Int64"):
    data = pd.DataFrame({"y": y, "x": pd.Series(np.arange(30) % 7).astype(dtype)})
    complete = rows(data)
    data.loc[3, "x"] = np.nan if dtype == "float64" else pd.NA
    found[dtype] = complete, rows(data)
    print(f"{dtype + ',':8} complete: {complete}; with a gap: {found[dtype][1]}")
stands = found["float64"] == ("30 rows", "29 rows") and found["Int64"][0] == "30 rows"
stands = stands and found["Int64"][1].startswith("TypeError")

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
