"""What MixedLM is told, as a value: the arguments of the call, and the columns made for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["everyone", "blocks", "groups", "renamed", "unit", "factor", "by patsy"]


@dataclass(frozen=True)
class MadeColumn:
    """A column that the call needs beside the data's own.

    Attributes
    ----------
    name : str
        A name that no column of the model has.
    kind : {"everyone", "blocks", "groups", "renamed", "unit", "factor", "by patsy"}
        One group of all rows; the independent blocks of the data; the combinations of several grouping
        factors; a column whose own name would hide a function of formulas; a predictor in another unit;
        an effect in pandas' own words; a column of patsy's, from a formula that all rows are read by.
    expression : str
        Python that makes it of ``data``; of kind "blocks", the name of the series that holds them.
    """

    name: str
    kind: Kind
    expression: str


@dataclass(frozen=True)
class Component:
    """A variance component: an entry of ``vc_formula``.

    Attributes
    ----------
    name : str
        For instance ``classroom`` or ``classroom:age``.
    formula : str
        For instance ``0 + C(classroom)`` or ``0 + C(classroom):age``.
    is_intercept : bool
        Whether it has one column of ones for each group, and no slope.
    """

    name: str
    formula: str
    is_intercept: bool


@dataclass(frozen=True)
class Gap:
    """A term that MixedLM has no place for: the reason, and the way out that `mixedlm` has.

    It prints as both, one after the other.
    """

    reason: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.reason} {self.way_out}"


@dataclass(frozen=True)
class Call:
    """The arguments of ``smf.mixedlm``, and what has to be there before it is called.

    Attributes
    ----------
    fixed_formula, groups : str
    re_formula : str or None
    n_correlated : int
        How many effects ``re_formula`` has.
    components : tuple of Component
        The entries of ``vc_formula``.
    made : tuple of MadeColumn
        In the order in which they have to be made.
    gaps : tuple of Gap
        Where MixedLM does not have this very model.
    weights : str or None
        The column of prior weights: every row is multiplied by the root of its weight.
    """

    fixed_formula: str
    groups: str
    re_formula: str | None
    n_correlated: int
    components: tuple[Component, ...]
    made: tuple[MadeColumn, ...]
    gaps: tuple[Gap, ...]
    weights: str | None
