#!/usr/bin/env bash
# MixedLM warns that "the MLE may be on the boundary of the parameter space" where a variance is
# below 0.01, whatever the unit of y. The same scores in hundredths bring the warning for a
# variance that is half as large as the residual's and far from 0. Scores without any difference
# between groups, times 100, do not bring it, although the variance then is a forty-thousandth of
# the residual's.
#
# Version: statsmodels 0.15.0.
#
# Source: statsmodels/regression/mixed_linear_model.py, MixedLM.fit (the two comparisons with
# 0.01).
#
# Seen:
#   groups differ, y / 100:          variance ratio 0.5479, warned: True
#   groups differ, y:                variance ratio 0.5479, warned: False
#   groups do not differ, y:         variance ratio 0.0000, warned: True
#   groups do not differ, y * 100:   variance ratio 0.0000, warned: False
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 patsy==1.0.3 statsmodels==0.15.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

rng = np.random.default_rng(3)
g = np.repeat(np.arange(30), 10)
differ = 3 + 2 * rng.normal(size=30)[g] + 3 * rng.normal(size=300)
alike = pd.Series(rng.normal(size=300))
alike -= alike.groupby(g).transform("mean")  # the estimate of their variance is 0


def fitted(what, y):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = smf.mixedlm("y ~ 1", pd.DataFrame({"g": g, "y": y}), groups="g").fit()
    warned = any("boundary" in str(one.message) for one in said)
    print(f"{what:32} variance ratio {result.cov_re.iloc[0, 0] / result.scale:.4f}, warned: {warned}")
    return warned


stands = [
    fitted("groups differ, y / 100:", differ / 100),
    fitted("groups differ, y:", differ),
    fitted("groups do not differ, y:", alike),
    fitted("groups do not differ, y * 100:", alike * 100),
] == [True, False, True, False]

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
