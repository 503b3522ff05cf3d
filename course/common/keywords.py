"""Keywords that a function does not take: where they belong, or which one was meant."""

from __future__ import annotations

from collections.abc import Iterable

from course.common.nearest import ALIKE, closest
from course.errors import CourseError

GENERALISED = (
    'numbers with a normal residual are fitted here; mixedglm(formula, data, family="binomial") fits yes or '
    'no, and family="poisson" counts'
)
PRIOR = (
    'mixedlm and translate take weights="w", where a row of weight w has the residual variance σ²/w, as the '
    "mean of w pupils has"
)
BY_ITSELF = "mixedlm ends on a checked optimum by itself: there is no optimiser to choose"
# What other programs take, by the keyword in small letters.
ELSEWHERE = {
    "family": GENERALISED,
    "link": GENERALISED,
    "weights": PRIOR,
    "var_weights": PRIOR,
    "freq_weights": 'where a row stands for several, repeat it: data.loc[data.index.repeat(data["count"])]. '
    + PRIOR,
    "offset": "write it in the formula, as in y ~ age + offset(x) + (1|school)",
    "control": BY_ITSELF,
    "method": BY_ITSELF + ". Maximum likelihood is .fit(reml=False)",
    "optimizer": BY_ITSELF,
    "start": BY_ITSELF,
    "start_params": BY_ITSELF,
    "maxiter": BY_ITSELF,
    "na_action": 'missing="drop" leaves rows with missing values out, missing="raise" refuses them',
    "eval_env": "a formula names columns of the data and nothing else",
    "correlation": "the residuals are independent; what rows share is said by random terms",
}


def refuse_keywords(
    function: str, given: Iterable[str], known: Iterable[str], told: dict[str, str]
) -> None:
    """Raise a `CourseError` for the first keyword given, if there is one.

    Parameters
    ----------
    function : str
        As the learner calls it: ``"mixedlm"``.
    given : iterable of str
        The keywords that the function has no place for.
    known : iterable of str
        Those that it has a place for.
    told : dict of str to str
        Where others belong, by the keyword in small letters.

    Examples
    --------
    >>> refuse_keywords("translate", ["dat"], ["formula", "data"], {})
    Traceback (most recent call last):
    ...
    course.errors.CourseError: translate() has no dat=; did you mean data=? It takes formula=, data=
    """
    known = list(known)
    for name in given:
        mends = {one: mend for one, mend in (ELSEWHERE | told).items() if one not in known}
        meant = closest(name.lower(), [*known, *mends], ALIKE)
        if meant in mends:
            raise CourseError(f"{function}() has no {name}=: {mends[meant]}")
        hint = f"; did you mean {meant}=?" if meant else "."
        takes = ", ".join(f"{one}=" for one in known)
        raise CourseError(f"{function}() has no {name}={hint} It takes {takes}")
