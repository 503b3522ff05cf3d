"""Is one model a special case of another, and what does the other have beyond it?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from course.design.design import Design
from course.design.grouping import Grouping
from course.design.groups import lies_in
from course.errors import CourseError

INSTEAD = (
    "A likelihood-ratio test needs one model to be a special case of the other; to choose between "
    "these, compare fit.aic of fits on the same rows by the same method (reml=False where the fixed "
    "parts differ)"
)


@dataclass(frozen=True)
class Step:
    """The parameters of the larger model that the smaller one has not.

    Attributes
    ----------
    free : int
        Those that may take either sign under the null hypothesis: fixed effects, and covariances.
    variances : int
        New variances that stand alone in their block, or beside effects that the smaller model has
        too: under the null hypothesis each is at the edge of what is possible, and its covariances
        with those effects are counted in ``free``.
    several : tuple of str
        Random terms with two or more new effects that are correlated with each other.
    groups : dict of str to int
        The groupings whose random part grows, and how many levels they have.
    df : int
        All new parameters.
    fixed : int
        The fixed effects among them.
    """

    free: int
    variances: int
    several: tuple[str, ...]
    groups: dict[str, int]
    df: int
    fixed: int = 0


def step(small: Design, large: Design) -> Step:
    """What ``large`` has beyond ``small``.

    Raises
    ------
    CourseError
        Where ``small`` is not a special case of ``large``, or was built on other rows.
    """
    check_rows(small, large)
    outside = [
        name
        for name, column in zip(small.fixed_names, small.X.T, strict=True)
        if not in_span(column[:, None], large.X)
    ]
    if outside:
        raise CourseError(
            f"not nested: {', '.join(outside)} of {small.formula} cannot be had from the fixed part of "
            f"{large.formula}. {INSTEAD}"
        )
    if not in_span((small.offset - large.offset)[:, None], large.X):
        raise CourseError(
            f"not nested: {small.formula} and {large.formula} differ in their offsets by more than the fixed "
            f"part of the second can make up for. {INSTEAD}"
        )
    if not np.array_equal(small.row_weights, large.row_weights):
        raise CourseError(
            f"not nested: {small.formula} and {large.formula} have other weights, and so other residual "
            f"variances. {INSTEAD}"
        )
    places = _places(small, large)
    fixed = large.X.shape[1] - small.X.shape[1]
    free, df, variances, several, groups = fixed, fixed, 0, [], {}
    for g, grouping in enumerate(large.groupings):
        for block in grouping.blocks:
            sizes = places.get((g, block), [])  # of the smaller model's blocks inside this one
            new = len(block) - sum(sizes)
            more = _triangle(len(block)) - sum(map(_triangle, sizes))
            df += more
            free += more - _triangle(new)
            if new == 1:
                variances += 1
            elif new > 1:
                effects = ", ".join(grouping.effects[j] for j in block)
                several.append(f"({effects} | {grouping.name})")
            if more:
                groups[grouping.name] = grouping.n_levels
    if df == 0:
        raise CourseError(
            f"{small.formula} and {large.formula} are the same model in other words: there is nothing "
            "to test"
        )
    return Step(
        free=free,
        variances=variances,
        several=tuple(several),
        groups=groups,
        df=df,
        fixed=fixed,
    )


def check_rows(one: Design, other: Design) -> None:
    """Raise unless both designs have the same responses in the same rows."""
    if not (one.in_memory and other.in_memory):
        raise CourseError(
            "whether one model is a special case of the other shows in the rows, and those of files and of "
            "Dask are not kept. Test terms of one fit by anova(fit) or wald(fit, ...), and compare models by "
            "fit.aic, of fits by reml=False where the fixed parts differ"
        )
    if one.formula.response != other.formula.response:
        raise CourseError(
            f"the responses differ, {one.formula.response} and {other.formula.response}: neither a test "
            "nor AIC compares models of different responses. Fit both to the same one"
        )
    if one.n != other.n or not np.array_equal(one.y, other.y):
        gaps = sorted({*one.missing, *other.missing})
        mend = (
            f"leave out the rows with gaps before fitting: data.dropna(subset={gaps})"
            if gaps
            else "fit both to the same DataFrame, its rows in the same order"
        )
        raise CourseError(
            f"the models were not fitted to the same rows ({one.n:,} of {one.formula} and "
            f"{other.n:,} of {other.formula}), so their likelihoods cannot be compared; {mend}"
        )


def _places(small: Design, large: Design) -> dict[tuple, list[int]]:
    """For each random block of ``large`` the sizes of the blocks of ``small`` inside it."""
    for design in (small, large):
        for a, b in combinations(design.groupings, 2):
            if same_partition(a, b):
                raise CourseError(
                    f"in {design.formula}, {a.name} and {b.name} are the same groups, so that only the sum "
                    "of their variances is known: leave one of the terms out"
                )
    places: dict[tuple, list[int]] = {}
    for grouping in small.groupings:
        hosts = [
            (g, block)
            for g, other in enumerate(large.groupings)
            if same_partition(grouping, other)
            for block in other.blocks
        ]
        for block in grouping.blocks:
            columns = grouping.Z[:, block]
            inside = [
                (g, host) for g, host in hosts if in_span(columns, large.groupings[g].Z[:, host])
            ]
            if not inside:
                effects = ", ".join(grouping.effects[j] for j in block)
                raise CourseError(
                    f"not nested: the random effects ({effects} | {grouping.name}) of {small.formula} "
                    f"have no place in one random term of {large.formula}. {INSTEAD}"
                )
            places.setdefault(inside[0], []).append(len(block))
    return places


def same_partition(one: Grouping, other: Grouping) -> bool:
    """Whether two groupings put the same rows together, whatever they are called."""
    return (
        one.n_levels == other.n_levels
        and lies_in(one.codes, other.codes)
        and lies_in(other.codes, one.codes)
    )


def in_span(columns: np.ndarray, basis: np.ndarray) -> bool:
    """Whether each of ``columns``, (n, a), is a linear combination of those of ``basis``, (n, b).

    Examples
    --------
    >>> age = np.array([8.0, 9, 10, 11])
    >>> both = np.column_stack([np.ones(4), age])
    >>> in_span(age[:, None] - 10, both), in_span(age[:, None] ** 2, both)
    (True, False)
    """
    size = np.sqrt((basis**2).sum(axis=0))
    Q, _ = np.linalg.qr(basis / np.where(size > 0, size, 1))
    left = columns - Q @ (Q.T @ columns)
    return bool((np.sum(left**2, axis=0) <= 1e-16 * np.sum(columns**2, axis=0)).all())


def _triangle(k: int) -> int:
    return k * (k + 1) // 2
