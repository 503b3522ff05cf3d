"""A fit as a compact table, in text and in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course.common.page import Section, as_html, as_text, bold, code, paragraph, plain, wrapped
from course.common.parameter import Parameter
from course.common.wording import number, p_value
from course.design.design import Design
from course.design.weights import weights_range
from course.fit.shares import row_variances, shares_known
from course.fit.tables import variance_table
from course.solver.estimates import Estimates
from course.solver.parameters import unknown_parameters

WIDTH = 92
LEFT_OUT = "\N{EM DASH}"  # in place of a number that is not estimated
MARK = " ?"  # behind what the data do not know for itself


@dataclass(frozen=True)
class Summary:
    """Prints as text (``print(fit.summary())``), shows as HTML in a notebook.

    Attributes
    ----------
    heading : tuple of str
        What was fitted, the formula, rows and levels, measures of fit.
    random_part, fixed_part : DataFrame
        Texts, as they are printed. A fixed effect that is left out has a dash in place of each number.
        Texts, as they are printed. A ``?`` is behind what the data do not know for itself, such as each of
        two variances of which the likelihood knows the sum.
    notes : tuple of str
        What the data and the fit say that the formula does not.
    tests : str
        How the fixed effects are tested.

    See Also
    --------
    course.MixedFit : Its ``summary()`` returns this, and so does that of a `course.PooledFit`.
    course.fixed_effects_table : The fixed part as numbers.
    course.report : The fit as a paragraph.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> summary = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit().summary()
    >>> summary.random_part[["Group", "SD", "Share"]]
          Group     SD  Share
    0    school  5.508  35.5%
    1  Residual  7.429  64.5%

    In R: ``summary(fit)``.
    """

    heading: tuple[str, ...]
    random_part: pd.DataFrame
    fixed_part: pd.DataFrame
    notes: tuple[str, ...]
    tests: str = "t-tests with Satterthwaite df"

    @property
    def _sections(self) -> list[Section]:
        sections = [
            Section("Random effects", table=self.random_part, left=2),
            Section(
                "Fixed effects",
                table=self.fixed_part,
                aside=f"({self.tests})",
            )
            if len(self.fixed_part)
            else Section("Fixed effects", ["none: the mean of the response is taken to be 0"]),
        ]
        return [*sections, Section("Notes", self.notes)] if self.notes else sections

    def __str__(self) -> str:
        model, formula, *rest = self.heading
        formula = wrapped(formula, WIDTH)
        heading = "\n".join([model, formula, *rest])
        return as_text([heading, *self._sections], WIDTH)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        model, formula, *rest = self.heading
        heading = paragraph(bold(model), code(formula), *map(plain, rest))
        return as_html([heading, *self._sections])


def summarise(
    design: Design,
    estimates: Estimates,
    information_criteria: tuple[float, float],
    fixed_effects: pd.DataFrame,
    notes: tuple[str, ...],
) -> Summary:
    """The summary of a fit from its parts; the two criteria are AIC and BIC."""
    return Summary(
        heading=_heading(design, estimates, *information_criteria),
        random_part=_random_part(
            design,
            estimates.reml,
            estimates.covariances,
            variance_table(design, estimates),
            design.mean_products,
        ),
        fixed_part=_fixed_part(fixed_effects),
        notes=notes,
    )


def summarise_survey(
    design: Design,
    estimates: Estimates,
    llf: float,
    fixed_effects: pd.DataFrame,
    notes: tuple[str, ...],
    tests: str,
) -> Summary:
    """The summary of a fit with sampling weights from its parts."""
    singular = " (singular)" if estimates.singular else ""
    return Summary(
        heading=(
            f"Linear mixed model fitted by pseudo-ML with sampling weights{singular}",
            str(design.formula),
            _size(design),
            f"pseudo-log-likelihood {llf:,.2f} (not for likelihood-ratio tests)",
        ),
        random_part=_random_part(
            design,
            False,
            estimates.covariances,
            variance_table(design, estimates),
            design.mean_products,
        ),
        fixed_part=_fixed_part(fixed_effects),
        notes=notes,
        tests=tests,
    )


def summarise_pooled(
    design: Design,
    heading: tuple[str, ...],
    reml: bool,
    covariances: Sequence[np.ndarray],
    variance_components: pd.DataFrame,
    M: list[np.ndarray],
    fixed_effects: pd.DataFrame,
    notes: tuple[str, ...],
) -> Summary:
    """The summary of a pooled fit from its parts; `M` has the mean of z z' for each grouping."""
    return Summary(
        heading=(*heading, _size(design)),
        random_part=_random_part(design, reml, covariances, variance_components, M),
        fixed_part=_fixed_part(fixed_effects),
        notes=notes,
        tests="Rubin's rules, t-tests with Barnard-Rubin df; fmi: fraction of missing information",
    )


def _heading(design: Design, estimates: Estimates, aic: float, bic: float) -> tuple[str, ...]:
    method, criterion = (
        ("REML", "REML log-likelihood") if estimates.reml else ("ML", "log-likelihood")
    )
    return (
        f"Linear mixed model fitted by {method}" + (" (singular)" if estimates.singular else ""),
        str(design.formula),
        _size(design),
        f"{criterion} {estimates.llf:,.2f}, AIC {aic:,.1f}, BIC {bic:,.1f}",
    )


def _size(design: Design) -> str:
    groups = ", ".join(f"{grouping.n_levels:,} {grouping.name}" for grouping in design.groupings)
    size = f"{design.n:,} rows; levels: {groups}"
    if design.weights is None:
        return size
    return (
        f"{size}\nWeights: {design.weights_name}, {weights_range(design.weights)}; the residual is that of a "
        "row of weight 1"
    )


def _random_part(
    design: Design,
    reml: bool,
    covariances: Sequence[np.ndarray],
    table: pd.DataFrame,
    M: list[np.ndarray],
) -> pd.DataFrame:
    """Group, effect, variance, SD, share of the variance, correlations with earlier effects."""
    variances = np.append(row_variances(covariances, M), table["vcov"].iloc[-1])
    names = [*(grouping.name for grouping in design.groupings), "Residual"]
    shares = dict(zip(names, variances / variances.sum(), strict=True))
    known = {
        grouping.name: shares_known(design, reml, M, [g])
        for g, grouping in enumerate(design.groupings)
    } | {"Residual": shares_known(design, reml, M, [], residual=True)}
    unknown = unknown_parameters(design, reml)
    rows, seen = [], set()
    components = list(table.itertuples())
    for row in components:
        if row.effect2 is not None:
            continue
        pairs = [
            one
            for one in components
            if one.group == row.group and one.effect2 is not None and one.effect2 == row.effect
        ]
        residual = row.group == "Residual"
        sd = Parameter("sigma") if residual else Parameter("sd", row.group, (row.effect,))
        mark = MARK if sd in unknown else ""
        correlations = [
            ""
            if np.isnan(pair.sdcor)
            else f"{pair.sdcor:+.2f}"
            + MARK * (Parameter("cor", row.group, (pair.effect, pair.effect2)) in unknown)
            for pair in pairs
        ]
        first = row.group not in seen
        seen.add(row.group)
        rows.append(
            {
                "Group": row.group if first else "",
                "Effect": row.effect if pd.notna(row.effect) else "",
                "Variance": number(row.vcov) + mark,
                "SD": number(row.sdcor) + mark,
                "Share": f"{100 * shares[row.group]:.1f}%" + MARK * (not known[row.group])
                if first
                else "",
                "Corr": " ".join(correlations),
            }
        )
    frame = pd.DataFrame(rows)
    return frame if (frame["Corr"] != "").any() else frame.drop(columns="Corr")


def _fixed_part(table: pd.DataFrame) -> pd.DataFrame:
    texts = pd.DataFrame(
        {
            "Effect": table.index,
            "Estimate": [number(v) for v in table.estimate],
            "Std. error": [number(v) for v in table.std_error],
            "df": [f"{v:,.1f}" for v in table.df],
            "t": [f"{v:.2f}" for v in table.t],
            "p": [p_value(v) for v in table.p_value],
            "95% interval": [
                f"{number(low)} to {number(high)}"
                for low, high in zip(table.lower, table.upper, strict=True)
            ],
        }
    )
    if "fmi" in table:
        texts["fmi"] = [f"{v:.2f}" for v in table.fmi]
    left_out = table.estimate.isna().to_numpy()
    if left_out.any():
        texts.loc[left_out, texts.columns[1:]] = LEFT_OUT
    return texts
