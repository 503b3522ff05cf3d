"""Who is where: schools in provinces, classrooms in schools, pupils in classrooms, and labels.

Units are numbered from 0 at each level. A population is a dictionary by level: for every unit of
that level, the numbers of the unit itself and of the units that contain it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from course.simulate.truth import CONTAINERS

Codes = dict[str, np.ndarray]
Column: TypeAlias = pd.api.extensions.ExtensionArray | np.ndarray
# The type of a plain text column: to look it up by its name "str" takes longer than to fill a small column.
TEXT = pd.StringDtype(na_value=np.nan)
_CHAIN = ("province", "school", "classroom", "student_id")
_LETTERS = {"province": "P", "school": "S", "classroom": "C"}


def draw_population(
    rng: np.random.Generator, provinces: int, sizes: dict[str, tuple[int, int]]
) -> dict[str, Codes]:
    """Draw how many units each parent has, and number them.

    Parameters
    ----------
    rng : Generator
    provinces : int
    sizes : dict
        Lowest and highest number per parent of "school", "classroom" and "student_id".

    Returns
    -------
    dict of str to dict of str to int array
        ``population["classroom"]["school"][i]`` is the school of classroom i.

    Examples
    --------
    >>> sizes = {"school": (2, 2), "classroom": (1, 1), "student_id": (3, 3)}
    >>> draw_population(np.random.default_rng(1), 1, sizes)["student_id"]["school"].tolist()
    [0, 0, 0, 1, 1, 1]
    """
    population = {"province": {"province": np.arange(provinces, dtype=np.int32)}}
    for parent, level in zip(_CHAIN, _CHAIN[1:], strict=False):
        low, high = sizes[level]
        above = population[parent]
        counts = rng.integers(low, high + 1, above[parent].size).astype(np.intp)  # as repeat asks
        codes = {name: np.repeat(numbers, counts) for name, numbers in above.items()}
        codes[level] = np.arange(counts.sum(), dtype=np.int32)
        population[level] = codes
    return population


def follow(pupils: Codes, years: int, reshuffle: float, rng: np.random.Generator) -> Codes:
    """Repeat each pupil once a year and deal classroom places anew between the years.

    Parameters
    ----------
    pupils : dict of str to int array
        Numbers of the units that each pupil belongs to in the first year, schools ascending.
    years : int
    reshuffle : float
        Chance that a pupil gives up the place between two years.
    rng : Generator

    Returns
    -------
    dict of str to int array
        The same for each pupil and year, and the "year" from 1.
    """
    school, rooms = pupils["school"], [pupils["classroom"]]
    for _ in range(years - 1):
        room = rooms[-1].copy()
        movers = np.flatnonzero(rng.random(room.size) < reshuffle)
        # Movers are in order of school, so sorting by (school, chance) deals places inside schools.
        dealt = movers[np.lexsort((rng.random(movers.size), school[movers]))]
        room[movers] = room[dealt]
        rooms.append(room)
    rows = {level: np.repeat(codes, years) for level, codes in pupils.items()}
    rows["classroom"] = np.column_stack(rooms).ravel()
    rows["year"] = np.tile(np.arange(1, years + 1), school.size)
    return rows


class Labels:
    """Labels of all units.

    Parameters
    ----------
    population : dict
        As from ``draw_population``.
    restarting : bool
        Whether numbers of schools and classrooms begin again in each parent.
    integer : bool
        Whether labels are whole numbers from 1 rather than text.
    """

    def __init__(self, population: dict[str, Codes], restarting: bool, integer: bool):
        self._population = population
        self._restarting = restarting
        self._of: dict[str, Column] = {}
        above: list[str] = []
        for parent, level in zip((None, *_CHAIN), _CHAIN, strict=False):
            codes = population[level]
            number = codes[level] + 1
            if parent and level != "student_id" and (restarting or not integer):
                number = number - np.searchsorted(codes[parent], codes[parent])
            if integer:
                self._of[level] = number.astype(np.int64)
                continue
            template = f"{_LETTERS.get(level, 'ID')}%0{len(str(number.max()))}d"
            texts = [template % n for n in number.tolist()]
            if parent and level != "student_id" and not restarting:
                parents = codes[parent].tolist()
                texts = [f"{above[i]}-{text}" for i, text in zip(parents, texts, strict=True)]
            self._of[level], above = pd.array(texts, dtype=TEXT), texts

    def column(self, level: str, codes: np.ndarray) -> Column:
        """Return the labels of the units with these numbers."""
        return self._of[level].take(codes)

    def group(self, level: str) -> str:
        """Return the name in a formula of the units of a level, such as "school:classroom"."""
        return ":".join(self._path(level))

    def units(self, level: str) -> dict[str, Column]:
        """Return the labels of all units of a level, by the columns that it takes to tell them apart."""
        above = self._path(level)[:-1]
        codes = self._population[level]
        return {name: self.column(name, codes[name]) for name in above} | {level: self._of[level]}

    def _path(self, level: str) -> list[str]:
        """Columns that it takes to tell the units of a level apart."""
        restarts = self._restarting and level != "student_id"
        return [*CONTAINERS[level], level] if restarts else [level]


def unit_index(units: dict[str, Column]) -> pd.Index:
    """Return labels of units, by column, as the index of a table of random effects."""
    if len(units) > 1:
        return pd.MultiIndex.from_arrays(list(units.values()), names=list(units))
    ((name, labels),) = units.items()
    return pd.Index(labels, name=name)
