"""`mixedlm`: any lme4-style formula, or statsmodels' own arguments, to a model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from course.common.keywords import refuse_keywords
from course.design.design import build_design
from course.errors import CourseError
from course.fit.call_forms import KEYWORDS, OF_FIT, read_call
from course.fit.model import MixedModel
from course.formula.terms import Formula
from course.translation.translate import NO_RANDOM_TERM


def mixedlm(
    formula: str | Formula,
    data: pd.DataFrame,
    groups: str | Sequence | None = None,
    re_formula: str | dict[str, str] | None = None,
    vc_formula: dict[str, str] | None = None,
    subset: object = None,
    missing: str = "drop",
    use_sparse: bool = False,
    weights: str | Sequence | None = None,
    **options: object,
) -> MixedModel:
    """A linear mixed model from an lme4-style formula, or from statsmodels' own arguments.

    Parameters
    ----------
    formula : str
        ``"test_score ~ age + sex + (age|classroom) + (1|school)"``. Without bars it is the fixed part
        and the other arguments mean what they mean in ``statsmodels.formula.api.mixedlm``. Fixed effects
        that others determine are left out, as in lme4, and named in `MixedFit.notes`.
        R's spelling is read as it stands: ``factor(x)``, ``I(x^2)``, ``poly(x, 2)``, ``offset(x)``, ``.``.
    data : DataFrame
        One row per observation; it is not changed. Rows with missing values in a column that the
        model names are left out, counted, and reported by `MixedFit.summary`, unless `missing` forbids it.
    groups : str or array-like of shape (n,), optional
        Beside bars: adds ``(1|groups)``, for pupils who were measured repeatedly.
    re_formula, vc_formula : str or dict, optional
        Beside bars ``{"classroom": "~1"}`` says what varies by that group, and ``{"classroom": "diag"}``
        that it is independent, as by ``||`` (or ``"unstructured"``).
    subset : array-like of bool or of labels of the index, optional
        The rows to use, as in ``data.loc[subset]``.
    missing : {"drop", "raise", "none"}
        Leave rows with missing values out, or refuse them (as statsmodels does with ``"none"``, too).
    use_sparse : bool
        Without effect: it says how statsmodels keeps its matrices.
    weights : str or array-like of shape (n,), optional
        Prior weights, as lme4 has them: a row of weight w has the residual variance σ²/w, such as a mean of
        w pupils. A column of the data, or one number above 0 for each row. `MixedFit.sigma` is then the
        residual SD of a row of weight 1.
    **options
        None is known: a keyword of another program is told where it belongs.

    Returns
    -------
    MixedModel
        Call its `fit`.

    Raises
    ------
    CourseError
        Where formula or data are not as they should be; the message gives the mend.

    See Also
    --------
    translate : The same formula for statsmodels, without a fit.
    propose : A first formula for a table.
    compare, side_by_side, diagnose : What to do with the fits.

    Examples
    --------
    >>> from course import load
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> fit.n_groups["school"] == len(fit.random_effects["school"])
    True

    In R: ``lmer(test_score ~ age + (1 | classroom) + (1 | school), pupils)``.
    """
    refuse_keywords("mixedlm", options, KEYWORDS, OF_FIT)
    formula, data, weighted = read_call(
        formula, data, groups, re_formula, vc_formula, subset, missing, weights
    )
    if not formula.random:
        raise CourseError(NO_RANDOM_TERM)
    return MixedModel(build_design(formula, data, weighted))
