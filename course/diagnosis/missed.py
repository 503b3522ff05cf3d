"""What a linear model misses: a bend, effects that lean on the size of groups, a response of few values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from course.common.wording import count, listing, words
from course.data.oddities import codes_like_missing
from course.design.aliasing import determined
from course.design.columns import is_number
from course.design.design import Design
from course.diagnosis.finding import Finding
from course.errors import CourseError
from course.fit.again import fit_with
from course.fit.model import MixedFit
from course.fit.shares import mean_variances

P = 0.001  # of an added term; one in a thousand straight predictors is taken for bent
BEND = 0.05  # what a square adds, in SDs of the response
LEAN = 0.15  # what log(size) adds, in SDs of the groups' effects
FEWEST_GROUPS = 10  # of a grouping whose sizes are looked at
FEWEST_VALUES = 5  # of a predictor that may bend
BINS = 5
FEW_VALUES = 7  # a response of no more is looked at as one of steps, not as a measurement


def missed(fit: MixedFit, looked: list[str], left_out: list[str]) -> list[Finding]:
    """What stands out in the response, and what further terms would show.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("score ~ gcsecnt + (1|school)", load("chem97")).fit()
    >>> [finding.title for finding in missed(fit, [], [])]  # doctest: +NORMALIZE_WHITESPACE
    ['The response takes only 6 values',
     'The response bends along gcsecnt',
     'Effects of school lean on its size']
    """
    findings = [*_values(fit), *_codes(fit.design)]
    looked.append("the values of the response")
    try:
        findings += [*_bends(fit), *_sizes(fit)]
        looked.append("bends, and sizes of groups")
    except (CourseError, np.linalg.LinAlgError) as error:
        left_out.append(f"bends, and sizes of groups ({error})")
    return findings


# -- the response -----------------------------------------------------------------------------------


def _values(fit: MixedFit) -> list[Finding]:
    values = np.unique(fit.design.y)
    if len(values) > FEW_VALUES or fit.nobs < 5 * len(values):
        return []
    shown = listing([f"{value:g}" for value in values])
    if len(values) == 2:
        return [
            Finding(
                "The response takes only 2 values",
                f"All rows have {shown.replace(' and ', ' or ')}.",
                "A linear model predicts values between and beyond the two, and its residuals cannot have "
                "one spread: their variance follows from the mean.",
                'Fit it as yes or no: mixedglm(formula, data, family="binomial").',
                "That the response is yes or no, and the link.",
                "problem",
            )
        ]
    return [
        Finding(
            f"The response takes only {len(values)} values",
            f"They are {shown}.",
            "A linear model takes steps between neighbouring values for equal, and predicts values that "
            "there are none of. Where most rows lie in the middle of the scale it does well enough; near "
            "its ends, slopes and variances are too small.",
            "Look at how many rows have the lowest and the highest value. Compare with a model of whether "
            "a value is reached (mixedglm with a yes or no), or with an ordinal model (in R, ordinal::clmm).",
            "The values of the scale, and whether another model of it comes to the same conclusion.",
            "caution",
        )
    ]


def _codes(design: Design) -> list[Finding]:
    """Codes such as 999 among the numbers of the model."""
    groups = {name for grouping in design.groupings for name in grouping.factors}
    findings = []
    for name, column in design.columns.items():
        column = column.infer_objects()
        if name in groups or name in design.formula.categorical or not is_number(column):
            continue
        found = codes_like_missing(column)
        if found is None:
            continue
        codes = [f"{code:g}" for code in found.codes]
        findings.append(
            Finding(
                f"{name} holds what looks like a code for missing values",
                f"{listing(codes)} in {count(found.rows, 'row')}, where all other values lie between "
                f"{words(found.low)} and {words(found.high)}.",
                "Taken for a measurement, a few such rows carry the means, slopes and variances of all.",
                f"Look it up in the codebook. If it means missing, replace it before the fit: "
                f"data[{name!r}] = data[{name!r}].replace([{', '.join(codes)}], np.nan).",
                "How many values were missing, and why.",
                "problem",
            )
        )
    return findings


# -- terms that might be added ----------------------------------------------------------------------


def _bends(fit: MixedFit) -> list[Finding]:
    design = fit.design
    straight = [j for j in range(len(design.fixed_names)) if _may_bend(design, j)]
    centred = [design.X[:, j] - design.X[:, j].mean() for j in straight]
    found = added(fit, [x**2 / x.std() for x in centred])
    findings = []
    for row in found.itertuples():
        if not (row.p_value < P and row.size > BEND * design.y.std()):
            continue
        name, x = design.fixed_names[straight[row.Index]], design.X[:, straight[row.Index]]
        findings.append(
            Finding(
                f"The response bends along {name}",
                f"From the lowest to the highest fifth of {name} the mean residual is "
                f"{_binned(x, fit.wresid.to_numpy())}. The square of {name}, added, has t = {row.t:.1f} "
                f"and makes a difference of {row.size / design.y.std():.2f} SD of the response.",
                "A straight line is then too high in some places and too low in others, and what depends "
                "on its slope (interactions, random slopes) may be the bend in disguise.",
                f"Plot residuals against {name}. Add the square, I({name}**2), a spline such as "
                f"bs({name}, df=4), or transform {name}.",
                "The shape that was fitted, and how it was chosen.",
                "caution",
            )
        )
    return findings


def _may_bend(design: Design, j: int) -> bool:
    """Whether a column is a numeric predictor whose shape is left to one straight line."""
    name = design.fixed_names[j]
    if name not in design.columns and not name.startswith(("center(", "scale(", "I(")):
        return False
    if ":" in name or "[" in name or np.unique(design.X[:, j]).size < FEWEST_VALUES:
        return False
    variables = set(re.findall(r"\w+", name)) & set(design.columns)
    others = [other for k, other in enumerate(design.fixed_names) if k != j and ":" not in other]
    return not any(variables.intersection(re.findall(r"\w+", other)) for other in others)


def _binned(x: np.ndarray, residuals: np.ndarray) -> str:
    """Mean residuals in fifths of a predictor."""
    ends = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)[1:-1]))
    means = pd.Series(residuals).groupby(np.searchsorted(ends, x)).mean()
    return listing([f"{mean:+.2g}" for mean in means])


def _sizes(fit: MixedFit) -> list[Finding]:
    findings, spreads = [], np.sqrt(mean_variances(fit.design, fit.estimates))
    for g, grouping in enumerate(fit.design.groupings):
        sizes = np.bincount(grouping.codes)
        if len(sizes) < FEWEST_GROUPS or np.ptp(sizes) == 0:
            continue
        log_size = np.log(sizes)
        found = added(fit, [log_size[grouping.codes]])
        if found.empty:
            continue
        row = found.iloc[0]
        step = abs(row["estimate"]) * log_size.std()
        if not (row["p_value"] < P and step > LEAN * spreads[g]):
            continue
        name = grouping.name
        findings.append(
            Finding(
                f"Effects of {name} lean on its size",
                f"Per doubling of the number of rows, levels of {name} lie "
                f"{words(abs(row['estimate']) * np.log(2))} {'higher' if row['estimate'] > 0 else 'lower'} "
                f"(t = {row['t']:.1f}, sizes from {sizes.min():,} to {sizes.max():,}).",
                f"The model takes effects of {name} for unrelated to how many rows there are. Where they are "
                f"related, the average level and the level of the average row differ, and what goes with "
                "size (means of predictors, for example) takes over its effect.",
                f"Plot the effects of {name} against the number of rows. Add the size as a predictor: "
                f"np.log(data.groupby({_columns(grouping.factors)})[{fit.design.formula.response!r}]"
                ".transform('size')).",
                "That size was looked at, and which conclusions depend on it.",
                "caution",
            )
        )
    return findings


def _columns(factors: Sequence[str]) -> str:
    return repr(factors[0]) if len(factors) == 1 else repr(list(factors))


def added(fit: MixedFit, columns: list[np.ndarray]) -> pd.DataFrame:
    """The coefficients of further columns, all added at once.

    Returns
    -------
    DataFrame
        By place in `columns` a row for each that is not determined by the others: the columns of
        ``fit.fixed_effects``; and size, by how much the fitted value changes with an SD of what the other
        predictors do not tell of the column.
    """
    design, p = fit.design, fit.design.X.shape[1]
    labels = [f"added {i}" for i in range(len(columns))]
    X = np.column_stack([design.X, *columns])
    kept, *_ = determined(X, (*design.fixed_names, *labels), range(X.shape[1]))
    places = np.flatnonzero(kept[p:])
    if not len(places):
        return pd.DataFrame(columns=["estimate", "t", "p_value", "size"])
    further = X[:, p + places]
    _, table = fit_with(fit, further, [labels[i] for i in places])
    own = further - design.X @ np.linalg.lstsq(design.X, further, rcond=None)[0]
    return table.assign(size=table["estimate"].abs() * own.std(axis=0)).set_index(places)
