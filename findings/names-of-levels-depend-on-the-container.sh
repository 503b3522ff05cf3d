#!/usr/bin/env bash
# C(grade) of the whole numbers 1, 2, 3 names its columns C(grade)[T.2] and so on if grade is a
# column of a DataFrame. If the same numbers come as a NumPy array, say in a dictionary, the names
# are C(grade)[T.np.int64(2)]: patsy writes the repr of the label, and NumPy 2 has put the type
# into that. Whoever looks a coefficient up by name finds it in one case only.
#
# Version: patsy 1.0.3 with NumPy 2.4.6.
#
# Source: NumPy's NEP 51 (the representation of scalars); patsy/contrasts.py, where a label that
# is no text goes through repr().
#
# Seen:
#   DataFrame: C(grade)[T.2], C(grade)[T.3]
#   array:     C(grade)[T.np.int64(2)], C(grade)[T.np.int64(3)]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(numpy==2.4.6 pandas==3.1.1 patsy==1.0.3)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
from patsy import dmatrix

grade = np.array([1, 2, 3, 1, 2, 3])
names = {}
for what, data in {"DataFrame": pd.DataFrame({"grade": grade}), "array": {"grade": grade}}.items():
    names[what] = dmatrix("C(grade)", data).design_info.column_names[1:]
    print(f"{what + ':':10} {', '.join(names[what])}")
stands = names["DataFrame"][0] == "C(grade)[T.2]" != names["array"][0]

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
