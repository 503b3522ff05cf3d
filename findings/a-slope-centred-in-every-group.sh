#!/usr/bin/env bash
# A random slope of center(x), written in re_formula, is centred on the mean of all rows. The same
# text in vc_formula is centred on the mean of each group by itself, since MixedLM evaluates a
# vc_formula group by group. That is another model, and its log-likelihood is another one; nothing
# says so. What goes for center goes for scale, splines and every other function that looks at the
# whole column.
#
# Version: statsmodels 0.15.0, patsy 1.0.3.
#
# Source: docstring of MixedLM.from_formula ("The variance components formulas are processed
# separately for each group"); patsy's documentation, "Stateful transforms".
#
# Seen:
#   re_formula: first group 3.99, 3.61, 3.22, log-likelihood -314.22
#   vc_formula: first group -0.30, -0.69, -1.07, log-likelihood -353.10
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

rng = np.random.default_rng(3)
g = np.repeat(np.arange(12), 10)
data = pd.DataFrame({"g": g, "x": 2 * rng.normal(size=12)[g] + rng.normal(size=120)})
x = data["x"] - data["x"].mean()
data["y"] = 30 + x + 2 * rng.normal(size=12)[g] * x + 3 * rng.normal(size=120)

by_re = smf.mixedlm("y ~ x", data, groups="g", re_formula="0 + center(x)").fit()
by_vc = smf.mixedlm("y ~ x", data, groups="g", vc_formula={"slope": "0 + center(x)"}).fit()
columns = {
    "re_formula": by_re.model.exog_re[:, 0],
    "vc_formula": np.concatenate(by_vc.model.exog_vc.mats[0])[:, 0],
}
for (name, column), fit in zip(columns.items(), (by_re, by_vc), strict=True):
    first = ", ".join(f"{value:.2f}" for value in column[:3])
    print(f"{name}: first group {first}, log-likelihood {fit.llf:.2f}")
stands = np.allclose(columns["re_formula"], x) and not np.allclose(columns["vc_formula"], x)

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
