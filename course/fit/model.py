"""`mixedlm`: any lme4-style formula, fitted; and what the fit says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.design.design import Design, build_design
from course.errors import CourseError
from course.fit.agreement import Check, compare_solvers
from course.fit.call_forms import read_call
from course.fit.notes import fit_notes
from course.fit.predict import predict
from course.fit.satterthwaite import Satterthwaite
from course.fit.second_solver import fit_by_statsmodels
from course.fit.summary import Summary, summarise
from course.fit.tables import effects_tables, t_table, variance_table, with_left_out
from course.formula.terms import Formula
from course.solver.estimates import Estimates, estimate
from course.solver.problem import Problem
from course.translation.translate import NO_RANDOM_TERM, Translation, translate_design

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import MixedLMResults


def mixedlm(
    formula: str | Formula,
    data: pd.DataFrame,
    groups: str | Sequence | None = None,
    re_formula: str | dict[str, str] | None = None,
    vc_formula: dict[str, str] | None = None,
) -> MixedModel:
    """A linear mixed model from an lme4-style formula, or from statsmodels' own arguments.

    Parameters
    ----------
    formula : str
        ``"test_score ~ age + sex + (age|classroom) + (1|school)"``. Without bars it is the fixed part
        and the other arguments mean what they mean in ``statsmodels.formula.api.mixedlm``. Fixed effects
        that others determine are left out, as in lme4, and named in `MixedFit.notes`.
        R's spelling is read as it stands: ``factor(x)``, ``I(x^2)``, ``poly(x, 2)``, ``offset(x)``, ``.``.
    data : DataFrame
        One row per observation; it is not changed. Rows with missing values in a column that the
        model names are left out, counted, and reported by `MixedFit.summary`.
    groups : str or array-like of shape (n,), optional
        Beside bars: adds ``(1|groups)``, for pupils who were measured repeatedly.
    re_formula : str or dict, optional
        Beside bars a dict ``{"classroom": "~1"}``: the effects that vary by that group.
    vc_formula : dict, optional
        Beside bars ``{"classroom": "diag"}`` makes that group's effects independent, as ``||`` does, and
        ``"unstructured"`` correlated.

    Returns
    -------
    MixedModel
        Call its `fit`.

    Raises
    ------
    CourseError
        Where formula or data are not as they should be; the message gives the mend.

    See Also
    --------
    translate : The same formula for statsmodels, without a fit.
    propose : A first formula for a table.
    compare, side_by_side, diagnose : What to do with the fits.

    Examples
    --------
    >>> from course import load
    >>> fit = mixedlm("test_score ~ age + (1|classroom) + (1|school)", load("pupils")).fit()
    >>> fit.n_groups["school"] == len(fit.random_effects["school"])
    True

    In R: ``lmer(test_score ~ age + (1 | classroom) + (1 | school), pupils)``.
    """
    formula, data = read_call(formula, data, groups, re_formula, vc_formula)
    if not formula.random:
        raise CourseError(NO_RANDOM_TERM)
    return MixedModel(build_design(formula, data))


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A formula and its data, ready to fit.

    Attributes
    ----------
    design : Design
        The matrices and groups.
    made : Problem, optional
        The design reduced already, where another response of the same design was fitted before.

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

    @property
    def formula(self) -> str:
        """The formula, with white space and ``a/b`` written out."""
        return str(self.design.formula)

    @cached_property
    def translation(self) -> Translation:
        """The same model for statsmodels, in words and as an equation."""
        return translate_design(self.design)

    @cached_property
    def problem(self) -> Problem:
        """The design reduced to cross-products; every fit of it starts here."""
        return self.made or Problem(self.design)

    def fit(self, reml: bool = True, progress: bool = False, **options: object) -> MixedFit:
        """Fit by restricted maximum likelihood, or by maximum likelihood.

        Parameters
        ----------
        reml : bool
            REML (the default, as in lme4 and statsmodels) for estimates; ML to compare models with
            different fixed effects.
        progress : bool
            Whether a fit of more than a second shows how often it has evaluated the deviance, and
            its value. Stopped by Ctrl-C it leaves nothing behind.

        Returns
        -------
        MixedFit
            The optimum, with what can be read from it.

        Raises
        ------
        CourseError
            Where no residual is left, and for options of statsmodels' optimisers.
        """
        if options:
            raise CourseError(
                f"fit() has no option {', '.join(options)}: mixedlm ends on a checked optimum by "
                "itself. Only reml= and progress= are to be chosen"
            )
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

    # -- the shape of the fit -----------------------------------------------------------------

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

    # -- fixed effects ------------------------------------------------------------------------

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

    # -- random effects -----------------------------------------------------------------------

    @property
    def scale(self) -> float:
        """Residual variance."""
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

        A group of several columns (``school:classroom``) has a MultiIndex of them, so that
        ``data.join(frame, on=["school", "classroom"])`` works.
        """
        return effects_tables(self.design, self.estimates.effects)

    @cached_property
    def random_effects_se(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations of the random effects, in the shape of `random_effects`.

        Given the estimated variances and fixed effects, as lme4's ``ranef(condVar = TRUE)``.
        """
        problem = self.model.problem
        at = problem.evaluate(self.estimates.theta_standard)
        conditional = problem.conditional_covariances(at, self.scale)
        sds = [np.sqrt(np.diagonal(V, axis1=1, axis2=2).clip(min=0)) for V in conditional]
        return effects_tables(self.design, sds)

    # -- likelihood ---------------------------------------------------------------------------

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

    # -- fitted and predicted values ----------------------------------------------------------

    @cached_property
    def fittedvalues(self) -> pd.Series:
        """Fixed part and random effects together, by row."""
        return predict(self.design, self.estimates, None, "all")

    @property
    def resid(self) -> pd.Series:
        """Response minus `fittedvalues`."""
        return self.design.y - self.fittedvalues

    def predict(
        self, new_data: pd.DataFrame | None = None, random: str | Sequence[str] = "all"
    ) -> pd.Series:
        """Predicted responses.

        Parameters
        ----------
        new_data : DataFrame, optional
            The rows to predict; those of the fit where left out.
        random : "all", "none" or list of str
            Which random effects to add to the fixed part: those of all groups, of none (the
            population), or of the groups named. A level that was not in the fit adds nothing.

        Returns
        -------
        Series
            By the index of new_data; NaN where a predictor or label is missing.

        Raises
        ------
        CourseError
            For a missing column, an unknown label of a predictor, an unknown group, and an empty cell.

        See Also
        --------
        course.plots.predictions, course.plots.lines : Predictions as pictures.
        """
        return predict(self.design, self.estimates, new_data, random)

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
        other = np.asarray(y, dtype=float)
        if other.shape != (self.nobs,) or not np.isfinite(other).all():
            raise CourseError(
                f"refit takes one finite number for each of the {self.nobs:,} rows of the fit"
            )
        problem = self.model.problem.with_response(other)
        return MixedModel(problem.design, problem).fit(self.estimates.reml)

    # -- words --------------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data and the fit say that the formula does not."""
        return (*fit_notes(self.design, self.estimates), *self.model.translation.notes)

    def summary(self) -> Summary:
        """A compact table: prints as text, shows as HTML in a notebook."""
        criteria = (self.aic, self.bic)
        return summarise(self.design, self.estimates, criteria, self.fixed_effects, self.notes)

    def __repr__(self) -> str:
        singular = ", singular" if self.singular else ""
        return f"<MixedFit {self.formula}, {self.method}, {self.nobs:,} rows{singular}>"

    # -- the other solver ---------------------------------------------------------------------

    @cached_property
    def statsmodels(self) -> MixedLMResults:
        """statsmodels' own results of the same model: a genuine ``MixedLMResults``.

        MixedLM is given the same matrices, starts at this optimum and finishes by itself. Where its
        dense matrices would be too large that is a `CourseError`; `to_statsmodels` can be forced.
        """
        return self.to_statsmodels()

    def to_statsmodels(self, force: bool = False) -> MixedLMResults:
        """As `statsmodels`; ``force=True`` runs however long it takes."""
        return fit_by_statsmodels(self.design, self.estimates, force)

    def check(self) -> Check:
        """Both solvers side by side: log-likelihood, fixed effects, variances, difference."""
        return compare_solvers(self.design, self.estimates, self.statsmodels)

    def _by_name(self, values: np.ndarray) -> pd.Series:
        return pd.Series(values, index=list(self.design.fixed_names))
