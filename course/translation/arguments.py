"""`Design` and its `Layout` to `Call`: the arguments of MixedLM, and the columns made for them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from course.design.grouping import Grouping
from course.design.matrices import CodedFactor, Codings
from course.formula.expressions import (
    QUOTED,
    STATEFUL,
    column_code,
    hides_a_function,
    names_outside_texts,
    quoted_column,
)
from course.translation.call import Call, Component, Kind, MadeColumn
from course.translation.layout import Effects, Layout, unit
from course.translation.words import gap


def arguments(layout: Layout) -> Call:
    """The call that fits a design; correlated effects without a place are written as independent.

    Examples
    --------
    >>> import pandas as pd
    >>> from course.design.design import build_design
    >>> from course.formula.parse import parse_formula
    >>> from course.translation.layout import lay_out
    >>> data = pd.DataFrame({"y": [1.0, 3, 2, 5, 4, 7, 6, 8], "room": list("aabbccdd"),
    ...                      "school": list("AAAABBBB")})
    >>> design = build_design(parse_formula("y ~ 1 + (1|room) + (1|school)"), data)
    >>> call = arguments(lay_out(design))
    >>> call.groups, call.re_formula
    ('school', '1')
    >>> call.components
    (Component(name='room', formula='0 + C(room)', is_intercept=True),)
    """
    writer = Writer(layout)

    def components() -> None:
        for effects in layout.vc:
            writer.add_component(effects)
        for effects in layout.correlated:
            for j in effects.block:
                writer.add_component(Effects(effects.grouping, (j,)))

    gaps = tuple(gap(layout, effects) for effects in layout.correlated)
    return replace(writer.call(components), gaps=gaps)


class Writer:
    """Writes names and formulas for the call, and keeps the columns that have to be made for it."""

    def __init__(self, layout: Layout):
        self.design, self.layout = layout.design, layout
        self.made: dict[str, MadeColumn] = {}
        self.components: dict[str, Component] = {}
        self.taken = set(layout.design.formula.columns)

    def call(self, components: Callable[[], None]) -> Call:
        """The call, as if without gaps; ``components`` adds the variance components."""
        layout, formula = self.layout, self.design.formula
        response = formula.response
        if formula.offset:  # MixedLM has no place for one
            response = f"I({response} - {formula.offset})"
        groups = self.top()
        re_formula = None if layout.re is None else self.top_effects(layout.re)
        if re_formula and "~" in re_formula:
            # it is of a column's name, and MixedLM would take it for its own
            re_formula = f"~ {re_formula}"
        components()
        return Call(
            fixed_formula=self.plain(f"{response} ~ {self.fixed()}"),
            groups=groups,
            re_formula=re_formula and self.plain(re_formula),
            n_correlated=0 if layout.re is None else len(layout.re.block),
            components=tuple(
                replace(component, formula=self.plain(component.formula))
                for component in self.components.values()
            ),
            made=tuple(self.made.values()),
            gaps=(),
            weights=self.design.weights_name,
        )

    def make(self, name: str, kind: Kind, expression: str) -> str:
        """A column of the call's own, under a name that the data do not use."""
        name = unicodedata.normalize("NFKC", name)  # as Python reads what is written name=...
        name = re.sub(r"\W+", "_", name).strip("_") or "column"
        if not name.isidentifier():  # it begins with a digit
            name = f"column_{name}"
        while name in self.taken and self.made.get(name) != MadeColumn(name, kind, expression):
            name += "_"
        self.taken.add(name)
        self.made[name] = MadeColumn(name, kind, expression)
        return name

    def renamed(self, name: str) -> str:
        """The same column under another name: one called C would hide the function C(...)."""
        return self.make(f"{name}_", "renamed", f"data[{quote(name)}]")

    def plain(self, formula: str) -> str:
        """The formula with columns of such names, which stand in Q(...) there, renamed."""

        def without(quoted: re.Match) -> str:
            name = quoted_column(quoted[0])
            return self.renamed(name) if name and hides_a_function(name) else quoted[0]

        return QUOTED.sub(without, formula)

    def fixed(self) -> str:
        """The fixed part; a term of which a column is left out by the columns that are estimated."""
        design, coding = self.design, self.design.codings.X
        if not design.aliased.names:
            return design.formula.fixed
        kept, left_out = design.fixed_names, set(design.aliased.names)
        whole = [
            name
            for name, columns in coding.terms.items()
            if name != "Intercept" and left_out.isdisjoint(coding.names[columns])
        ]
        intercept = "1" if "Intercept" in kept else "0"
        text = " + ".join([intercept, *whole])
        same = Codings(replace(design.formula, fixed=text), design.columns).X.names
        if not set(same) <= set(kept):  # without f patsy codes f:h otherwise
            text, same = intercept, ("Intercept",)
        formula = quote(self.plain(f"{design.formula.response} ~ {design.formula.fixed}"))
        made = [
            self.make(
                name.replace("[T.", "["), "by patsy", f"smf.ols({formula}, data).exog[:, {j}]"
            )
            for j, name in enumerate(coding.names)
            if name in kept and name not in same
        ]
        return " + ".join([text, *made])

    def top(self) -> str:
        """The groups that contain all others, or the blocks of rows that stand in for them."""
        if self.layout.top is None:
            if self.layout.top_codes.max() == 0:
                return self.make("everyone", "everyone", "1")
            return self.make("block", "blocks", "blocks")
        return self.group(self.design.groupings[self.layout.top].factors)

    def group(self, factors: tuple[str, ...]) -> str:
        """The column whose labels make these groups."""
        if len(factors) == 1:
            name = factors[0]
            return self.renamed(name) if hides_a_function(name) else name
        names = ", ".join(map(quote, factors))
        expression = f"data.groupby([{names}], observed=True).ngroup()"
        return self.make("_".join(factors), "groups", expression)

    def top_effects(self, effects: Effects) -> str:
        """The re_formula; its intercept written out, its predictors in units that MixedLM copes with."""
        grouping = self.design.groupings[effects.grouping]
        text = grouping.formulas[grouping.blocks.index(effects.block)]
        labels = [grouping.effects[j] for j in effects.block]
        plain = all(label == "Intercept" or column_named(label) for label in labels)
        if plain:
            columns = [
                "1" if label == "Intercept" else self.measured(label, grouping.Z[:, j])
                for label, j in zip(labels, effects.block, strict=True)
            ]
            return " + ".join(columns if "Intercept" in labels else ["0", *columns])
        return f"1 + {text}" if "Intercept" in labels and not text.startswith("1") else text

    def measured(self, column: str, values: np.ndarray) -> str:
        """A predictor, or the same in a larger unit where its numbers are far from 1."""
        size, name = unit(values), column_named(column)
        if size == 1 or name is None:
            return column
        return self.make(f"{name}_per_{size:g}", "unit", f"data[{quote(name)}] / {size:g}")

    def shortest(self, within: tuple[str, ...], grouping: Grouping) -> tuple[str, ...]:
        """One column where its labels alone tell these groups apart."""
        for name in within:
            if self.design.columns[name].nunique() == grouping.n_levels:
                return (name,)
        return within

    def add_component(self, effects: Effects) -> None:
        """Add the variance component of a single effect, under a name that no other one has."""
        grouping = self.design.groupings[effects.grouping]
        (j,) = effects.block
        name = self.layout.name(effects)
        while name in self.components:  # the slope of age by class, and the intercept of class:age
            name += "_"
        formula, is_intercept = self.component(grouping, j), grouping.effects[j] == "Intercept"
        self.components[name] = Component(name, formula, is_intercept)

    def component(self, grouping: Grouping, j: int) -> str:
        """The formula of a variance component, e.g. ``0 + C(classroom):age``."""
        effect, is_intercept = grouping.effects[j], grouping.effects[j] == "Intercept"
        if not is_intercept:
            effect = self.effect(self.measured(effect, grouping.Z[:, j]), grouping, j)
        return self.varying("" if is_intercept else effect, grouping)

    def varying(self, column: str, grouping: Grouping) -> str:
        """The formula of a column that varies between some groups; without one, of their intercepts."""
        top = () if self.layout.top is None else self.design.groupings[self.layout.top].factors
        within = tuple(name for name in grouping.factors if name not in top)
        if not within:  # at the top itself: one group at a time, so one column
            return f"0 + {column}" if column else "1"
        codes = f"C({column_code(self.group(self.shortest(within, grouping)))})"
        return f"0 + {codes}:{column}" if column else f"0 + {codes}"

    def effect(self, effect: str, grouping: Grouping, j: int) -> str:
        """An effect as it may stand in a vc_formula, which is evaluated in each group by itself."""
        b = next(b for b, block in enumerate(grouping.blocks) if j in block)
        column = grouping.blocks[b].index(j)
        factors = self.design.codings.of_group(grouping.factors)[b].made_of(column)
        if not any(_of_all_rows(factor) for factor, _ in factors):
            return effect
        name = effect.replace("[T.", "[")
        simple = [self.factor(factor, own) for factor, own in factors]
        parts = [part for part in simple if part is not None]
        if len(parts) == len(simple):
            product = np.prod([values for _, values in parts], axis=0)
            if np.allclose(product, grouping.Z[:, j]):  # not so where C(x, Sum) has 1, 0 and -1
                return self.make(name, "factor", " * ".join(expression for expression, _ in parts))
        # patsy's own column, made of all rows at once
        formula = quote(self.plain(f"{self.design.formula.response} ~ {grouping.formulas[b]}"))
        return self.make(name, "by patsy", f"smf.ols({formula}, data).exog[:, {column}]")

    def factor(self, factor: CodedFactor, own: int) -> tuple[str, np.ndarray] | None:
        """A column of a factor as an expression of pandas, and its values, where it is a simple one."""
        columns = self.design.columns
        if factor.contrasts is not None:
            labels = re.fullmatch(r"(?:C\()?(\w+)(?:,.*\)|\))?", factor.name)
            rows = np.flatnonzero(factor.contrasts[:, own])
            if labels is None or labels[1] not in columns or len(rows) != 1:
                return None
            name, level = labels[1], str(factor.levels[rows[0]])
            values = columns[name].astype(str) == level
            expression = f"(data[{quote(name)}].astype(str) == {quote(level)}).astype(float)"
            return expression, values.to_numpy(float)
        centred = re.fullmatch(
            r"(center|scale|standardize)\((\w+)(?:, ddof=([01]))?\)", factor.name
        )
        name = centred[2] if centred else factor.name
        if name not in columns or not pd.api.types.is_numeric_dtype(columns[name].dtype):
            return None
        x, values = f"data[{quote(name)}]", columns[name].to_numpy(float)
        if not centred:
            return x, values
        x, values = f"({x} - {x}.mean())", values - values.mean()
        if centred[1] == "center":
            return x, values
        ddof = int(centred[3] or 0)
        return f"{x} / data[{quote(name)}].std(ddof={ddof})", values / values.std(ddof=ddof)


def _of_all_rows(factor: CodedFactor) -> bool:
    """Whether patsy needs more than the row at hand: the labels, or what a function remembers."""
    return factor.contrasts is not None or not STATEFUL.isdisjoint(names_outside_texts(factor.name))


def column_named(effect: str) -> str | None:
    """The column that an effect is, where it is one: ``age`` or ``Q("my age")``."""
    return effect if effect.isidentifier() else quoted_column(effect)


def quote(text: str) -> str:
    """Python's text in double quotes."""
    return json.dumps(text, ensure_ascii=False)
