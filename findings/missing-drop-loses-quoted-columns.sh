#!/usr/bin/env bash
# ols leaves out rows with gaps by itself, and a column whose name has a blank is written
# Q("my x"). MixedLM stops at a gap unless missing="drop" is given. But then it first cuts the
# table down to the columns whose names it finds in the formula, does not look inside Q(...), and
# stops because the column is not there.
#
# Version: statsmodels 0.15.0, patsy 1.0.3.
#
# Source: _handle_missing in statsmodels/regression/mixed_linear_model.py; patsy's documentation
# of Q.
#
# Seen:
#   ols, Q("my x"): 119 rows
#   mixedlm, my_x, missing="drop": 119 rows
#   mixedlm, Q("my x"), missing="drop": PatsyError: ... NameError: no data named 'my x' found
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
g = np.repeat(np.arange(12), 10)
data = pd.DataFrame({"g": g, "my_x": rng.normal(size=120)})
data["y"] = 30 + data["my_x"] + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)
data.loc[3, "my_x"] = np.nan
quoted = data.rename(columns={"my_x": "my x"})

print('ols, Q("my x"):', int(smf.ols('y ~ Q("my x")', quoted).fit().nobs), "rows")
plain = smf.mixedlm("y ~ my_x", data, groups="g", missing="drop").nobs
print('mixedlm, my_x, missing="drop":', plain, "rows")
try:
    rows = smf.mixedlm('y ~ Q("my x")', quoted, groups="g", missing="drop").nobs
    print('mixedlm, Q("my x"), missing="drop":', rows, "rows")
    stands = False
except PatsyError as error:
    print('mixedlm, Q("my x"), missing="drop": PatsyError: ...', str(error).splitlines()[0].split(": ", 1)[1])
    stands = plain == 119

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
