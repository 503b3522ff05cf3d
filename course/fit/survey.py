"""`SurveyModel` and `SurveyFit`: a mixed model fitted to a survey's weighted sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.keywords import refuse_keywords
from course.common.wording import listing
from course.design.design import Design
from course.design.sampling_weights import SamplingWeights
from course.errors import CourseError
from course.fit.call_forms import KEYWORDS, OF_MIXEDLM
from course.fit.notes import fit_notes
from course.fit.predict import predict
from course.fit.replicates import Replicates, replicate_errors
from course.fit.summary import Summary, summarise_survey
from course.fit.tables import effects_tables, t_table, variance_table, with_left_out
from course.solver.estimates import Estimates, estimate
from course.solver.pseudo_likelihood import PseudoProblem
from course.solver.sandwich import SamplingErrors, sandwich
from course.translation.translate import translate_design

FEW_CLUSTERS = 20  # below this a sandwich is known to be too small
NO_REML = (
    "sampling weights are fitted by pseudo-maximum likelihood, and there is no restricted one: write "
    "fit() or fit(reml=False)"
)
NO_LIKELIHOOD = (
    "a pseudo-likelihood is none: differences of it are not chi-squared. Test effects together by "
    'wald(fit, "x = 0, z = 0"), or term by term by anova(fit)'
)
NO_STATSMODELS = "statsmodels' MixedLM knows none"
INSTEAD = {
    "aic": NO_LIKELIHOOD,
    "bic": NO_LIKELIHOOD,
    "statsmodels": NO_STATSMODELS,
    "to_statsmodels": NO_STATSMODELS,
    "code": NO_STATSMODELS,
    "check": NO_STATSMODELS,
    "satterthwaite": "degrees of freedom are clusters less strata, fit.df",
    "refit": "fit the model to the other response, mixedlm(formula, data, weights=...)",
    "refit_all": "fit the model to each response, mixedlm(formula, data, weights=...)",
    "random_effects_se": "a level's rows stand for others, so that its conditional variance is not that of a "
    "likelihood; fit.random_effects has the conditional means",
    "wresid": "its residuals, fit.resid, have one variance",
    "write_fitted": "its rows are in memory, and fit.fittedvalues has theirs",
}


@dataclass(frozen=True, eq=False)
class SurveyModel:
    """A formula, its data and their sampling weights, ready to fit.

    Attributes
    ----------
    design : Design
        The matrices and groups.
    weights : SamplingWeights
        Conditional weights of each level, scaled.
    replicates : Replicates or None
        Where standard errors are to come from replicate weights.

    See Also
    --------
    mixedlm : Makes it where ``weights=`` is a dictionary.
    SurveyFit : What its `fit` returns.

    Examples
    --------
    >>> from course import mixedlm, simulate_assessment
    >>> data = simulate_assessment(countries=1, missing={}, seed=1).data
    >>> weights = {"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}
    >>> model = mixedlm("PV1MATH ~ ESCS + (1|SCHOOLID)", data, weights=weights)
    >>> model
    <SurveyModel PV1MATH ~ ESCS + (1 | SCHOOLID), 1,000 rows>
    >>> model.weights.words
    ('SCHOOLID by W_SCHGRNRABWT', 'student by W_FSTUWT (overall, divided by the weight of SCHOOLID)')
    """

    design: Design = field(repr=False)
    weights: SamplingWeights = field(repr=False)
    replicates: Replicates | None = field(default=None, repr=False)

    @property
    def formula(self) -> str:
        """The formula, with white space and ``a/b`` written out."""
        return str(self.design.formula)

    @cached_property
    def problem(self) -> PseudoProblem:
        """The design reduced to weighted cross-products."""
        return PseudoProblem(self.design, self.weights)

    def fit(self, reml: bool | None = None, progress: bool = False, **options: object) -> SurveyFit:
        """Fit by pseudo-maximum likelihood.

        Parameters
        ----------
        reml : bool, optional
            Not True: there is no restricted pseudo-likelihood.
        progress : bool
            Whether a fit of more than a second shows its evaluations.
        **options
            None is known.

        Returns
        -------
        SurveyFit

        Raises
        ------
        CourseError
            For ``reml=True``, where no residual is left, and where the data tell of a variance only
            together with another one.
        """
        refuse_keywords("fit", options, ("reml", "progress"), dict.fromkeys(KEYWORDS, OF_MIXEDLM))
        if reml:
            raise CourseError(NO_REML)
        if self.design.shared_by_ml:
            raise CourseError(
                "the rows know two variances of this model only together, and standard errors of weighted "
                "fits need each: leave one of the random effects out"
            )
        found = estimate(self.problem, reml=False, progress=bool(progress))
        if self.replicates is None:
            errors, failed = sandwich(self.problem, found.theta_standard), list[str]()
        else:
            errors, failed = replicate_errors(self.problem, found, self.replicates)
        return SurveyFit(self, replace(found, cov_beta=errors.cov_beta), errors, tuple(failed))

    def __repr__(self) -> str:
        return f"<SurveyModel {self.formula}, {self.design.n:,} rows>"


@dataclass(frozen=True, eq=False)
class SurveyFit:
    """A mixed model fitted to a weighted sample by pseudo-maximum likelihood. Names are those of `MixedFit`.

    Standard errors are those of a sample of clusters, the groups at the top: by the sandwich, or by replicate
    weights. What a pseudo-likelihood does not have, as ``aic``, is a `CourseError` that says what there is
    instead.

    Attributes
    ----------
    model : SurveyModel
    estimates : Estimates
        The optimum, as arrays; ``cov_beta`` is that of `errors`.
    errors : SamplingErrors
        Covariances of the estimates, in the units of the data.
    failed : tuple of str
        Replicate weights whose fit did not converge.

    See Also
    --------
    mixedlm : ``mixedlm(formula, data, weights={"student": "w", "school": "v"}).fit()`` returns it.
    wald, anova : Tests of several effects together.
    simulate_assessment : Surveys whose truth is known.

    References
    ----------
    Rabe-Hesketh and Skrondal (2006), doi 10.1111/j.1467-985X.2006.00426.x; Asparouhov (2006), doi
    10.1080/03610920500476598.

    Examples
    --------
    >>> from course import mixedlm, simulate_assessment
    >>> made = simulate_assessment(1, schools=150, informative={"school": 0.5}, missing={}, seed=1)
    >>> weights = {"student": "W_FSTUWT", "SCHOOLID": "W_SCHGRNRABWT"}
    >>> formula = "PV1MATH ~ ESCS + ST004D01T + GRADE + (1|SCHOOLID)"
    >>> fit = mixedlm(formula, made.data, weights=weights).fit()
    >>> fit
    <SurveyFit PV1MATH ~ ESCS + ST004D01T + GRADE + (1 | SCHOOLID), 3,750 rows, sandwich>
    >>> plain = mixedlm(formula, made.data).fit()  # the truth is 480
    >>> round(fit.fe_params["Intercept"]), round(plain.fe_params["Intercept"])
    (472, 494)
    """

    model: SurveyModel
    estimates: Estimates
    errors: SamplingErrors
    failed: tuple[str, ...] = ()

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
        """``"pseudo-ML"``."""
        return "pseudo-ML"

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
        """Whether the search, and that of every replicate, ended on a checked optimum."""
        return self.estimates.converged and not self.failed

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
        """Standard errors of the fixed effects: of the sandwich, or of the replicates."""
        return self._by_name(np.sqrt(np.diagonal(self.errors.cov_beta)))

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the fixed effects' estimates, (p, p)."""
        names = self.design.fixed_names
        return pd.DataFrame(self.errors.cov_beta, index=names, columns=names)

    @property
    def df(self) -> int:
        """Degrees of freedom: clusters less strata (or 1); of replicates, how many tell something."""
        return self.errors.df

    @property
    def tvalues(self) -> pd.Series:
        """Estimates over standard errors."""
        return self.fe_params / self.bse_fe

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided, with `df` degrees of freedom."""
        return self.fixed_effects["p_value"].rename(None)[self.fe_params.index]

    @cached_property
    def fixed_effects(self) -> pd.DataFrame:
        """Fixed effects with t-tests and 95 % intervals.

        Returns
        -------
        DataFrame
            By patsy name: estimate, std_error, df, t, p_value, lower, upper. NaN for a column that others
            determine.
        """
        df = np.full(len(self.fe_params), float(self.df))
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
        """Variances and covariances of the random effects, and the residual's, with standard errors.

        Returns
        -------
        DataFrame
            group, effect, effect2, vcov, sdcor, as in `MixedFit.variance_components`, and std_error, that of
            vcov: NaN where a variance is estimated at 0.
        """
        table = variance_table(self.design, self.estimates)
        variances = [
            self.errors.variance(
                g, *map(grouping.labels.index, (row.effect, row.effect2 or row.effect))
            )
            for row in table.itertuples()
            for g, grouping in enumerate(self.design.groupings)
            if row.group == grouping.name and row.effect is not None
        ]
        variances.append(float(self.errors.cov_variances[-1, -1]))
        return table.assign(std_error=np.sqrt(variances))

    @cached_property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional means (BLUPs) given the weighted rows: for each group a frame of levels by effects."""
        return effects_tables(self.design, self.estimates.effects)

    # -- likelihood ---------------------------------------------------------------------------

    @property
    def llf(self) -> float:
        """Pseudo-log-likelihood, of the population that the weights stand for: no likelihood ratios."""
        return self.estimates.llf * self.model.problem.unit

    @property
    def n_params(self) -> int:
        """Fixed effects, free entries of the covariance factors, residual variance."""
        return len(self.estimates.beta) + self.model.problem.n_theta + 1

    # -- fitted and predicted values ----------------------------------------------------------

    def predict(
        self, new_data: pd.DataFrame | None = None, random: str | Sequence[str] = "all"
    ) -> pd.Series:
        """Predicted responses.

        Parameters
        ----------
        new_data : DataFrame, optional
            The rows to predict; those of the fit where left out.
        random : "all", "none" or list of str
            Which random effects to add, as in `MixedFit.predict`.

        Returns
        -------
        Series
            By the index of new_data.
        """
        return predict(self.design, self.estimates, new_data, random)

    @cached_property
    def fittedvalues(self) -> pd.Series:
        """Fixed part and random effects together, by row."""
        return self.predict()

    @property
    def resid(self) -> pd.Series:
        """Response minus `fittedvalues`."""
        return self.design.y - self.fittedvalues

    # -- words --------------------------------------------------------------------------------

    @property
    def in_words(self) -> str:
        """Where the standard errors come from."""
        replicates = self.model.replicates
        return replicates.in_words if replicates else "the sandwich"

    @property
    def sampling_notes(self) -> tuple[str, ...]:
        """What the weights and the data say that the formula does not."""
        weights = self.model.weights
        notes = [
            f"Sampling weights: {weights.in_words}. Standard errors are those of {self.in_words}.",
            *weights.notes,
        ]
        if self.model.replicates is not None:
            notes.append(
                "Each replicate multiplies the weight of a unit at the top by what it multiplies the "
                "overall weights of its rows by."
            )
        clusters = len(weights.top)
        if self.model.replicates is None and clusters < FEW_CLUSTERS:
            top = self.design.groupings[weights.chain[-1]].name
            notes.append(
                f"The sandwich rests on {clusters} levels of {top}: standard errors of so few are too small."
            )
        if self.failed:
            notes.append(
                f"{len(self.failed)} replicates did not end on a checked optimum "
                f"({listing(self.failed[:3])}): their standard errors are not to be reported."
            )
        return (*notes, *translate_design(self.design).notes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the fit, the weights and the data say that the formula does not."""
        return (*fit_notes(self.design, self.estimates), *self.sampling_notes)

    def summary(self) -> Summary:
        """A compact table: prints as text, shows as HTML in a notebook."""
        aside = "sandwich standard errors, t-tests with clusters - strata df"
        if self.model.replicates is not None:
            aside = f"standard errors from replicate weights, t-tests with {self.df} df"
        return summarise_survey(
            self.design, self.estimates, self.llf, self.fixed_effects, self.notes, aside
        )

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __repr__(self) -> str:
        singular = ", singular" if self.singular else ""
        errors = "replicate weights" if self.model.replicates else "sandwich"
        return f"<SurveyFit {self.formula}, {self.nobs:,} rows, {errors}{singular}>"

    def _by_name(self, values: np.ndarray) -> pd.Series:
        return pd.Series(values, index=list(self.design.fixed_names))

    if not TYPE_CHECKING:  # a type checker shall find names that are none

        def __getattr__(self, name: str) -> object:
            if name not in INSTEAD:
                raise AttributeError(f"'SurveyFit' object has no attribute {name!r}")
            raise CourseError(f"a fit with sampling weights has no {name}: {INSTEAD[name]}")


def population(fit: object) -> np.ndarray | None:
    """How many rows of the population each row of a fit with sampling weights stands for, (n,)."""
    return fit.model.weights.overall if isinstance(fit, SurveyFit) else None
