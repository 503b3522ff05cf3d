"""Likelihood-ratio tests of pooled fits (Meng and Rubin 1992, doi 10.1093/biomet/79.1.103).

With d_i the likelihood-ratio statistic of the i-th of m data sets at its own estimates, D_i that at the
estimates averaged over the data sets, d and D their means, and k new parameters,

    r = (m + 1) / (k (m - 1)) (d - D),    D3 = D / (k (1 + r)),

D3 has about an F distribution with k and nu degrees of freedom, nu as that of D1 in large samples
(`course.inference.pooled_wald`). A negative r counts as 0.

Averages are those of the fixed effects, of the covariance matrices of the random effects, and of the residual
variance, as in R's mitml: they exist where a variance is estimated at 0, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.inference.f_tests import upper_tail
from course.inference.nesting import Step, check_rows, step
from course.inference.pooled_wald import denominator_df
from course.solver.estimates import ml_deviance

FEW = 20  # levels: with fewer, a likelihood ratio of fixed effects is doubted


def compare_pooled(fits: Sequence[PooledFit]) -> pd.DataFrame:
    """The table of `course.compare` for pooled fits.

    Raises
    ------
    CourseError
        For fits that are pooled from different numbers of data sets or responses, and models that are not
        nested.
    """
    ordered = sorted(fits, key=lambda fit: fit.n_params)
    for fit in ordered[1:]:
        _check_same_data(ordered[0], fit)
    steps = [step(small.design, large.design) for small, large in pairwise(ordered)]
    by_ml = [[_by_ml(one) for one in fit.fits] for fit in ordered]
    at_means = [_deviances_at_means(ones) for ones in by_ml]
    rows = [dict.fromkeys(["F", "df", "den_df", "riv", "p_value"], np.nan) | {"reference": ""}]
    deviances = [np.array([one.estimates.deviance for one in ones]) for ones in by_ml]
    for i, new in enumerate(steps):
        own, common = (float(np.mean(of[i] - of[i + 1])) for of in (deviances, at_means))
        rows.append(meng_rubin(own, common, new.df, len(by_ml[0])))
    table = pd.DataFrame({"n_params": [fit.n_params for fit in ordered]})
    table = table.join(pd.DataFrame(rows).astype({"df": "Int64"}))
    table["likelihood"] = ["ML" if fit.method == "ML" else "ML, refitted" for fit in ordered]
    table.index = pd.Index([fit.formula for fit in ordered], name="model")
    table.attrs["notes"] = _notes(ordered, steps)
    return table


def meng_rubin(own: float, at_means: float, k: int, m: int) -> dict[str, float | str]:
    """D3 and what it is compared with.

    Parameters
    ----------
    own : float
        The mean likelihood-ratio statistic at each data set's own estimates.
    at_means : float
        That at the estimates averaged over the data sets.
    k, m : int
        New parameters, and data sets.

    Examples
    --------
    >>> found = meng_rubin(own=12.0, at_means=8.0, k=2, m=5)
    >>> {name: round(value, 3) for name, value in found.items() if name != "reference"}
    {'F': 1.0, 'df': 2, 'den_df': 10.25, 'riv': 3.0, 'p_value': 0.401}
    """
    riv = max((m + 1) / (k * (m - 1)) * (own - at_means), 0.0)
    F = max(at_means, 0.0) / (k * (1 + riv))
    den_df = denominator_df(riv, k, m)
    reference = f"F({k}, {den_df:.1f})"
    return {
        "F": F,
        "df": k,
        "den_df": den_df,
        "riv": riv,
        "p_value": upper_tail(F, k, den_df),
        "reference": reference,
    }


def _check_same_data(one: PooledFit, other: PooledFit) -> None:
    if len(one.fits) != len(other.fits):
        raise CourseError(
            f"{one.formula} is pooled from {len(one.fits)} fits and {other.formula} from {len(other.fits)}: "
            "fit both to the same plausible values or data sets"
        )
    for a, b in zip(one.fits, other.fits, strict=True):
        check_rows(a.design, b.design)


def _by_ml(fit: MixedFit) -> MixedFit:
    return fit if fit.method == "ML" else fit.model.fit(reml=False)


def _deviances_at_means(fits: Sequence[MixedFit]) -> np.ndarray:
    """-2 log-likelihood of each data set at the mean of all estimates, (m,)."""
    estimates = [fit.estimates for fit in fits]
    beta = np.mean([one.beta for one in estimates], axis=0)
    parts = zip(*(one.covariances for one in estimates), strict=True)
    covariances = [np.mean(matrices, axis=0) for matrices in parts]
    sigma2 = float(np.mean([one.sigma2 for one in estimates]))
    return np.array([ml_deviance(fit.model.problem, beta, covariances, sigma2) for fit in fits])


def _notes(fits: Sequence[PooledFit], steps: Sequence[Step]) -> list[str]:
    """What is to be known beside the numbers."""
    notes = [
        "F is D3 of Meng and Rubin (1992), of likelihoods by ML. For fixed effects alone, wald(large, ...) "
        "is the other test (D1), which needs the larger fit only."
    ]
    notes += [
        f"Not every fit of {fit.formula} converged: do not trust its row."
        for fit in fits
        if not fit.converged
    ]
    if any(new.variances or new.several for new in steps):
        notes.append(
            "A variance that is tested is 0 at the edge of what is possible, which F does not allow for: the "
            "p-value is an upper bound, for one variance alone about twice what it should be."
        )
    for new, small in zip(steps, fits, strict=False):
        fewest = min(small.n_groups, key=small.n_groups.__getitem__)
        if new.fixed and small.n_groups[fewest] < FEW:
            notes.append(
                f"Only {small.n_groups[fewest]} levels of {fewest}: for fixed effects that vary between them "
                "the p-value is too small. The t tests of the larger fit allow for that (fixed_effects)."
            )
    return list(dict.fromkeys(notes))
