"""Is a slope within groups the same as the slope between them? (Mundlak's question)"""

from __future__ import annotations

import numpy as np
import pandas as pd

from course.design.aliasing import determined
from course.design.design import Design
from course.design.grouping import Grouping
from course.design.responses import NUMBER
from course.fit.again import fit_with
from course.fit.generalised import MixedGLMFit
from course.fit.latent import row_variance
from course.fit.model import MixedFit
from course.fit.require import require_fit
from course.fit.shares import mean_variances

VARIES = 1e-8  # share of a predictor's variance that counts as variation at a level


def between_within(fit: MixedFit | MixedGLMFit) -> pd.DataFrame:
    """Slopes within and between groups, for every predictor that varies both ways.

    A fixed effect of `age` mixes two comparisons: an older pupil with a younger one of the same school,
    and a school of older pupils with one of younger ones. The model assumes that both have the same slope.
    Adding the school mean of age as a further fixed effect lets them differ; its coefficient is the
    difference, between minus within, the contextual effect (Mundlak 1978, doi 10.2307/1913646; Bell and
    Jones 2015, doi 10.1017/psrm.2014.7). One refit per grouping holds the means of all its predictors.

    Parameters
    ----------
    fit : MixedFit or MixedGLMFit
        A fitted model, as ``mixedlm(...).fit()`` or ``mixedglm(...).fit()`` returns it.

    Returns
    -------
    DataFrame
        predictor, group, within, between (slopes), then for their difference: difference, std_error, df,
        t, p_value, lower, upper (Satterthwaite df, 95 %), and its size: difference times the SD of the group
        means over the rows, in SDs of the response. Of a generalised fit on the scale of its link, with z
        tests, and the size in SDs of a row there. Interactions are left out. Empty where no predictor
        varies both within and between the levels of a grouping.

    Raises
    ------
    CourseError
        Where `fit` is not what ``mixedlm(...).fit()`` returns.

    See Also
    --------
    diagnose : Mentions slopes that differ within and between groups.
    simulate_schools : Makes pupils for whom they differ, with ``school_age_correlation``.

    Examples
    --------
    >>> from course import between_within, load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> between_within(fit)[["predictor", "group", "within", "between", "p_value"]].round(3)
      predictor   group  within  between  p_value
    0  standLRT  school   0.559    0.917    0.002
    """
    require_fit(fit)
    tables = [_for_grouping(fit, grouping) for grouping in fit.design.groupings]
    columns = ["predictor", "group", "within", "between", "difference", "std_error", "df", "t"]
    columns += ["p_value", "lower", "upper", "size"]
    found = [table for table in tables if table is not None]
    if not found:
        return pd.DataFrame(columns=columns)
    return pd.concat(found, ignore_index=True)[columns]


def _for_grouping(fit: MixedFit | MixedGLMFit, grouping: Grouping) -> pd.DataFrame | None:
    design, names, predictors = fit.design, list(fit.design.fixed_names), []
    X = design.X
    for j, name in enumerate(design.fixed_names):
        if name == "Intercept" or ":" in name:
            continue
        means = _group_means(design, j, grouping)
        if means is None:
            continue
        with_means, label = np.column_stack([X, means]), f"mean of {name} by {grouping.name}"
        kept, *_ = determined(with_means, (*names, label), range(len(names) + 1))
        if not kept.all():  # a predictor of the model has the same values already
            continue
        X, names = with_means, [*names, label]
        predictors.append(j)
    if not predictors:
        return None
    p = len(design.fixed_names)
    estimates, table = fit_with(fit, X[:, p:], names[p:])
    if design.kind == NUMBER:
        spread = design.y.std()
    else:
        variances = mean_variances(design, fit.estimates).sum() + row_variance(fit)
        spread = np.sqrt(variances + np.var(design.X @ fit.estimates.beta))
    difference, within = table["estimate"], estimates.beta[predictors]
    return table.rename(columns={"estimate": "difference"}).assign(
        predictor=[names[j] for j in predictors],
        group=grouping.name,
        within=within,
        between=within + difference,
        size=difference * X[:, p:].std(axis=0) / spread,
    )


def _group_means(design: Design, column: int, grouping: Grouping) -> np.ndarray | None:
    """The mean of a predictor in each row's group; None unless it varies within and between them."""
    x = design.X[:, column] - design.X[:, column].mean()
    counts = np.bincount(grouping.codes)
    means = (np.bincount(grouping.codes, x) / counts)[grouping.codes]
    total = x @ x
    between = (means @ means) / total
    if between < VARIES or between > 1 - VARIES:
        return None
    return means + design.X[:, column].mean()
