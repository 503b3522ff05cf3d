"""`mixedglm`: a formula, data and a family to a generalised model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from course.common.arguments import kind_of, unknown
from course.common.keywords import refuse_keywords
from course.design.design import build_design
from course.design.responses import COUNT, YES_OR_NO
from course.errors import CourseError
from course.fit.call_forms import read_call
from course.fit.generalised import MixedGLM
from course.formula.terms import Formula
from course.solver.families import FAMILIES, Family

KEYWORDS = ("formula", "data", "family", "link", "weights", "subset", "missing")
NORMAL = ("gaussian", "normal")
OF_NUMBERS = "numbers with a normal residual are fitted by mixedlm(formula, data), without family="
OF_FIT = dict.fromkeys(("nagq", "progress"), "it is given to fit(): mixedglm(...).fit(nagq=7)") | {
    "reml": "a generalised model is fitted by maximum likelihood; REML is of linear ones"
}
NO_RANDOM_TERM = (
    "no random term in the formula: write one as (1|school). Without one it is a generalised linear model: "
    "statsmodels.formula.api.glm fits that"
)


def mixedglm(
    formula: str | Formula,
    data: pd.DataFrame,
    family: str = "binomial",
    link: str | None = None,
    weights: str | Sequence | None = None,
    subset: object = None,
    missing: str = "drop",
    **options: object,
) -> MixedGLM:
    """A generalised linear mixed model: yes or no, so many of so many, or how many.

    Parameters
    ----------
    formula : str
        As for `mixedlm`: ``"passed ~ age + (age|school)"``. Before the ~ stand, for ``"binomial"``: a
        column of 0 and 1, of True and False, or of two labels (the second in order is counted), a
        comparison ``(score > 50)``, ``cbind(passed, failed)`` with the numbers of each, or proportions with
        `weights`; for ``"poisson"`` counts, with ``offset(np.log(exposure))`` on the right where they were
        counted over different spans.
    data : DataFrame
        One row per observation; it is not changed. Rows with missing values in a column that the
        model names are left out, counted, and reported, unless `missing` forbids it.
    family : {"binomial", "poisson"}
        What the response is: yes or no (so many of so many), or a count.
    link : {"logit", "probit", "cloglog"} or {"log"}, optional
        The first of them where left out.
    weights : str or array-like of shape (n,), optional
        Of proportions the number of trials of each row; of counts prior weights.
    subset : array-like of bool or of labels of the index, optional
        The rows to use, as in ``data.loc[subset]``.
    missing : {"drop", "raise"}
        Leave rows with missing values out, or refuse them.
    **options
        None is known: a keyword of another program is told where it belongs.

    Returns
    -------
    MixedGLM
        Call its `fit`.

    Raises
    ------
    CourseError
        Where formula or data are not as they should be: a response that is no yes or no, or no count, an
        unknown family or link. The message says what to write instead.

    See Also
    --------
    mixedlm : Of numbers with a normal residual.
    MixedGLMFit : What ``fit()`` returns.

    Examples
    --------
    >>> from course import load
    >>> data = load("pupils")
    >>> fit = mixedglm("(test_score > 60) ~ age + (1|school)", data, family="binomial").fit()
    >>> bool(fit.ratios.loc["age", "ratio"] > 1)
    True

    In R: ``glmer((test_score > 60) ~ age + (1 | school), pupils, family = binomial)``.
    """
    refuse_keywords("mixedglm", options, KEYWORDS, OF_FIT)
    distribution = _family(family, link)
    formula, data, weighted = read_call(
        formula, data, subset=subset, missing=missing, weights=weights
    )
    if not formula.random:
        raise CourseError(NO_RANDOM_TERM)
    kind = YES_OR_NO if distribution.name == "binomial" else COUNT
    return MixedGLM(build_design(formula, data, weighted, kind), distribution)


def _family(given: object, link: object) -> Family:
    name = (given if isinstance(given, str) else kind_of(given)).lower()
    if name in NORMAL:
        raise CourseError(OF_NUMBERS)
    if not isinstance(given, str):  # statsmodels' families.Binomial(), say
        example = name if name in FAMILIES else "binomial"
        raise CourseError(f'family= takes a name: write family="{example}"')
    if name.startswith(("nbinom", "negative", "neg_bin", "quasi")):
        raise CourseError(
            f"no family {given!r}: counts that vary more than Poisson's law allows have "
            'family="poisson" and an effect of each row, (1|row) with data["row"] = range(len(data))'
        )
    if name not in FAMILIES:
        raise unknown(given, FAMILIES, "family")
    links = FAMILIES[name]
    if link is None:
        return next(iter(links.values()))
    if not isinstance(link, str) or link not in links:
        raise unknown(link, links, f"link of the {name} family")
    return links[link]
