#!/usr/bin/env bash
# Counting age from another zero changes nothing in a model whose intercepts and slopes are
# correlated: both fits have one and the same maximum. MixedLM reports converged = True at both,
# yet with age uncentred it can stop dozens of log-likelihood units lower, and the standard error
# of the slope comes out at half of what it should be. Its warning, that a first optimiser failed
# and a second one takes over, is the same where that one arrives.
#
# Version: statsmodels 0.15.0 (the default optimisers, bfgs first).
#
# Source: statsmodels/regression/mixed_linear_model.py, MixedLM.fit; statsmodels issue 3604 has
# results that depend on where the search stopped.
#
# Seen:
#   seed 2: converged True, 2 warnings, 37.3 units short, std. error 0.182; centred 0.371
#   seed 4: converged True, 2 warnings, 50.6 units short, std. error 0.177; centred 0.373
#   seed 7: converged True, 2 warnings, 40.4 units short, std. error 0.188; centred 0.368
#   seed 8: converged True, 2 warnings,  0.0 units short, std. error 0.321; centred 0.321
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


def pupils(seed):
    """40 schools of 20 pupils aged 38 to 42, whose slopes of age differ."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(40), 20)
    t = rng.uniform(-2, 2, size=len(g))
    y = 50 + 2 * t + 4 * rng.normal(size=40)[g] + 2 * rng.normal(size=40)[g] * t
    return pd.DataFrame({"g": g, "age": 40 + t, "centred": t, "y": y + 5 * rng.normal(size=len(g))})


def fitted(x, data):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        return smf.mixedlm(f"y ~ {x}", data, groups="g", re_formula=f"~{x}").fit(), len(said)


short = []
for seed in (2, 4, 7, 8):
    data = pupils(seed)
    (raw, said), (centred, _) = fitted("age", data), fitted("centred", data)
    gap = centred.llf - raw.llf
    print(
        f"seed {seed}: converged {raw.converged}, {said} warnings, {gap:4.1f} units short, "
        f"std. error {raw.bse_fe['age']:.3f}; centred {centred.bse_fe['centred']:.3f}"
    )
    short.append(raw.converged and gap > 5)
stands = any(short)

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
