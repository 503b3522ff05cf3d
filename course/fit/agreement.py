"""The estimates of both solvers, mixedlm's and statsmodels', side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.page import paragraph, plain
from course.design.design import Design
from course.fit.second_solver import (
    SECONDS,
    fit_alone,
    label,
    llf_of,
    seconds,
    variance_components,
    without_correlations,
)
from course.solver.estimates import Estimates
from course.translation.layout import lay_out, unit

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import MixedLMResults

# Left alone, statsmodels may stop short by this many log-likelihood units before that is worth a word.
SHORT = 0.005
# How many times longer statsmodels takes from its own start than from the optimum.
COLD = 20


@dataclass(frozen=True)
class Check:
    """Two solvers on one model.

    Attributes
    ----------
    table : DataFrame
        For each quantity what mixedlm and statsmodels found, and the difference.
    agree : bool
        Log-likelihoods within 0.001, and each estimate within 0.01 of its standard error (fixed
        effects) or of the residual SD (SDs of random effects, where the data know each of them).

    See Also
    --------
    course.MixedFit : Its ``check()`` returns this.
    course.diagnose : Looks at both solvers, too.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> check = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit().check()
    >>> check.agree
    True
    """

    table: pd.DataFrame
    agree: bool
    design: Design = field(repr=False)
    estimates: Estimates = field(repr=False)

    @cached_property
    def alone(self) -> str:
        """Where statsmodels stops short when left alone: its own start, its default optimiser.

        Empty where it does not, where MixedLM has no place for the model, and where finding out would
        take more than about a minute.
        """
        layout = lay_out(self.design.scaled)
        if layout.correlated or COLD * seconds(self.design, self.estimates) > SECONDS:
            return ""
        who = "statsmodels alone, from its own start by its default optimiser,"
        try:
            result = fit_alone(layout, self.estimates)
        except (np.linalg.LinAlgError, ValueError):
            return f"{who} breaks down on this model."
        short = self.estimates.llf - llf_of(self.design, result)
        if not short > SHORT:
            return ""
        return f"{who} stops {short:.3g} log-likelihood units short."

    @property
    def _words(self) -> str:
        words = (
            "Both solvers agree: the optimum is real."
            if self.agree
            else "The solvers differ. The one with the higher log-likelihood is nearer the optimum; look "
            "at what the notes of the fit say before using either."
        )
        return f"{words} {self.alone}".rstrip()

    def __str__(self) -> str:
        return f"{self._words}\n{self.table.to_string(float_format='{:.6g}'.format)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return paragraph(plain(self._words)) + self.table.to_html(float_format="{:.6g}".format)


def compare_solvers(design: Design, estimates: Estimates, result: MixedLMResults) -> Check:
    """Both solvers' estimates of one model; `result` is what `fit_by_statsmodels` returned."""
    rows = [("log-likelihood", estimates.llf, llf_of(design, result), 1e-3)]
    errors = np.sqrt(np.diagonal(estimates.cov_beta))
    for name, ours, error, theirs in zip(
        design.fixed_names, estimates.beta, errors, result.fe_params, strict=True
    ):
        rows.append((name, ours, float(theirs), 0.01 * error))
    sigma = float(np.sqrt(estimates.sigma2))
    shared = {one.grouping for known in design.shared(estimates.reml) for one in known.unknown}
    for name, ours, theirs, grouping in _sds(design, estimates, result):
        # each solver may split in its own way what only a sum is known of
        rows.append((name, ours, theirs, np.inf if grouping in shared else 0.01 * sigma))
    rows.append(("SD Residual", sigma, float(np.sqrt(result.scale)), 0.01 * sigma))
    table = pd.DataFrame(rows, columns=["quantity", "mixedlm", "statsmodels", "allowed"])
    table["difference"] = table["statsmodels"] - table["mixedlm"]
    agree = bool((table["difference"].abs() <= table["allowed"]).all())
    return Check(table.drop(columns="allowed").set_index("quantity"), agree, design, estimates)


def _sds(
    design: Design, estimates: Estimates, result: MixedLMResults
) -> list[tuple[str, float, float, int]]:
    """SDs of random effects as both have them, and their grouping; a changed column keeps its own name."""
    design = design.scaled
    layout = lay_out(design)
    if layout.re is not None and not np.size(result.cov_re):
        layout = without_correlations(layout)
    variances = []
    if layout.re is not None:
        grouping = design.groupings[layout.re.grouping]
        for at, j in enumerate(layout.re.block):
            scale = unit(grouping.Z[:, j])
            ours = estimates.covariances[layout.re.grouping][j, j] * scale**2
            theirs = np.asarray(result.cov_re)[at, at]
            name = label(grouping.labels[j], scale)
            variances.append((f"SD {grouping.name} {name}", ours, theirs, layout.re.grouping))
    by_name = dict(zip(result.model.exog_vc.names, result.vcomp, strict=True))
    for component in variance_components(layout, estimates):
        ours = component.variance * estimates.sigma2
        variances.append(
            (f"SD {component.name}", ours, by_name[component.name], component.grouping)
        )
    return [
        (name, float(np.sqrt(a)), float(np.sqrt(max(b, 0.0))), g) for name, a, b, g in variances
    ]
