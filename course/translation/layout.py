"""`Design` to `Layout`: how the random terms fit MixedLM's three arguments, and where they do not.

statsmodels' MixedLM knows one top-level grouping (``groups``), one set of correlated effects that vary by
it (``re_formula``), and any number of variance components inside it (``vc_formula``), each
independent of all others. So a term is exact where it is a single effect, or correlated at the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from course.design.design import Design
from course.design.groups import components


@dataclass(frozen=True)
class Effects:
    """Some effects of one grouping: one block of its Lambda.

    Attributes
    ----------
    grouping : int
        Its number in the design.
    block : tuple of int
        The columns of its Z.
    """

    grouping: int
    block: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The places of a design's random effects in MixedLM.

    Attributes
    ----------
    top : int or None
        The grouping that contains all others in the data; None where there is none and the
        independent blocks of the data stand in for it.
    re : Effects or None
        What goes to ``re_formula``.
    vc : tuple of Effects
        Single effects, each a variance component.
    correlated : tuple of Effects
        Correlated effects that ``re_formula`` has no room for: MixedLM has no name for these.
    """

    design: Design
    top: int | None
    re: Effects | None
    vc: tuple[Effects, ...]
    correlated: tuple[Effects, ...]

    @cached_property
    def top_codes(self) -> np.ndarray:
        """The top-level unit of each row, (n,)."""
        groupings = self.design.groupings
        if self.top is not None:
            return groupings[self.top].codes
        return components(*[grouping.codes for grouping in groupings])

    def name(self, effects: Effects) -> str:
        """What a variance component is called: ``classroom`` or ``classroom:age``."""
        grouping = self.design.groupings[effects.grouping]
        labels = [grouping.labels[j] for j in effects.block]
        if labels == ["Intercept"]:
            return grouping.name
        return ":".join([grouping.name, *labels])


def lay_out(design: Design) -> Layout:
    """Find the top-level grouping and give every random effect its place.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"y": [1.0, 3, 2, 5, 4, 7, 6, 8], "room": list("aabbccdd"),
    ...                      "school": list("AAAABBBB")})
    >>> layout = lay_out(build_design(parse_formula("y ~ 1 + (1|room) + (1|school)"), data))
    >>> layout.top, layout.re, layout.vc  # school contains room, so school is the top
    (1, Effects(grouping=1, block=(0,)), (Effects(grouping=0, block=(0,)),))
    """
    groupings = design.groupings
    contains_all = np.flatnonzero(design.nested.all(axis=0))
    top = None
    if len(contains_all):
        top = int(min(contains_all, key=lambda j: groupings[j].n_levels))
    re: Effects | None = None
    vc: list[Effects] = []
    correlated: list[Effects] = []
    if top is not None:
        blocks = [Effects(top, block) for block in groupings[top].blocks]
        several = [effects for effects in blocks if len(effects.block) > 1]
        intercept = [e for e in blocks if groupings[top].effects[e.block[0]] == "Intercept"]
        re = (several + intercept + blocks)[0]
    for g, grouping in enumerate(groupings):
        for block in grouping.blocks:
            effects = Effects(g, block)
            if effects != re:
                (vc if len(block) == 1 else correlated).append(effects)
    return Layout(design, top, re, tuple(vc), tuple(correlated))


def unit(column: np.ndarray) -> float:
    """A power of ten to measure a column in, where statsmodels' fixed tolerances could not cope.

    Examples
    --------
    >>> unit(np.array([9.0, 10, 11])), unit(np.array([30_000.0, 50_000]))
    (1.0, 10000.0)
    """
    size = np.sqrt(np.mean(column**2))
    return 1.0 if 0.01 < size < 100 or size == 0 else float(10.0 ** np.floor(np.log10(size)))
