"""A generalised fit as a compact table, in text and in HTML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course.common.page import Section, as_html, as_text, bold, code, paragraph, plain, wrapped
from course.common.parameter import Parameter
from course.common.wording import number, p_value
from course.design.design import Design
from course.fit.summary import LEFT_OUT, MARK, WIDTH
from course.fit.tables import exponentials, variance_table
from course.solver.families import Family
from course.solver.generalised import GeneralisedEstimates
from course.solver.parameters import unknown_parameters

RATIOS = {"logit": "Odds ratio", "log": "Rate ratio", "cloglog": "Hazard ratio"}


@dataclass(frozen=True)
class GeneralisedSummary:
    """Prints as text (``print(fit.summary())``), shows as HTML in a notebook.

    Attributes
    ----------
    heading : tuple of str
        What was fitted, the formula, what is counted, rows and levels, measures of fit.
    random_part, fixed_part : DataFrame
        Texts, as they are printed.
    notes : tuple of str
        What the data and the fit say that the formula does not.

    See Also
    --------
    course.MixedGLMFit : Its ``summary()`` returns this.
    course.mixedglm : Makes the model.

    Examples
    --------
    >>> from course import load, mixedglm
    >>> summary = mixedglm("(normexam > 0) ~ standLRT + (1|school)", load("exam")).fit().summary()
    >>> list(summary.fixed_part.columns)
    ['Effect', 'Estimate', 'Std. error', 'z', 'p', 'Odds ratio', '95% interval']

    In R: ``summary(fit)``.
    """

    heading: tuple[str, ...]
    random_part: pd.DataFrame
    fixed_part: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def _sections(self) -> list[Section]:
        sections = [
            Section("Random effects", table=self.random_part, left=2),
            Section("Fixed effects", table=self.fixed_part, aside="(z-tests)")
            if len(self.fixed_part)
            else Section("Fixed effects", ["none: the linear predictor is taken to be 0"]),
        ]
        return [*sections, Section("Notes", self.notes)] if self.notes else sections

    def __str__(self) -> str:
        model, formula, *rest = self.heading
        heading = "\n".join([model, wrapped(formula, WIDTH), *rest])
        return as_text([heading, *self._sections], WIDTH)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        model, formula, *rest = self.heading
        heading = paragraph(bold(model), code(formula), *map(plain, rest))
        return as_html([heading, *self._sections])


def summarise_generalised(
    design: Design,
    estimates: GeneralisedEstimates,
    family: Family,
    method: str,
    information_criteria: tuple[float, float],
    fixed_effects: pd.DataFrame,
    notes: tuple[str, ...],
) -> GeneralisedSummary:
    """The summary of a fit from its parts; the two criteria are AIC and BIC."""
    aic, bic = information_criteria
    groups = ", ".join(f"{grouping.n_levels:,} {grouping.name}" for grouping in design.groupings)
    singular = " (singular)" if estimates.singular else ""
    heading = [
        f"Generalised linear mixed model, {family.name} with link {family.link}, by {method}{singular}",
        str(design.formula),
        f"{design.n:,} rows; levels: {groups}",
        f"log-likelihood {estimates.llf:,.2f}, AIC {aic:,.1f}, BIC {bic:,.1f}",
    ]
    if design.counted is not None:
        heading.insert(2, counted(design))
    return GeneralisedSummary(
        tuple(heading),
        _random_part(design, estimates),
        _fixed_part(fixed_effects, family.link),
        notes,
    )


def counted(design: Design) -> str:
    """``Counted is 'yes' of the response passed (against 'no')``."""
    assert design.counted is not None
    one, other = design.counted
    return f"Counted is {one!r} of the response {design.formula.response} (against {other!r})"


def _random_part(design: Design, estimates: GeneralisedEstimates) -> pd.DataFrame:
    """Group, effect, variance, SD, correlations with earlier effects."""
    table = variance_table(design, estimates, residual=False)
    unknown = unknown_parameters(design, reml=False)
    rows, seen = [], set()
    for row in table[table.effect2.isna()].itertuples():
        pairs = table[
            (table.group == row.group) & (table.effect2 == row.effect) & table.effect2.notna()
        ]
        mark = MARK if Parameter("sd", row.group, (row.effect,)) in unknown else ""
        correlations = [
            f"{pair.sdcor:+.2f}"
            + MARK * (Parameter("cor", row.group, (pair.effect, pair.effect2)) in unknown)
            for pair in pairs.itertuples()
            if not np.isnan(pair.sdcor)
        ]
        rows.append(
            {
                "Group": "" if row.group in seen else row.group,
                "Effect": row.effect,
                "Variance": number(row.vcov) + mark,
                "SD": number(row.sdcor) + mark,
                "Corr": " ".join(correlations),
            }
        )
        seen.add(row.group)
    frame = pd.DataFrame(rows)
    return frame if (frame["Corr"] != "").any() else frame.drop(columns="Corr")


def _fixed_part(table: pd.DataFrame, link: str) -> pd.DataFrame:
    columns = {
        "Effect": list(table.index),
        "Estimate": [number(v) for v in table.estimate],
        "Std. error": [number(v) for v in table.std_error],
        "z": [f"{v:.2f}" for v in table.z],
        "p": [p_value(v) for v in table.p_value],
    }
    low, high = table.lower, table.upper
    if link in RATIOS:
        columns[RATIOS[link]] = [
            "" if name == "Intercept" else number(value)
            for name, value in exponentials(table.estimate).items()
        ]
        low, high = exponentials(low), exponentials(high)
    columns["95% interval"] = [
        "" if link in RATIOS and name == "Intercept" else f"{number(a)} to {number(b)}"
        for name, a, b in zip(table.index, low, high, strict=True)
    ]
    texts = pd.DataFrame(columns)
    texts.loc[table.estimate.isna().to_numpy(), texts.columns[1:]] = LEFT_OUT
    return texts
