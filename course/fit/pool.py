"""`pool`: fits of one model to several data sets, checked and pooled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from course.common.wording import listing
from course.errors import CourseError
from course.fit.model import MixedFit
from course.fit.pooled import PooledFit
from course.fit.survey import SurveyFit
from course.formula.plausible import plausible_values


def pool(fits: Iterable[MixedFit]) -> PooledFit:
    r"""One answer from fits of the same model to several imputed data sets, by Rubin's rules.

    With q_i the estimate of one quantity in the i-th of m fits and u_i its squared standard error,

        Q = mean of q_i,    T = mean of u_i + (1 + 1/m) variance of q_i

    are the pooled estimate and its squared standard error (Rubin 1987). Degrees of freedom are those of
    Barnard and Rubin (1999), with Satterthwaite's of the fits, averaged, for those of complete data.

    Parameters
    ----------
    fits : iterable of MixedFit
        Two or more fits of one formula, by one method, to data sets of as many rows:
        ``[mixedlm(formula, d).fit() for d in imputed]``. Or fits to plausible values, whose names differ in a
        number; ``mixedlm("PV*MATH ~ ...", data).fit()`` makes and pools these at once, and faster.

    Returns
    -------
    PooledFit
        With the names of a `MixedFit`, and the separate fits in ``fits``.

    Raises
    ------
    CourseError
        For one fit alone; for fits of different formulas, methods, numbers of rows, coefficients or groups.

    See Also
    --------
    mixedlm : ``mixedlm("PV*MATH ~ ...", data).fit()`` fits and pools plausible values at once.
    compare : Tests one pooled fit against another.

    References
    ----------
    Rubin (1987), doi 10.1002/9780470316696; Barnard and Rubin (1999), doi 10.1093/biomet/86.4.948.

    Examples
    --------
    >>> import numpy as np
    >>> from course import load, mixedlm, pool
    >>> exam, rng = load("exam"), np.random.default_rng(1)
    >>> gone = rng.random(len(exam)) < 0.2
    >>> def imputed():  # the intake score, drawn from its regression on the exam
    ...     drawn = 0.59 * exam["normexam"] + rng.normal(0, 0.8, len(exam))
    ...     return exam.assign(standLRT=exam["standLRT"].mask(gone, drawn))
    >>> pooled = pool(mixedlm("normexam ~ standLRT + (1|school)", imputed()).fit() for _ in range(5))
    >>> pooled.fixed_effects.loc["standLRT", ["estimate", "std_error", "fmi"]].round(3).to_dict()
    {'estimate': 0.555, 'std_error': 0.013, 'fmi': 0.081}

    In R: ``mice::pool(lapply(imputed, function(d) lmer(formula, d)))``, or mitml's ``testEstimates``.
    """
    if isinstance(fits, MixedFit | SurveyFit):
        raise CourseError("pool takes several fits in a list: pool([fit1, fit2, ...])")
    if isinstance(fits, str) or not isinstance(fits, Iterable):
        raise CourseError(
            f"pool takes a list of fits, pool([mixedlm(formula, d).fit() for d in imputed]), not a "
            f"{type(fits).__name__}"
        )
    fits = tuple(fits)
    _check_kinds(fits)
    responses = [fit.design.formula.response for fit in fits]
    plausible = plausible_values(responses)
    for place, fit in enumerate(fits[1:], start=2):
        _check_pair(fits[0], fit, place, plausible is not None)
    return PooledFit(fits, plausible)


def _check_kinds(fits: tuple) -> None:
    """Refuse what cannot be pooled, and say what to do instead."""
    for place, fit in enumerate(fits, start=1):
        if isinstance(fit, PooledFit):
            raise CourseError(
                f"number {place} is pooled already, and these rules pool single fits: give all of those"
            )
        if not isinstance(fit, MixedFit | SurveyFit):
            mend = ": call its .fit()" if hasattr(fit, "fit") else ""
            raise CourseError(
                f"pool takes results of mixedlm(formula, data).fit(); number {place} is a "
                f"{type(fit).__name__}{mend}"
            )
    if len(fits) < 2:
        raise CourseError(
            f"{'one fit has' if fits else 'no fit: there is'} nothing to be pooled: give a fit for each "
            "imputed data set, pool([mixedlm(formula, d).fit() for d in imputed])"
        )


def _check_pair(first: MixedFit, fit: MixedFit, place: int, plausible: bool) -> None:
    one, other = first.design, fit.design
    formulas = [one.formula, other.formula]
    if plausible:
        formulas = [replace(formula, response="") for formula in formulas]
    if formulas[0] != formulas[1]:
        raise CourseError(
            f"the fits are of different models: the first of {first.formula}, number {place} of "
            f"{fit.formula}. Pool fits of one formula, or to plausible values, whose names differ in a "
            "number alone; compare(small, large) tests pooled fits of different models"
        )
    if one.weights_name != other.weights_name:
        raise CourseError(
            f"the first fit and number {place} have different weights: give weights= the same column in each"
        )
    if fit.method != first.method:
        raise CourseError(
            f"the first fit is by {first.method} and number {place} by {fit.method}: fit all by the same "
            "method"
        )
    if other.n != one.n:
        gaps = (
            f" ({', '.join({*one.missing, *other.missing})} lack values)"
            if (one.missing or other.missing)
            else ""
        )
        raise CourseError(
            f"the first fit has {one.n:,} rows and number {place} has {other.n:,}{gaps}: every data set must "
            "have the same rows, with all values that the model names imputed"
        )
    if plausible and not other.index.equals(one.index):
        raise CourseError(
            f"the first fit and number {place} are to different rows, since other values are missing. Leave "
            "out the rows with gaps before fitting: "
            f"data.dropna(subset={sorted({*one.missing, *other.missing})})"
        )
    if other.fixed_names != one.fixed_names:
        differ = sorted({*one.fixed_names} ^ {*other.fixed_names})
        raise CourseError(
            f"estimated in the first fit or in number {place}, but not in both: {listing(differ)}. Give the "
            "column the same labels in every data set, with pd.Categorical(column, categories=[...]), and "
            "see that each of them occurs"
        )
    for a, b in zip(one.groupings, other.groupings, strict=True):
        if set(a.levels) != set(b.levels) or a.labels != b.labels:
            raise CourseError(
                f"the groups of {a.name} are not the same in the first fit and in number {place}: the data "
                "sets must agree in them"
            )
