#!/usr/bin/env bash
# A vc_formula is a dictionary, and the variances come back as a plain array, vcomp. It is not in
# the order of the dictionary but sorted by its keys, and so are start values. Pairing the names
# with the numbers hands the slope's variance to the rooms.
#
# Version: statsmodels 0.15.0.
#
# Source: MixedLM.from_formula in statsmodels/regression/mixed_linear_model.py (sorted keys); the
# documentation of vcomp names no order.
#
# Seen:
#   written: room, age; vcomp: 0.24, 8.56
#   the model's own names: age, room
#   rooms differ by a variance of 9 in the simulation, slopes by 0.25
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

rng = np.random.default_rng(6)
g = np.repeat(np.arange(40), 20)
room = np.tile(np.repeat([0, 1, 2, 3], 5), 40)
data = pd.DataFrame({"g": g, "room": room, "age": rng.uniform(-2, 2, size=800)})
rooms = 3 * rng.normal(size=160)[4 * g + room]
data["y"] = 50 + rooms + 0.5 * rng.normal(size=40)[g] * data["age"] + rng.normal(size=800)

written = {"room": "0 + C(room)", "age": "0 + age"}
fit = smf.mixedlm("y ~ age", data, groups="g", vc_formula=written).fit()
print(f"written: {', '.join(written)}; vcomp: {', '.join(f'{value:.2f}' for value in fit.vcomp)}")
print("the model's own names:", ", ".join(fit.model.exog_vc.names))
print("rooms differ by a variance of 9 in the simulation, slopes by 0.25")
stands = fit.model.exog_vc.names == sorted(written) and fit.vcomp[0] < 1 < 5 < fit.vcomp[1]

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
