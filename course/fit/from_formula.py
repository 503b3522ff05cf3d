"""`mixedlm`: any lme4-style formula, or statsmodels' own arguments, to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pandas as pd

from course.common.keywords import refuse_keywords
from course.design.columns import check_frame
from course.design.design import build_design
from course.design.plausible import build_designs
from course.design.weights import columns_of_weights
from course.errors import CourseError
from course.fit.call_forms import (
    KEYWORDS,
    OF_FIT,
    check_missing_word,
    read_call,
    refuse_beside_a_source,
)
from course.fit.model import MixedModel
from course.fit.plausible import PooledModel
from course.fit.survey_options import refuse_without_sampling_weights, survey_models
from course.formula.plausible import read_formula
from course.formula.terms import Formula
from course.streaming import Source, open_source, stream
from course.translation.translate import require_random_term


def mixedlm(
    formula: str | Formula,
    data: pd.DataFrame | str | Path,
    groups: str | Sequence | None = None,
    re_formula: str | dict[str, str] | None = None,
    vc_formula: dict[str, str] | None = None,
    subset: object = None,
    missing: str = "drop",
    use_sparse: bool = False,
    weights: str | Sequence | Mapping[str, str] | None = None,
    scaling: str | None = "size",
    strata: str | None = None,
    replicate_weights: str | Sequence[str] | None = None,
    replicate_method: str = "fay",
    fay: float = 0.5,
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
        A ``*`` in the response that joins no columns stands for a number: ``"PV*MATH ~ escs + (1|school)"``
        is fitted to each of the plausible values PV1MATH, PV2MATH, ..., and the fits are pooled.
    data : DataFrame
        One row per observation; it is not changed. Rows with missing values in a column that the
        model names are left out, counted, and reported by `MixedFit.summary`, unless `missing` forbids it.
        Where the rows do not fit into memory: the path of a Parquet file or of a folder of them, a
        ``pyarrow.dataset.Dataset``, or a Dask DataFrame. They are read twice, in batches, and what is kept
        grows with the number of groups, not with the rows.
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
    weights : str, array-like of shape (n,), or dict, optional
        Prior weights, as lme4 has them: a row of weight w has the residual variance σ²/w, such as a mean of
        w pupils. A column of the data, or one number above 0 for each row. `MixedFit.sigma` is then the
        residual SD of a row of weight 1. **A dictionary has sampling weights**, one over the probability that
        a unit is in the sample: ``{"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}``, columns by the
        unit that they are of. A group of the formula is that group, any other name the rows. A plain name
        has the overall weight, ``"student|SCHOOLID"`` that of a student within a school that is drawn; units
        that are not named are not weighted.
    scaling : {"size", "effective", None}
        Of sampling weights below the top: conditional weights within a unit add up to the size of its
        sample, or to its effective size, or are left as they are.
    strata : str, optional
        Beside sampling weights: the column of the strata that the units at the top were drawn from.
    replicate_weights : str or list of str, optional
        Beside sampling weights: columns of replicate weights, ``"W_FSTURWT*"``, for standard errors.
    replicate_method : {"fay", "brr", "jackknife", "jk2"}
        How these were made: PISA's by Fay's method; "jk2" is the paired jackknife of TIMSS and PIRLS.
    fay : float
        Fay's k, the share that units left out keep.
    **options
        None is known: a keyword of another program is told where it belongs.

    Returns
    -------
    MixedModel
        Call its `fit`. For plausible values it is a `PooledModel`, whose `fit` returns a `PooledFit`; with
        sampling weights a `SurveyModel`, whose `fit` returns a `SurveyFit`.

    Raises
    ------
    CourseError
        Where formula or data are not as they should be; the message says what to write instead.

    See Also
    --------
    translate : The same formula for statsmodels, without a fit.
    propose : A first formula for a table.
    compare, side_by_side, diagnose : What to do with the fits.
    pool : Pools fits to imputed data sets.

    Examples
    --------
    >>> from course import load
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> fit.n_groups["school"] == len(fit.random_effects["school"])
    True

    In R: ``lmer(test_score ~ age + (1 | classroom) + (1 | school), pupils)``.
    """
    refuse_keywords("mixedlm", options, KEYWORDS, OF_FIT)
    sampled = isinstance(weights, Mapping)
    if not sampled:
        refuse_without_sampling_weights(
            scaling=scaling,
            strata=strata,
            replicate_weights=replicate_weights,
            replicate_method=replicate_method,
            fay=fay,
        )
    source = open_source(data)
    if source is not None:
        refuse_beside_a_source(groups, re_formula, vc_formula, subset, weights)
        return _of_source(formula, source, missing)
    data = check_frame(data)
    aside = columns_of_weights(weights, replicate_weights, data.columns)
    formula, plausible = read_formula(formula, data.columns, aside)
    formula, data, weighted = read_call(
        formula, data, groups, re_formula, vc_formula, subset, missing, None if sampled else weights
    )
    require_random_term(formula)
    if plausible is None:
        designs = [build_design(formula, data, weighted)]
    else:
        designs = build_designs(formula, data, plausible.responses, plausible.columns, weighted)
    surveys = None
    if isinstance(weights, Mapping):
        surveys = survey_models(
            designs, data, weights, scaling, strata, replicate_weights, replicate_method, fay
        )
    model: object = MixedModel(designs[0]) if surveys is None else surveys[0]
    if plausible is not None:
        model = PooledModel(designs, plausible, surveys)
    # which of these it is, formula and weights say: type checkers are told of the usual one
    return cast(MixedModel, model)


def _of_source(formula: str | Formula, source: Source, missing: str) -> MixedModel:
    """A model of rows that are read in batches."""
    names = pd.DataFrame(columns=list(source.names))
    formula, plausible = read_formula(formula, names.columns)
    if plausible is not None:
        raise CourseError(
            "plausible values are pooled from fits of rows in memory: for data that are read from files or "
            "from Dask fit the model to each of them, and pool([fit1, fit2, ...])"
        )
    formula, _, _ = read_call(formula, names)
    require_random_term(formula)
    streamed = stream(formula, source, complete_only=check_missing_word(missing) != "drop")
    return MixedModel(streamed.design, streamed.problem, streamed)
