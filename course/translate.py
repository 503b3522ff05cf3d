"""`Design` to `Translation`: the exact MixedLM call, as arguments, code, words and LaTeX."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from course import findings, words
from course.columns import check_frame
from course.design import Design, Grouping, build_design
from course.errors import CourseError
from course.expressions import QUOTED, STATEFUL, column_code, hides_a_function, quoted_column
from course.formula import Formula, parse_formula
from course.layout import Effects, Layout, lay_out, unit

NO_RANDOM_TERM = (
    "the formula has no random term such as (1|school): for ordinary least squares use "
    "smf.ols(formula, data), or say which groups the rows come from"
)

# what patsy makes of more than the row at hand: the labels of a factor, what stateful functions remember
OF_ALL_ROWS = re.compile(rf"\[|\b({'|'.join(sorted(STATEFUL | {'C'}))})\(")


@dataclass(frozen=True, eq=False)
class Translation:
    """An lme4-style formula in the language of statsmodels, on the data it was written for.

    Attributes
    ----------
    fixed_formula, groups, re_formula, vc_formula
        What ``smf.mixedlm(fixed_formula, data, groups=groups, re_formula=..., vc_formula=...)`` takes.
    prepare : dict of str to str
        Columns that the call needs beside the data's own: name and Python expression.
    exact : bool
        True where MixedLM has this very model.
    gaps : tuple of str
        Where it has not: why, one sentence for each term.
    n_correlated : int
        How many effects ``re_formula`` has.
    code : str
        Python that fits the model to a DataFrame called ``data`` with pandas and statsmodels alone and
        leaves the results in ``result``. Where the translation is not exact it fits the nearest
        model that MixedLM has, and says so.
    latex : str
        The model as an equation.
    notes : tuple of str
        What the data say that the formula does not.
    """

    design: Design = field(repr=False)
    fixed_formula: str
    groups: str
    re_formula: str | None
    vc_formula: dict[str, str] | None
    prepare: dict[str, str]
    gaps: tuple[str, ...]
    n_correlated: int

    @property
    def exact(self) -> bool:
        return not self.gaps

    @cached_property
    def notes(self) -> tuple[str, ...]:
        return findings.find(self.design)

    @cached_property
    def code(self) -> str:
        return _code(self)

    @property
    def latex(self) -> str:
        return words.latex(self.design)

    def explain(self) -> str:
        """The model in words, term by term, and how MixedLM takes it."""
        return words.explain(self)

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        return words.explain_html(self)


def translate(formula: str | Formula, data: pd.DataFrame) -> Translation:
    """Translate an lme4-style formula to the exact statsmodels call.

    Parameters
    ----------
    formula : str
        For instance ``"test_score ~ age + sex + (age|classroom) + (1|school)"``.
    data : DataFrame
        The pupils; how their groups lie in each other decides the call. Not changed.

    Returns
    -------
    Translation

    Raises
    ------
    CourseError
        Where formula or data are not as they should be; the message gives the mend.

    Examples
    --------
    >>> from course import load
    >>> t = translate("test_score ~ age + (1|classroom) + (1|school)", load("pupils"))
    >>> t.groups, t.re_formula, t.vc_formula
    ('school', '1', {'classroom': '0 + C(classroom)'})
    >>> t.exact
    True
    """
    check_frame(data)
    if not isinstance(formula, Formula):
        formula = parse_formula(formula)
    if not formula.random:
        raise CourseError(NO_RANDOM_TERM)
    return translate_design(build_design(formula, data))


def translate_design(design: Design) -> Translation:
    """The translation of a design that is there already."""
    layout = lay_out(design)
    names = _Names(design, layout)
    groups = names.top()
    re_formula = None if layout.re is None else names.top_effects(layout.re)
    vc_formula, gaps = {}, []
    for effects in layout.vc:
        key, value = names.component(effects)
        vc_formula[key] = value
    if re_formula and "~" in re_formula:  # of a column's name: MixedLM would take it for its own
        re_formula = f"~ {re_formula}"
    for effects in layout.correlated:
        gaps.append(words.gap(layout, effects))
        for j in effects.block:
            key, value = names.component(Effects(effects.grouping, (j,)))
            vc_formula[key] = value
    return Translation(
        design=design,
        fixed_formula=names.plain(f"{design.formula.response} ~ {design.formula.fixed}"),
        groups=groups,
        re_formula=re_formula and names.plain(re_formula),
        vc_formula={key: names.plain(value) for key, value in vc_formula.items()} or None,
        prepare=names.prepare,
        gaps=tuple(gaps),
        n_correlated=0 if layout.re is None else len(layout.re.block),
    )


class _Names:
    """Names and formulas for the call, and the columns that have to be made for it."""

    def __init__(self, design: Design, layout: Layout):
        self.design, self.layout = design, layout
        self.prepare: dict[str, str] = {}
        self.taken = set(design.formula.columns)

    def make(self, name: str, expression: str) -> str:
        """A column of the call's own, under a name that the data do not use."""
        name = unicodedata.normalize("NFKC", name)  # as Python reads what is written name=...
        name = re.sub(r"\W+", "_", name).strip("_") or "column"
        if not name.isidentifier():  # it begins with a digit
            name = f"column_{name}"
        while name in self.taken and self.prepare.get(name) != expression:
            name += "_"
        self.taken.add(name)
        self.prepare[name] = expression
        return name

    def renamed(self, name: str) -> str:
        """The same column under another name: one called C would hide the function C(...)."""
        return self.make(f"{name}_", f"data[{quote(name)}]")

    def plain(self, formula: str) -> str:
        """The formula with columns of such names, which stand in Q(...) there, renamed."""

        def without(quoted: re.Match) -> str:
            name = quoted_column(quoted[0])
            return self.renamed(name) if hides_a_function(name) else quoted[0]

        return QUOTED.sub(without, formula)

    def top(self) -> str:
        if self.layout.top is None:
            if self.layout.top_codes.max() == 0:
                return self.make("everyone", "1")
            return self.make("block", "blocks")
        return self.group(self.design.groupings[self.layout.top].factors)

    def group(self, factors: tuple[str, ...]) -> str:
        if len(factors) == 1:
            name = factors[0]
            return self.renamed(name) if hides_a_function(name) else name
        names = ", ".join(map(quote, factors))
        return self.make("_".join(factors), f"data.groupby([{names}], observed=True).ngroup()")

    def top_effects(self, effects: Effects) -> str:
        """The re_formula; its intercept written out, its predictors in units that MixedLM copes with."""
        grouping = self.design.groupings[effects.grouping]
        text = grouping.formulas[grouping.blocks.index(effects.block)]
        labels = [grouping.effects[j] for j in effects.block]
        plain = all(label == "Intercept" or _column_named(label) for label in labels)
        if plain:
            columns = [
                "1" if label == "Intercept" else self.measured(label, grouping.Z[:, j])
                for label, j in zip(labels, effects.block, strict=True)
            ]
            return " + ".join(columns if "Intercept" in labels else ["0", *columns])
        return f"1 + {text}" if "Intercept" in labels and not text.startswith("1") else text

    def measured(self, column: str, values: np.ndarray) -> str:
        """A predictor, or the same in a larger unit where its numbers are far from 1."""
        size, name = unit(values), _column_named(column)
        if size == 1 or name is None:
            return column
        return self.make(f"{name}_per_{size:g}", f"data[{quote(name)}] / {size:g}")

    def shortest(self, within: tuple[str, ...], grouping: Grouping) -> tuple[str, ...]:
        """One column where its labels alone tell these groups apart."""
        for name in within:
            if self.design.columns[name].nunique() == grouping.n_levels:
                return (name,)
        return within

    def component(self, effects: Effects) -> tuple[str, str]:
        """Name and formula of a variance component, e.g. classroom:age and 0 + C(classroom):age."""
        grouping = self.design.groupings[effects.grouping]
        (j,) = effects.block
        effect = grouping.effects[j]
        key = self.layout.name(effects)
        top = () if self.layout.top is None else self.design.groupings[self.layout.top].factors
        within = tuple(name for name in grouping.factors if name not in top)
        if effect != "Intercept":
            effect = self.effect(self.measured(effect, grouping.Z[:, j]), grouping, j)
        if not within:  # at the top itself: one group at a time, so one column
            return key, "1" if effect == "Intercept" else f"0 + {effect}"
        codes = f"C({column_code(self.group(self.shortest(within, grouping)))})"
        return key, f"0 + {codes}" if effect == "Intercept" else f"0 + {codes}:{effect}"

    def effect(self, effect: str, grouping: Grouping, j: int) -> str:
        """An effect as it may stand in a vc_formula, which is evaluated in each group by itself."""
        if not OF_ALL_ROWS.search(effect):
            return effect
        name = effect.replace("[T.", "[")
        found = [self.factor(part) for part in re.split(r":(?![^\[(]*[\])])", effect)]
        if None not in found:
            product = np.prod([values for _, values in found], axis=0)
            if np.allclose(product, grouping.Z[:, j]):  # not so where C(x, Sum) has 1, 0 and -1
                return self.make(name, " * ".join(expression for expression, _ in found))
        # patsy's own column, made of all rows at once
        block = next(block for block in grouping.blocks if j in block)
        text = grouping.formulas[grouping.blocks.index(block)]
        formula = quote(self.plain(f"{self.design.formula.response} ~ {text}"))
        return self.make(name, f"smf.ols({formula}, data).exog[:, {block.index(j)}]")

    def factor(self, part: str) -> tuple[str, np.ndarray] | None:
        """A factor of an effect as an expression of pandas, and its values, where it is a simple one."""
        columns = self.design.columns
        level = re.fullmatch(r"(?:C\()?(\w+)(?:,.*\)|\))?\[(?:T\.)?(.*)\]", part)
        if level and level[1] in columns:
            values = columns[level[1]].astype(str) == level[2]
            x = f"data[{quote(level[1])}]"
            return f"({x}.astype(str) == {quote(level[2])}).astype(float)", values.to_numpy(float)
        centred = re.fullmatch(r"(center|scale|standardize)\((\w+)\)", part)
        name = centred[2] if centred else part
        if name not in columns or not pd.api.types.is_numeric_dtype(columns[name].dtype):
            return None
        x, values = f"data[{quote(name)}]", columns[name].to_numpy(float)
        if not centred:
            return x, values
        x, values = f"({x} - {x}.mean())", values - values.mean()
        if centred[1] == "center":
            return x, values
        return f"{x} / data[{quote(name)}].std(ddof=0)", values / values.std()


def _column_named(effect: str) -> str | None:
    """The column that an effect is, where it is one: ``age`` or ``Q("my age")``."""
    return effect if effect.isidentifier() else quoted_column(effect)


# -- code -------------------------------------------------------------------------------------

BLOCKS = """\
blocks = pd.Series(range(len(data)), index=data.index)
while True:  # rows that share a group share a block, and so do all that hang together
    before = blocks
    for group in {factors}:
        blocks = blocks.groupby([data[name] for name in group]).transform("min")
    if blocks.equals(before):
        break
"""


def _code(t: Translation) -> str:
    design = t.design
    lines = ["import numpy as np"]
    if any("blocks" == expression for expression in t.prepare.values()):
        lines.append("import pandas as pd")
    lines += ["import statsmodels.formula.api as smf", ""]
    if t.gaps:
        reasons = " ".join(gap.split(" The way out")[0] for gap in t.gaps)
        lines += _comment(
            f"MixedLM does not have this very model: {reasons} "
            "What follows fits these effects as if they were independent."
        )
        lines.append("")
    prepare, by_formula = _rows_and_types(design), []
    for name, expression in t.prepare.items():
        if expression == "blocks":
            factors = [list(grouping.factors) for grouping in design.groupings]
            prepare += BLOCKS.format(factors=json.dumps(factors, ensure_ascii=False)).splitlines()
        made = f"data = data.assign({name}={expression})"
        (by_formula if expression.startswith("smf.") else prepare).append(made)
    if design.hiding:  # groups are made from these columns, formulas cannot be read beside them
        prepare.append(f"data = data.drop(columns=[{', '.join(map(quote, design.hiding))}])")
    prepare += by_formula
    lines += [*prepare, ""] if prepare else []
    lines += [
        "model = smf.mixedlm(",
        f"    {quote(t.fixed_formula)},",
        "    data,",
        f"    groups={quote(t.groups)},",
    ]
    if t.re_formula is not None:
        lines.append(f"    re_formula={quote(t.re_formula)},")
    if t.vc_formula:
        lines.append("    vc_formula={")
        lines += [f"        {quote(key)}: {quote(value)}," for key, value in t.vc_formula.items()]
        lines.append("    },")
    lines.append(")")
    return "\n".join([*lines, *_fit_lines(t)]) + "\n"


FIT_WHY = (
    "Start where each random part has about the residual's variance. Powell's method needs no gradient "
    "(MixedLM's has the wrong sign once the search has crossed a variance of 0) and is kept a "
    "hair away from 0 itself, where MixedLM's likelihood breaks down. It runs twice, the second "
    "time from where the first ended."
)
FIT = """\
smallest = 1e-4 * np.abs(start)
loglike = model.loglike


def guarded(params, profile_fe=True):
    if profile_fe and not np.all(np.isfinite(params) & (np.abs(params) >= smallest)):
        return -1e10
{singular}    return loglike(params, profile_fe)


model.loglike = guarded
for ftol in (1e-6, 1e-10):
    result = model.fit(start, method="powell", ftol=ftol, maxiter=1000)
    start = result.params_object
"""
SINGULAR = """\
    if profile_fe:
        L = np.zeros(({k}, {k}))
        L[np.tril_indices({k})] = params[:{m}]
        spread = np.linalg.svd(L, compute_uv=False)
        if spread[-1] < 1e-4 * min(spread[0], 1):  # correlations of exactly -1 or 1
            return -1e10
"""


def _fit_lines(t: Translation) -> list[str]:
    """From the model to its optimum, with statsmodels alone."""
    lines = ["", *_comment(FIT_WHY)]
    components = list((t.vc_formula or {}).values())
    if t.re_formula in (None, "1") and all(map(_is_intercept, components)):
        lines.append(f"start = np.ones({len(components) + (t.re_formula == '1')})")
        return lines + FIT.format(singular="").splitlines()
    parts = []
    if t.re_formula is not None:
        lines.append("Z = model.exog_re")
        lines.append("root = np.linalg.cholesky(np.linalg.inv(Z.T @ Z / model.nobs))")
        parts.append("root[np.tril_indices(Z.shape[1])]")
    if components:
        lines.append("squares = [sum((m**2).sum() for m in mats) for mats in model.exog_vc.mats]")
        parts.append("np.sqrt(model.nobs / np.array(squares))")
    lines.append("start = " + (parts[0] if len(parts) == 1 else f"np.append({', '.join(parts)})"))
    k = t.n_correlated
    singular = SINGULAR.format(k=k, m=k * (k + 1) // 2) if k > 1 else ""
    return lines + FIT.format(singular=singular).splitlines()


def _is_intercept(component: str) -> bool:
    return component.startswith("0 + C(") and "):" not in component


def quote(text: str) -> str:
    """Python's text in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 88)]


def _rows_and_types(design: Design) -> list[str]:
    """What the data need before MixedLM reads them right."""
    lines = []
    if design.missing:
        columns = ", ".join(map(quote, design.missing))
        lines.append(f"data = data.dropna(subset=[{columns}]).reset_index(drop=True)")
    elif not design.index.is_unique:
        lines.append("data = data.reset_index(drop=True)")
    groups = dict.fromkeys(name for grouping in design.groupings for name in grouping.factors)
    for name, column in design.columns.items():
        dtype = column.dtype
        if not isinstance(dtype, pd.CategoricalDtype):
            if (
                isinstance(dtype, np.dtype)
                and dtype != "object"
                or isinstance(dtype, pd.StringDtype)
            ):
                continue
            plain = _plain_type(column, name in groups, name in design.formula.categorical)
            new = f"data[{quote(name)}].astype({plain})"
            same = np.array_equal(*(pd.factorize(c)[0] for c in (column, column.astype(str))))
            if name in groups and not same:  # 1 and "1" are two labels, 1 and True one
                new = f"data.groupby({quote(name)}, sort=False).ngroup()"
            lines.append(f"data = data.assign(**{{{quote(name)}: {new}}})")
            continue
        if name in groups:  # a categorical would give every group a column for every label
            new = f"data[{quote(name)}].astype(str)"
        elif len(column.cat.categories) > column.nunique():
            new = f"data[{quote(name)}].cat.remove_unused_categories()"
        else:
            continue
        lines.append(f"data = data.assign(**{{{quote(name)}: {new}}})")
    return lines


def _plain_type(column: pd.Series, is_group: bool, in_C: bool) -> str:
    """A type that patsy knows, for a nullable, pyarrow or object column; C(grade) has labels 2, not 2.0."""
    kind = column.infer_objects().dtype
    if is_group or not pd.api.types.is_numeric_dtype(kind):
        return "str"
    if in_C and pd.api.types.is_integer_dtype(kind):
        return "int"
    return "bool" if pd.api.types.is_bool_dtype(kind) else "float"
