#!/usr/bin/env bash
# Surveys label the codes of answers (1 "Never" ... 4 "Always") and those of gaps (99 "refused").
# pandas reads such columns in two ways. read_spss sorts the levels by their text, so that the
# reference of a model is "Always"; read_stata keeps the order of the codes and declares it an
# order. And one label, on the code of a gap, makes a whole column of numbers a factor: an index
# with 400 values becomes 400 levels, and so 399 coefficients where one slope was meant.
#
# Version: pandas 3.1.1 with pyreadstat 1.3.7.
#
# Source: pandas' documentation of read_spss and read_stata (convert_categoricals); pandas/io/spss.py,
# which hands it on as pyreadstat's apply_value_formats.
#
# Seen:
#   levels by read_spss:   ['Always', 'Never', 'Often', 'Sometimes'], ordered: False
#   levels by read_stata:  ['Never', 'Sometimes', 'Often', 'Always'], ordered: True
#   index by read_spss:    category with 400 levels
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(numpy==2.4.6 pandas==3.1.1 pyreadstat==1.3.7)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pandas as pd
import pyreadstat

rng = np.random.default_rng(1)
index = np.append(rng.permutation(400)[:399] / 100, 99)
data = pd.DataFrame({"reads": np.tile([1, 2, 3, 4], 100), "index": index})
labels = {
    "reads": {1: "Never", 2: "Sometimes", 3: "Often", 4: "Always"},
    "index": {99: "refused"},
}
pyreadstat.write_sav(data, "survey.sav", variable_value_labels=labels)
pyreadstat.write_dta(data, "survey.dta", variable_value_labels={"reads": labels["reads"]})
spss, stata = pd.read_spss("survey.sav"), pd.read_stata("survey.dta")
seen = []
for name, column in (("spss: ", spss["reads"]), ("stata:", stata["reads"])):
    seen += [column.cat.categories.to_list(), column.cat.ordered]
    print(f"levels by read_{name}  {seen[-2]}, ordered: {seen[-1]}")
levels = spss["index"].nunique()
print(f"index by read_spss:    {spss['index'].dtype} with {levels} levels")
stands = seen == [
    ["Always", "Never", "Often", "Sometimes"],
    False,
    ["Never", "Sometimes", "Often", "Always"],
    True,
] and (str(spss["index"].dtype), levels) == ("category", 400)
print("The surprise stands." if stands else "The behaviour has changed.")
sys.exit(not stands)
PYTHON
