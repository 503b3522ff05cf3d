"""`Design` to what statsmodels' two models of yes or no and of counts are told.

`BinomialBayesMixedGLM` and `PoissonBayesMixedGLM` have any number of random effects, each with one variance
and independent of all others. GEE has none: it knows clusters, whose rows may be alike in any way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course.common.wording import listing
from course.design.grouping import Grouping
from course.formula.expressions import column_code
from course.translation.arguments import Writer
from course.translation.call import Component, MadeColumn
from course.translation.layout import Effects, Layout

FEW_CLUSTERS = 50  # GEE's own standard errors are too small with fewer
LEAST_CLUSTERS = 10  # blocks of rows that are of use as clusters


@dataclass(frozen=True)
class BayesCall:
    """The arguments of ``BinomialBayesMixedGLM.from_formula``.

    Attributes
    ----------
    fixed_formula : str
    components : tuple of Component
        The entries of ``vc_formulas``.
    made : tuple of MadeColumn
    gaps : tuple of str
        What it cannot express.
    cells : int
        Of the matrix of its random effects.
    """

    fixed_formula: str
    components: tuple[Component, ...]
    made: tuple[MadeColumn, ...]
    gaps: tuple[str, ...]
    cells: int


@dataclass(frozen=True)
class GeeCall:
    """The arguments of ``smf.gee``.

    Attributes
    ----------
    fixed_formula, groups : str
    n_clusters : int
    ignored : tuple of str
        The groupings that cut across the clusters, whose likeness is ignored.
    made : tuple of MadeColumn
    """

    fixed_formula: str
    groups: str
    n_clusters: int
    ignored: tuple[str, ...]
    made: tuple[MadeColumn, ...]


class _OfAllRows(Writer):
    """Writes variance components that all rows are read by, and not those of one group at a time."""

    def component(self, grouping: Grouping, j: int) -> str:
        codes = f"C({column_code(self.group(self.shortest(grouping.factors, grouping)))})"
        effect = grouping.effects[j]
        if effect == "Intercept":
            return f"0 + {codes}"
        return f"0 + {codes}:{self.effect(self.measured(effect, grouping.Z[:, j]), grouping, j)}"


def bayes_call(layout: Layout, response: str, name: str) -> BayesCall:
    """The call of a Bayesian mixed GLM; correlated effects are written as independent ones.

    Parameters
    ----------
    layout : Layout
    response : str
        The left side of the formula.
    name : str
        Of the class.
    """
    writer, gaps = _OfAllRows(layout), []
    for g, grouping in enumerate(layout.design.groupings):
        for block in grouping.blocks:
            for j in block:
                writer.add_component(Effects(g, (j,)))
            if len(block) > 1:
                names = [grouping.effects[j] for j in block]
                together = listing(["intercept" if one == "Intercept" else one for one in names])
                gaps.append(
                    f"{together} of {grouping.name} are correlated, and {name} has independent effects "
                    "only."
                )
    fixed = writer.plain(f"{response} ~ {writer.fixed()}")
    components = tuple(
        Component(c.name, writer.plain(c.formula), c.is_intercept)
        for c in writer.components.values()
    )
    columns = sum(one.n_levels * len(one.effects) for one in layout.design.groupings)
    made, cells = tuple(writer.made.values()), layout.design.n * columns
    return BayesCall(fixed, components, made, tuple(gaps), cells)


def gee_call(layout: Layout, response: str) -> GeeCall:
    """The call of GEE: its clusters are the groups that contain all others, where there are such.

    Where there are none, the blocks of rows that have nothing in common; and where there are hardly any of
    these, the grouping with most levels.
    """
    writer, design = Writer(layout), layout.design
    codes, ignored = layout.top_codes, []
    if layout.top is None and codes.max() < LEAST_CLUSTERS:
        most = int(np.argmax([grouping.n_levels for grouping in design.groupings]))
        codes, groups = design.groupings[most].codes, writer.group(design.groupings[most].factors)
        ignored = [
            grouping.name
            for g, grouping in enumerate(design.groupings)
            if not design.nested[g, most]
        ]
    else:
        groups = writer.top()
    fixed = writer.plain(f"{response} ~ {writer.fixed()}")
    made = tuple(writer.made.values())
    return GeeCall(fixed, groups, int(codes.max()) + 1, tuple(ignored), made)
