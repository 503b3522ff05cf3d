"""How two groupings of the same rows lie: nested, restarting in each other, crossed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from course.common.memory import in_batches
from course.design.columns import factorize

FEW_LEVELS = 6  # fewer tell hardly anything of a variance
STRAY_SHARE = 0.2  # so many of the groups may lie in two larger ones, and we still call them nested
LABELS_PER_GROUP = 1.5  # there may be so many times the labels of the group that has most of them
ROWS_PER_PAIR = 2  # fewer on average, and a label numbers rows, not groups
# What a column with such a name usually holds, the largest groups first.
KINDS = (
    "country nation",
    "province region state",
    "district county municipality city town",
    "school college university hospital clinic site centre center firm company",
    "department faculty",
    "class classroom room ward team teacher",
    "student pupil child patient subject participant person id",
    "item trial visit",
)
RANKS = {word: rank for rank, words in enumerate(KINDS) for word in words.split()}
MOST_CODES = 2**62  # whole numbers of 64 bits hold these


def parents(child: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """The parent's code for each child code, given both codes row by row."""
    parent_of = np.empty(child.max() + 1, dtype=np.int64)
    parent_of[child] = parent
    return parent_of


def lies_in(child: np.ndarray, parent: np.ndarray) -> bool:
    """Whether all rows of a child level share their parent level."""
    parent_of = parents(child, parent)
    batches = in_batches(len(child), 2)
    return all((parent_of[child[rows]] == parent[rows]).all() for rows in batches)


def components(*codes: np.ndarray) -> np.ndarray:
    """The finest independent blocks of rows: no group of any grouping lies in two of them.

    Parameters
    ----------
    *codes : ndarray of int, shape (n,)
        The groupings.

    Returns
    -------
    ndarray of int64, shape (n,)
        The block of each row.

    Examples
    --------
    >>> components(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    offsets = np.cumsum([0] + [code.max() + 1 for code in codes])
    first = codes[0]
    links = np.concatenate([first for _ in codes[1:]] or [first])
    others = np.concatenate(
        [c + o for c, o in zip(codes[1:], offsets[1:-1], strict=True)] or [first]
    )
    graph = sparse.coo_array((np.ones(len(links), bool), (links, others)), (offsets[-1],) * 2)
    _, label = sparse.csgraph.connected_components(graph, directed=False)
    return pd.factorize(label[first])[0].astype(np.int64)


def pair_numbers(one: np.ndarray, other: np.ndarray, size: int) -> np.ndarray:
    """A number for each pair of codes, of which ``np.divmod(numbers, size)`` gives both back.

    Codes from pandas and NumPy have the width of the machine's addresses. Where that is 32 bits, as in a
    browser, a product of two of them overflows in silence once there are 46,341 of each; so numbers of
    pairs always have 64.

    Parameters
    ----------
    one, other : ndarray of int, shape (n,)
        Codes from 0.
    size : int
        More than the largest code of `other`.

    Returns
    -------
    ndarray of int64, shape (n,)

    Examples
    --------
    >>> pair_numbers(np.array([0, 2], np.int32), np.array([1, 0], np.int32), 2).tolist()
    [1, 4]
    """
    return one.astype(np.int64) * size + other


def occurring(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes of the combinations of two groupings that occur."""
    size = int(other.max()) + 1
    return np.divmod(np.unique(pair_numbers(one, other, size)), size)


def renumber(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes that occur, ascending, and for each row the place of its own among them, int64."""
    found, place = np.unique(codes, return_inverse=True)
    return found, place.astype(np.int64, copy=False)


# -- how two groupings lie -------------------------------------------------------------------------


@dataclass(frozen=True)
class Relation:
    """How one grouping lies to another.

    Attributes
    ----------
    inner, outer : str
        Names of the columns.
    how : {"the same", "nested", "partly nested", "restarting", "crossed"}
        "restarting" where the labels of `inner` are used again in every level of `outer`.
    both : bool
        Whether the labels of `outer` may as well be the ones that restart in `inner`.
    """

    inner: str
    outer: str
    how: str
    both: bool = False


def relation(
    one: str,
    one_codes: np.ndarray,
    other: str,
    other_codes: np.ndarray,
    listed: bool = False,
) -> Relation:
    """How two groupings lie to each other.

    Five schools with rooms 1 to 6 in each make the same table as six rooms with schools 1 to 5: where
    labels restart, the data do not say in which of the two. A name such as school is then taken to
    hold a classroom; where the names do not tell, the other reading is kept in `Relation.both`.

    Parameters
    ----------
    one, other : str
        The names of the columns.
    one_codes, other_codes : ndarray of int, shape (n,)
        The level of each row; -1 where the label is missing, and such rows do not count.
    listed : bool
        Whether somebody listed `one` before `other`, the larger groups first.

    Returns
    -------
    Relation

    Examples
    --------
    >>> school, room = np.repeat([0, 1, 2], 8), np.tile([0, 0, 1, 1, 2, 2, 3, 3], 3)
    >>> relation("room", room, "school", school)
    Relation(inner='room', outer='school', how='restarting', both=False)
    >>> relation("a", room, "b", school)
    Relation(inner='b', outer='a', how='restarting', both=True)
    """
    known = (one_codes >= 0) & (other_codes >= 0)
    codes = {one: one_codes[known], other: other_codes[known]}
    if not known.any():
        return Relation(one, other, "crossed")
    # of two with as many levels the one listed first is the larger
    outer, inner = sorted(codes, key=lambda name: codes[name].max())
    if lies_in(codes[inner], codes[outer]):
        same = lies_in(codes[outer], codes[inner])
        return Relation(inner, outer, "the same" if same else "nested")
    outers = np.bincount(occurring(codes[inner], codes[outer])[0])
    if (outers[outers > 0] > 1).mean() <= STRAY_SHARE:
        return Relation(inner, outer, "partly nested")

    # what restarts has, as a rule, fewer labels than what it restarts in
    readings = [(outer, inner), (inner, outer)]
    possible = [pair for pair in readings if _restarts(*(codes[name] for name in pair))]
    named = by_name(one, other)
    if named is not None:
        possible = [pair for pair in possible if pair[1] == named]
    elif max(codes[name].max() for name in codes) < 2:
        possible = []  # two by two, as sex and cohort would be
    elif listed:
        possible.sort(key=lambda pair: pair[1] != one)
    if not possible:
        return Relation(inner, outer, "crossed")
    return Relation(*possible[0], "restarting", both=len(possible) > 1)


def by_name(one: str, other: str) -> str | None:
    """Which of two columns holds the larger groups, by their names; None where these do not tell.

    Examples
    --------
    >>> by_name("classroom", "School_ID"), by_name("batch", "cask")
    ('School_ID', None)
    """
    first, second = _rank(one), _rank(other)
    if first is None or second is None or first == second:
        return None
    return one if first < second else other


def _restarts(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Rooms 1 to 4 in every school: few labels, most schools have most, and several rows in each."""
    inners, outers = occurring(inner, outer)
    labels = len(np.unique(inners))
    few = labels <= LABELS_PER_GROUP * np.bincount(outers).max()
    return bool(few and len(inner) >= ROWS_PER_PAIR * len(inners))


def _rank(name: str) -> int | None:
    """The place in `KINDS` of the last word of a name that stands there: school_id, SchoolNr, schools."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
    words = [word.lower() for word in words]
    if len(words) > 1:
        words = [word for word in words if word != "id"]
    ranks = [
        RANKS[form]
        for word in words
        for form in (word, word.removesuffix("s"), re.sub("(id|nr|no|code)$", "", word))
        if form in RANKS
    ]
    return ranks[-1] if ranks else None


def group_codes(columns: Sequence[pd.Series]) -> tuple[np.ndarray, pd.Index]:
    """Number the groups that one column, or the combinations of several, make.

    Parameters
    ----------
    columns : sequence of Series
        Without missing values, all of one length n.

    Returns
    -------
    codes : ndarray of int64, shape (n,)
        For each row the position of its group in `levels`.
    levels : Index or MultiIndex
        Sorted labels of the groups that occur.

    Examples
    --------
    >>> rooms = pd.Series([1, 2, 1], name="room"), pd.Series(["B", "A", "A"], name="school")
    >>> codes, levels = group_codes(rooms)
    >>> list(levels), codes.tolist()
    ([(1, 'A'), (1, 'B'), (2, 'A')], [1, 2, 0])
    """
    coded = [_one_column(column) for column in columns]
    codes, labels = coded[0]
    if len(coded) == 1:
        return codes, pd.Index(labels, name=columns[0].name)
    combined, size = np.zeros(len(codes), dtype=np.int64), 1
    for one, labels in coded:
        if size * len(labels) > MOST_CODES:  # number afresh what occurs: products would overflow
            combined, present = pd.factorize(combined, sort=True)
            size = len(present)
        combined, size = pair_numbers(combined, one, len(labels)), size * len(labels)
    codes, present = pd.factorize(combined, sort=True)
    row = np.empty(len(present), dtype=np.int64)  # one of each group, to read its labels from
    row[codes] = np.arange(len(codes))
    parts = [pd.Index(labels).take(one[row]) for one, labels in coded]
    levels = pd.MultiIndex.from_arrays(parts, names=[column.name for column in columns])
    return codes.astype(np.int64, copy=False), levels


def _one_column(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype(np.int64)
        counts = np.bincount(codes, minlength=len(column.cat.categories))
        used = counts > 0
        if used.all():
            return codes, column.cat.categories
        return (np.cumsum(used, dtype=np.int64) - 1)[codes], column.cat.categories[used]
    codes, labels = factorize(column)  # sorting the labels, not the rows
    try:
        order = np.argsort(np.asarray(labels))
    except TypeError:  # labels of mixed types: in order of appearance
        return codes.astype(np.int64, copy=False), pd.Index(labels)
    places = np.arange(len(order))
    if (order == places).all():  # they appear in their order
        return codes.astype(np.int64, copy=False), pd.Index(labels)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = places
    return rank[codes], pd.Index(labels).take(order)
