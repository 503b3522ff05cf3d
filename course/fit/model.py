"""A model ready to fit, and the fit with what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.keywords import refuse_keywords
from course.design.design import Design
from course.errors import CourseError
from course.fit.agreement import Check, compare_solvers
from course.fit.call_forms import KEYWORDS, OF_MIXEDLM
from course.fit.code import code_of_fit
from course.fit.notes import fit_notes
from course.fit.predict import predict
from course.fit.prediction_intervals import prediction_intervals
from course.fit.satterthwaite import Satterthwaite
from course.fit.second_solver import fit_by_statsmodels
from course.fit.summary import Summary, summarise
from course.fit.tables import effects_tables, t_table, variance_table, with_left_out
from course.fit.written import write_fitted
from course.solver.alike import estimate_alike
from course.solver.estimates import Estimates, conditional_sds, estimate
from course.solver.problem import Problem
from course.streaming import Streamed
from course.translation.translate import Translation, translate_design

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import MixedLMResults


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A formula and its data, ready to fit.

    Attributes
    ----------
    design : Design
        The matrices and groups.
    made : Problem, optional
        The design reduced already, where it was fitted to another response before.
    streamed : Streamed, optional
        What is left of the rows of a file that were read and let go.

    See Also
    --------
    mixedlm : Makes it.
    MixedFit : What its `fit` returns.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> mixedlm("test_score ~ age + (1|school)", load("pupils"))
    <MixedModel test_score ~ age + (1 | school), 2,494 rows>
    """

    design: Design = field(repr=False)
    made: Problem | None = field(default=None, repr=False)
    streamed: Streamed | None = field(default=None, repr=False)

    @property
    def formula(self) -> str:
        """The formula, with white space and ``a/b`` written out."""
        return str(self.design.formula)

    @cached_property
    def translation(self) -> Translation:
        """The same model for statsmodels, in words and as an equation."""
        return translate_design(self.design)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data say that the formula does not."""
        return self.streamed.notes if self.streamed else self.translation.notes

    @cached_property
    def problem(self) -> Problem:
        """The design reduced to cross-products; every fit of it starts here."""
        return self.made or Problem(self.design)

    def fit(self, reml: bool = True, progress: bool = False, **options: object) -> MixedFit:
        """Fit by restricted maximum likelihood, or by maximum likelihood.

        Parameters
        ----------
        reml : bool
            REML (the default of lme4 and statsmodels, too); ML to compare different fixed effects.
        progress : bool
            Whether a fit of more than a second shows its evaluations. Ctrl-C leaves nothing behind.
        **options
            None is known: mixedlm ends on a checked optimum by itself.

        Returns
        -------
        MixedFit
            The optimum, with what can be read from it.

        Raises
        ------
        CourseError
            Where no residual is left, and for an unknown option.
        """
        refuse_keywords("fit", options, ("reml", "progress"), dict.fromkeys(KEYWORDS, OF_MIXEDLM))
        if not isinstance(reml, bool | np.bool_):
            raise CourseError(f"reml={reml!r}: True for REML, False for maximum likelihood")
        return MixedFit(self, estimate(self.problem, bool(reml), bool(progress)))

    def __repr__(self) -> str:
        return f"<MixedModel {self.formula}, {self.design.n:,} rows>"


@dataclass(frozen=True, eq=False)
class MixedFit:
    """A fitted mixed model. Names are statsmodels' own wherever statsmodels has the notion.

    Attributes
    ----------
    model : MixedModel
        The formula and its data.
    estimates : Estimates
        The optimum, as arrays.

    See Also
    --------
    mixedlm : Makes the model whose ``fit()`` returns this.
    confint, anova, icc, diagnose, report : Intervals, tests, shares, doubts, and a paragraph for it.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
    >>> fit.fe_params.round(2).to_dict(), round(fit.sigma, 2)
    ({'Intercept': 23.17, 'age': 3.76}, 7.43)
    """

    model: MixedModel
    estimates: Estimates

    @property
    def design(self) -> Design:
        """Matrices and groups of the complete rows."""
        return self.model.design

    @property
    def formula(self) -> str:
        """The formula, with white space and ``a/b`` written out."""
        return self.model.formula

    @property
    def method(self) -> str:
        """``"REML"`` or ``"ML"``."""
        return "REML" if self.estimates.reml else "ML"

    @property
    def nobs(self) -> int:
        """Rows used."""
        return self.design.n

    @property
    def n_groups(self) -> dict[str, int]:
        """For each grouping factor the number of its levels."""
        return {grouping.name: grouping.n_levels for grouping in self.design.groupings}

    @property
    def converged(self) -> bool:
        """Whether the search ended on a checked optimum."""
        return self.estimates.converged

    @property
    def singular(self) -> bool:
        """Whether a variance is estimated at 0, or a correlation at -1 or 1."""
        return self.estimates.singular

    @cached_property
    def fe_params(self) -> pd.Series:
        """Fixed effects that are estimated, in units of the response per unit of the predictor."""
        return self._by_name(self.estimates.beta)

    @cached_property
    def bse_fe(self) -> pd.Series:
        """Standard errors of the fixed effects."""
        return self._by_name(np.sqrt(np.diagonal(self.estimates.cov_beta)))

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the fixed effects' estimates, (p, p)."""
        names = self.design.fixed_names
        return pd.DataFrame(self.estimates.cov_beta, index=names, columns=names)

    @property
    def tvalues(self) -> pd.Series:
        """Estimates over standard errors."""
        return self.fe_params / self.bse_fe

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided, with Satterthwaite degrees of freedom."""
        return self.fixed_effects["p_value"].rename(None)[self.fe_params.index]

    @cached_property
    def satterthwaite(self) -> Satterthwaite:
        """The curvature at the optimum, for the degrees of freedom of any contrast."""
        return Satterthwaite(self.model.problem, self.estimates)

    @cached_property
    def fixed_effects(self) -> pd.DataFrame:
        """Fixed effects with Satterthwaite t-tests and 95 % intervals.

        Returns
        -------
        DataFrame
            By patsy name: estimate, std_error, df, t, p_value, lower, upper. The degrees of freedom
            are those of Satterthwaite (1946, doi 10.2307/3002019), as in R's lmerTest. NaN for a column
            that others determine (an empty cell): `fe_params` and the like are without it.
        """
        df = np.array([self.satterthwaite.df(row) for row in np.eye(len(self.fe_params))])
        return with_left_out(t_table(self.fe_params, self.bse_fe, df), self.design)

    @property
    def scale(self) -> float:
        """Residual variance; with weights that of a row of weight 1."""
        return self.estimates.sigma2

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return float(np.sqrt(self.scale))

    @cached_property
    def variance_components(self) -> pd.DataFrame:
        """Variances and covariances of the random effects, and the residual's.

        Returns
        -------
        DataFrame
            group, effect, effect2, vcov, sdcor, the columns of lme4's
            ``as.data.frame(VarCorr(.))``. A variance has no effect2 and its SD as sdcor; a
            covariance names both effects and has their correlation as sdcor. The last row is the residual.
        """
        return variance_table(self.design, self.estimates)

    @cached_property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional means (BLUPs): for each group a frame of levels by effects.

        Several columns (``school:classroom``) make a MultiIndex, for ``data.join(frame, on=[...])``.
        """
        return effects_tables(self.design, self.estimates.effects)

    @cached_property
    def random_effects_se(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations of the random effects, in the shape of `random_effects`.

        Given the estimated variances and fixed effects, as lme4's ``ranef(condVar = TRUE)``.
        """
        return effects_tables(self.design, conditional_sds(self.model.problem, self.estimates))

    @property
    def llf(self) -> float:
        """Log-likelihood (restricted where fitted by REML)."""
        return self.estimates.llf

    @property
    def n_params(self) -> int:
        """Fixed effects, free entries of the covariance factors, residual variance.

        As in lme4 all of them count, also those that the data cannot tell apart (`notes` tells of these).
        """
        return len(self.estimates.beta) + self.model.problem.n_theta + 1

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 llf + 2 n_params (under REML too, as in lme4)."""
        return self.estimates.deviance + 2 * self.n_params

    @property
    def bic(self) -> float:
        """Schwarz's criterion, -2 llf + log(nobs) n_params (under REML too, as in lme4)."""
        return self.estimates.deviance + np.log(self.nobs) * self.n_params

    @cached_property
    def fittedvalues(self) -> pd.Series:
        """Fixed part and random effects together, by row."""
        return predict(self.design, self.estimates, None, "all")

    @property
    def resid(self) -> pd.Series:
        """Response minus `fittedvalues`."""
        return self.design.y - self.fittedvalues

    @property
    def wresid(self) -> pd.Series:
        """`resid` times the root of each row's weight, lme4's Pearson residuals: all of one variance."""
        return self.resid * np.sqrt(self.design.row_weights)

    def predict(
        self,
        new_data: pd.DataFrame | None = None,
        random: str | Sequence[str] = "all",
        interval: str | None = None,
        level: float = 0.95,
    ) -> pd.Series | pd.DataFrame:
        """Predicted responses, with intervals where these are wanted.

        Parameters
        ----------
        new_data : DataFrame, optional
            The rows to predict; those of the fit where left out.
        random : "all", "none" or list of str
            Which random effects to add to the fixed part: those of all groups, of none (the
            population), or of the groups named. A level that was not in the fit adds nothing.
        interval : "confidence" or "prediction", optional
            "confidence": where the *mean* predicted lies, with `random` that of the row's own groups. It
            holds the uncertainty of the fixed effects and of the BLUPs and how they hang together;
            for a level that was not in the fit, the whole variance of its effects. "prediction": where a
            *single response* lies: also the residual's variance, and that of the groups that `random`
            leaves out, as for a row of unknown groups; a new row's weight is 1 unless new_data has the
            column of the weights. Quantiles are those of t with Satterthwaite's
            degrees of freedom.
        level : float
            Of the intervals, between 0 and 1.

        Returns
        -------
        Series, or DataFrame with intervals
            By the index of new_data; NaN where a predictor or label is missing. With intervals: estimate,
            std_error, df, lower, upper.

        Raises
        ------
        CourseError
            For a missing column, an unknown label of a predictor, an unknown group, and an empty cell.

        See Also
        --------
        course.means : Means of a factor's levels, adjusted for the other predictors.
        course.plots.predictions, course.plots.lines : Predictions as pictures.

        Examples
        --------
        >>> from course import load, mixedlm
        >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
        >>> new = pd.DataFrame({"age": [10.0, 10.0], "school": ["P01-S1", "a new one"]})
        >>> fit.predict(new, interval="prediction").round(1)
           estimate  std_error      df  lower  upper
        0      68.9        7.5  2436.9   54.2   83.6
        1      60.8        9.3   390.4   42.5   79.0
        """
        if interval is None:
            return predict(self.design, self.estimates, new_data, random)
        found = self.model.problem, self.estimates, self.satterthwaite
        return prediction_intervals(*found, new_data, random, interval, level)

    def write_fitted(self, path: str | Path) -> None:
        """Write fitted values and residuals beside the columns of the model, as Parquet.

        Parameters
        ----------
        path : str or Path
            A new file. A fit of files or Dask writes all their rows in their order, with nothing where a
            value is missing that the model needs; it reads them once more, batch by batch.

        See Also
        --------
        course.mixedlm : Fits rows that do not fit into memory.

        Examples
        --------
        >>> import tempfile
        >>> from course import load, mixedlm
        >>> fit = mixedlm("test_score ~ age + (1|school)", load("pupils")).fit()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fit.write_fitted(f"{folder}/fitted.parquet")
        ...     pd.read_parquet(f"{folder}/fitted.parquet").columns.tolist()
        ['test_score', 'age', 'school', 'fittedvalues', 'resid']
        """
        source = self.model.streamed.source if self.model.streamed else None
        write_fitted(self.design, self.estimates, source, Path(path))

    def refit(self, y: Sequence[float] | np.ndarray | pd.Series) -> MixedFit:
        """The same model fitted to another response; the design is not built again.

        Parameters
        ----------
        y : array-like, shape (nobs,)
            One value for each row used, in their order: simulated responses, say.

        Returns
        -------
        MixedFit
            Fitted by the same method (REML or ML).

        See Also
        --------
        course.bootstrap, course.simulate_responses : Responses drawn from the model, and their fits.
        """
        problem = self.model.problem.with_response(np.asarray(y, dtype=float))
        return MixedModel(problem.design, problem).fit(self.estimates.reml)

    def refit_all(self, responses: Sequence[Sequence[float] | np.ndarray]) -> list[MixedFit]:
        """`refit` to each of many responses, (nobs,) each: side by side, ten times as fast as one by one."""
        numbers = [np.asarray(y, dtype=float) for y in responses]
        found = estimate_alike(self.model.problem, self.estimates, numbers)
        return [MixedFit(MixedModel(own.design, own), one) for own, one in found]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data and the fit say that the formula does not."""
        return (*fit_notes(self.design, self.estimates), *self.model.notes)

    def summary(self) -> Summary:
        """A compact table: prints as text, shows as HTML in a notebook."""
        criteria = (self.aic, self.bic)
        return summarise(self.design, self.estimates, criteria, self.fixed_effects, self.notes)

    def __repr__(self) -> str:
        end = ", singular>" if self.singular else ">"
        return f"<MixedFit {self.formula}, {self.method}, {self.nobs:,} rows{end}"

    @cached_property
    def statsmodels(self) -> MixedLMResults:
        """statsmodels' own results of the same model: a genuine ``MixedLMResults``.

        MixedLM is given the same matrices, starts at this optimum and finishes by itself. Where its
        dense matrices would be too large that is a `CourseError`; `to_statsmodels` can be forced. Rows with
        weights come times their roots, so that its log-likelihood lacks half the sum of log(weights).
        """
        return self.to_statsmodels()

    @property
    def code(self) -> str:
        """Python that starts statsmodels alone at this optimum, exact for every model; reads ``data``."""
        return code_of_fit(self.design, self.estimates)

    def to_statsmodels(self, force: bool = False) -> MixedLMResults:
        """As `statsmodels`; ``force=True`` runs however long it takes."""
        return fit_by_statsmodels(self.design, self.estimates, force)

    def check(self) -> Check:
        """Both solvers side by side: log-likelihood, fixed effects, variances, difference."""
        return compare_solvers(self.design, self.estimates, self.statsmodels)

    def _by_name(self, values: np.ndarray) -> pd.Series:
        return pd.Series(values, index=list(self.design.fixed_names))
