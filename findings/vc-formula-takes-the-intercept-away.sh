#!/usr/bin/env bash
# Without re_formula, MixedLM gives every group a random intercept; its documentation calls that
# the default. Add a vc_formula for the rooms within the groups, and the intercept of the groups
# is gone, without a word. What the groups have in common goes into the rooms, which are then held
# to be independent, and the standard error of the mean comes out too small.
#
# Version: statsmodels 0.15.0.
#
# Source: docstring of MixedLM.from_formula ("The default gives a random intercept for each
# group"); in its code the default depends on vc_formula being None.
#
# Seen:
#   neither argument:                1 random intercept
#   vc_formula alone:                0, log-likelihood -313.92, std. error of the mean 0.63
#   vc_formula and re_formula="1":   1, log-likelihood -309.16, std. error of the mean 0.85
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
data = pd.DataFrame({"g": g, "x": rng.normal(size=120), "room": 2 * g + np.arange(120) % 2})
data["y"] = 30 + data["x"] + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)
rooms = {"room": "0 + C(room)"}

plain = smf.mixedlm("y ~ x", data, groups="g")
alone = smf.mixedlm("y ~ x", data, groups="g", vc_formula=rooms).fit()
both = smf.mixedlm("y ~ x", data, groups="g", vc_formula=rooms, re_formula="1").fit()
print(f"{'neither argument:':32} {plain.k_re} random intercept")
for what, fit in [("vc_formula alone:", alone), ('vc_formula and re_formula="1":', both)]:
    print(
        f"{what:32} {fit.model.k_re}, log-likelihood {fit.llf:.2f}, "
        f"std. error of the mean {fit.bse_fe['Intercept']:.2f}"
    )
stands = (plain.k_re, alone.model.k_re, both.model.k_re) == (1, 0, 1)

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
