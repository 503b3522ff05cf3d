#!/usr/bin/env bash
# mixedlm documents subset= as the rows to use in the model, and takes it without a word, but fits
# all rows: the argument is overwritten with None before anything looks at it. The same argument
# of ols works.
#
# Version: statsmodels 0.15.0.
#
# Source: docstring of MixedLM.from_formula ("subset: An array-like object of booleans, integers,
# or index values that indicate the subset of df to use in the model"); in its code the line
# kwargs["subset"] = None.
#
# Seen:
#   ols, subset of 60 rows:         60 rows
#   mixedlm, subset of 60 rows:     120 rows
#   mixedlm, rows chosen before:    60 rows
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
data = pd.DataFrame({"g": g, "x": rng.normal(size=120), "year": np.arange(120) % 2})
data["y"] = data["x"] + rng.normal(size=12)[g] + rng.normal(size=120)
first = data["year"] == 0

ols = smf.ols("y ~ x", data, subset=first).nobs
ignored = smf.mixedlm("y ~ x", data, groups="g", subset=first).nobs
before = smf.mixedlm("y ~ x", data[first], groups="g").nobs
print(f"ols, subset of {first.sum()} rows:         {ols if isinstance(ols, int) else int(ols)} rows")
print(f"mixedlm, subset of {first.sum()} rows:     {int(ignored)} rows")
print(f"mixedlm, rows chosen before:    {int(before)} rows")
raise SystemExit(0 if (ols, ignored, before) == (60, 120, 60) else 1)
PYTHON
