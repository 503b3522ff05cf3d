#!/usr/bin/env bash
# A result is fitted by REML, then the same model object is fitted again by maximum likelihood.
# The first result still calls itself REML, yet its log-likelihood is another one: it is computed
# when it is first asked for, by whatever method the model was last fitted by. It belongs to no
# estimate at all, and a likelihood-ratio test built on it is wrong in silence.
#
# Version: statsmodels 0.15.0.
#
# Source: statsmodels/regression/mixed_linear_model.py: MixedLM.fit stores reml in the model, and
# MixedLMResults.llf calls model.loglike when first asked.
#
# Seen:
#   asked before the second fit: REML, log-likelihood -309.7836
#   asked after the second fit:  REML, log-likelihood -310.3022
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
data = pd.DataFrame({"g": g, "x": rng.normal(size=120)})
data["y"] = 30 + data["x"] + 2 * rng.normal(size=12)[g] + 3 * rng.normal(size=120)

expected = smf.mixedlm("y ~ x", data, groups="g").fit(reml=True)
print(f"asked before the second fit: {expected.method}, log-likelihood {expected.llf:.4f}")
model = smf.mixedlm("y ~ x", data, groups="g")
first = model.fit(reml=True)
model.fit(reml=False)
print(f"asked after the second fit:  {first.method}, log-likelihood {first.llf:.4f}")
stands = first.method == "REML" and abs(first.llf - expected.llf) > 0.1

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
