"""A generalised model ready to fit, and the fit with what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from course.common.arguments import choice, whole
from course.common.keywords import refuse_keywords
from course.design.design import Design
from course.design.notes import find_notes
from course.errors import CourseError
from course.fit.generalised_summary import GeneralisedSummary, counted, summarise_generalised
from course.fit.notes import generalised_notes
from course.fit.predict import WORDS, predict, variance_of_random_part
from course.fit.progress import deviances_shown
from course.fit.tables import effects_tables, ratio_table, variance_table, with_left_out, z_table
from course.solver.families import Family
from course.solver.generalised import GeneralisedEstimates, estimate_generalised
from course.solver.penalised import Generalised
from course.solver.quadrature import MOST_NODES, Adaptive
from course.translation.generalised import GeneralisedTranslation, translate_generalised

KINDS = ("response", "link")
RESIDUALS = ("deviance", "pearson", "response")
BY_ITSELF = "it is given to mixedglm(...), before .fit()"


@dataclass(frozen=True, eq=False)
class MixedGLM:
    """A generalised model: a formula, its data, a family and a link, ready to fit.

    Attributes
    ----------
    design : Design
        The matrices and groups. Its y is what is counted: a proportion of its weights, the trials of each
        row, or a count.
    family : Family
        Its ``name`` is "binomial" or "poisson", its ``link`` "logit", "probit", "cloglog" or "log".
    made : Generalised, optional
        The model in standardised units, where it was fitted to another response before.

    See Also
    --------
    mixedglm : Makes it.
    MixedGLMFit : What its `fit` returns.

    Examples
    --------
    >>> from course import load, mixedglm
    >>> data = load("pupils")
    >>> data["passed"] = data["test_score"] > 60
    >>> mixedglm("passed ~ age + (1|school)", data, family="binomial")
    <MixedGLM passed ~ age + (1 | school), binomial (logit), 2,494 rows>
    """

    design: Design = field(repr=False)
    family: Family
    made: Generalised | None = field(default=None, repr=False)

    @property
    def formula(self) -> str:
        """The formula, with white space and ``a/b`` written out."""
        return str(self.design.formula)

    @cached_property
    def translation(self) -> GeneralisedTranslation:
        """The same model in words and as an equation, and what statsmodels has that comes near."""
        return translate_generalised(self.design, self.family.name, self.family.link)

    @cached_property
    def problem(self) -> Generalised:
        """The design in standardised units; every fit of it starts here."""
        return self.made or Generalised(self.design, self.family)

    def by_quadrature(self, nagq: int) -> Generalised:
        """`problem`, its effects integrated out by `nagq` nodes; 1 is Laplace's approximation."""
        if whole("nagq", nagq) > MOST_NODES:
            raise CourseError(f"nagq={nagq}: at most {MOST_NODES} nodes are used")
        return self.problem if nagq == 1 else Adaptive(self.design, self.family, nagq)

    def fit(self, nagq: int = 1, progress: bool = False, **options: object) -> MixedGLMFit:
        """Fit by maximum likelihood, with the random effects integrated out.

        Parameters
        ----------
        nagq : int
            1 for Laplace's approximation of the integral. From 2 to 25, for one random effect of one
            grouping: the nodes of adaptive Gauss–Hermite quadrature, more exact where groups are small.
        progress : bool
            Whether a fit of more than a second shows its evaluations. Ctrl-C leaves nothing behind.
        **options
            None is known: mixedglm ends on a checked optimum by itself.

        Returns
        -------
        MixedGLMFit
            The optimum, with what can be read from it.

        Raises
        ------
        CourseError
            For an unknown option, and where nagq is not 1 for a model of several effects.
        """
        refuse_keywords(
            "fit",
            options,
            ("nagq", "progress"),
            dict.fromkeys(("family", "link", "weights"), BY_ITSELF),
        )
        with deviances_shown(progress) as report:
            return MixedGLMFit(self, estimate_generalised(self.by_quadrature(nagq), report), nagq)

    def __repr__(self) -> str:
        family = f"{self.family.name} ({self.family.link})"
        return f"<MixedGLM {self.formula}, {family}, {self.design.n:,} rows>"


@dataclass(frozen=True, eq=False)
class MixedGLMFit:
    """A fitted generalised mixed model. Names are those of `MixedFit` wherever the notion exists.

    Attributes
    ----------
    model : MixedGLM
        The formula, its data and the family.
    estimates : GeneralisedEstimates
        The optimum, as arrays, on the scale of the linear predictor; its ``sigma2`` is 1.
    nagq : int
        Nodes of the quadrature; 1 for Laplace's approximation.

    See Also
    --------
    mixedglm : Makes the model whose ``fit()`` returns this.
    MixedFit : The same for a response with a normal residual.

    Examples
    --------
    >>> from course import load, mixedglm
    >>> data = load("pupils")
    >>> data["passed"] = data["test_score"] > 60
    >>> fit = mixedglm("passed ~ age + (1|school)", data, family="binomial").fit()
    >>> fit.converged, fit.singular
    (True, False)
    """

    model: MixedGLM
    estimates: GeneralisedEstimates
    nagq: int = 1

    # -- the shape of the fit -----------------------------------------------------------------

    @property
    def design(self) -> Design:
        """Matrices and groups of the complete rows."""
        return self.model.design

    @property
    def family(self) -> Family:
        """The family with its link."""
        return self.model.family

    @property
    def formula(self) -> str:
        """The formula, with white space and ``a/b`` written out."""
        return self.model.formula

    @property
    def method(self) -> str:
        """How the random effects were integrated out: ``"Laplace"``, or by how many nodes."""
        return "Laplace" if self.nagq == 1 else f"quadrature with {self.nagq} nodes"

    @property
    def nobs(self) -> int:
        """Rows used."""
        return self.design.n

    @cached_property
    def trials(self) -> np.ndarray:
        """Trials of each row (binomial) or its prior weight (poisson), (nobs,)."""
        return self.model.problem.weights

    @property
    def n_groups(self) -> dict[str, int]:
        """For each grouping factor the number of its levels."""
        return {grouping.name: grouping.n_levels for grouping in self.design.groupings}

    @property
    def converged(self) -> bool:
        """Whether the search ended on a checked optimum: no gradient, and curvature upwards."""
        return self.estimates.converged

    @property
    def singular(self) -> bool:
        """Whether a variance is estimated at 0, or a correlation at -1 or 1."""
        return self.estimates.singular

    # -- fixed effects ------------------------------------------------------------------------

    @cached_property
    def fe_params(self) -> pd.Series:
        """Fixed effects that are estimated, on the scale of the linear predictor."""
        return self._by_name(self.estimates.beta)

    @cached_property
    def bse_fe(self) -> pd.Series:
        """Standard errors of the fixed effects, from the curvature by fixed effects and variances."""
        return self._by_name(np.sqrt(np.diagonal(self.estimates.cov_beta)))

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the fixed effects' estimates, (p, p)."""
        names = self.design.fixed_names
        return pd.DataFrame(self.estimates.cov_beta, index=names, columns=names)

    @property
    def tvalues(self) -> pd.Series:
        """Estimates over standard errors, to be compared with a normal distribution."""
        return self.fe_params / self.bse_fe

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided, by the normal distribution."""
        return self.fixed_effects["p_value"].rename(None)[self.fe_params.index]

    @cached_property
    def fixed_effects(self) -> pd.DataFrame:
        """Fixed effects with Wald's z-tests and 95 % intervals.

        Returns
        -------
        DataFrame
            By patsy name: estimate, std_error, z, p_value, lower, upper. NaN for a column that others
            determine (an empty cell): `fe_params` and the like are without it.
        """
        return with_left_out(z_table(self.fe_params, self.bse_fe), self.design)

    @cached_property
    def ratios(self) -> pd.DataFrame:
        """Odds ratios (logit), rate ratios (log) or hazard ratios (cloglog) with 95 % intervals.

        They compare two rows of the same groups that differ by one unit of the predictor.

        Returns
        -------
        DataFrame
            By patsy name, without the intercept: ratio, lower, upper.

        Raises
        ------
        CourseError
            For the probit, whose effects are differences of quantiles and no ratios.
        """
        if self.family.link == "probit":
            raise CourseError(
                'effects on the scale of the probit are no logarithms of ratios: fit with link="logit" for '
                "odds ratios"
            )
        return ratio_table(self.fixed_effects)

    # -- random effects -----------------------------------------------------------------------

    @cached_property
    def variance_components(self) -> pd.DataFrame:
        """Variances and covariances of the random effects, on the scale of the linear predictor.

        Returns
        -------
        DataFrame
            group, effect, effect2, vcov, sdcor, the columns of lme4's
            ``as.data.frame(VarCorr(.))``, as `MixedFit.variance_components`. There is no residual.
        """
        return variance_table(self.design, self.estimates, residual=False)

    @cached_property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional modes: for each group a frame of levels by effects."""
        return effects_tables(self.design, self.estimates.effects)

    @cached_property
    def random_effects_se(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations of the random effects, in the shape of `random_effects`.

        Given the estimated variances and fixed effects, as lme4's ``ranef(condVar = TRUE)``.
        """
        conditional = self.estimates.conditional_covariances
        sds = [np.sqrt(np.diagonal(V, axis1=1, axis2=2).clip(min=0)) for V in conditional]
        return effects_tables(self.design, sds)

    # -- likelihood ---------------------------------------------------------------------------

    @property
    def llf(self) -> float:
        """Log-likelihood, with all constants."""
        return self.estimates.llf

    @property
    def n_params(self) -> int:
        """Fixed effects and free entries of the covariance factors."""
        return len(self.estimates.beta) + len(self.estimates.theta_standard)

    @property
    def df_resid(self) -> int:
        """`nobs` less `n_params`."""
        return self.nobs - self.n_params

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 llf + 2 n_params."""
        return self.estimates.deviance + 2 * self.n_params

    @property
    def bic(self) -> float:
        """Schwarz's criterion, -2 llf + log(nobs) n_params."""
        return self.estimates.deviance + np.log(self.nobs) * self.n_params

    @cached_property
    def deviance(self) -> float:
        """Sum of the squared deviance residuals, given the random effects (-2 llf is another number)."""
        return float((self.resid("deviance") ** 2).sum())

    # -- fitted and predicted values ----------------------------------------------------------

    @cached_property
    def fittedvalues(self) -> pd.Series:
        """Probabilities, or expected counts, with the random effects of each row."""
        return self.predict()

    def resid(self, kind: str = "deviance") -> pd.Series:
        """Residuals, by row.

        Parameters
        ----------
        kind : {"deviance", "pearson", "response"}
            "response" is the response (a proportion, or a count) minus `fittedvalues`; "pearson"
            the same over its standard deviation; "deviance" the signed root of what the row adds to
            `deviance`.
        """
        choice("kind", kind, RESIDUALS)
        mean = self.fittedvalues
        y, left = self.design.y, self.design.y - mean
        if kind == "response":
            return left
        if kind == "pearson":
            return left * np.sqrt(self.trials / self.family.variance(mean))
        squares = self.trials * self.family.unit_deviance(y, mean.to_numpy())
        return np.sign(left) * np.sqrt(squares.clip(min=0))

    def predict(
        self,
        new_data: pd.DataFrame | None = None,
        random: str | Sequence[str] = "all",
        kind: str = "response",
    ) -> pd.Series:
        """Predicted probabilities or counts.

        Parameters
        ----------
        new_data : DataFrame, optional
            The rows to predict; those of the fit where left out.
        random : "all", "none", "average" or list of str
            Which random effects to add to the fixed part: those of all groups, of none, or of the groups
            named. A level that was not in the fit adds nothing. "none" is a group in the middle, all of
            whose effects are 0; "average" the mean over all groups that there might be, integrated over the
            random effects. On a curved scale the two differ: an average probability is nearer to the
            middle than that of the average group.
        kind : {"response", "link"}
            Probabilities (expected counts), or the linear predictor (of averages the link of them).

        Returns
        -------
        Series
            By the index of new_data; NaN where a predictor or label is missing.

        Raises
        ------
        CourseError
            For a missing column, an unknown label of a predictor, an unknown group, and an empty cell.
        """
        choice("kind", kind, KINDS)
        average = isinstance(random, str) and random == "average"
        words = (*WORDS, "average")
        eta = predict(self.design, self.estimates, new_data, "none" if average else random, words)
        if average:
            variance = variance_of_random_part(self.design, self.estimates, new_data)
            mean = self.family.average(eta.to_numpy(), variance)
            values = mean if kind == "response" else self.family.predictor(mean)
            return pd.Series(values, index=eta.index)
        return eta if kind == "link" else pd.Series(self.family.mean(eta.to_numpy()), eta.index)

    def refit(self, y: Sequence[float] | np.ndarray | pd.Series) -> MixedGLMFit:
        """The same model fitted to another response; the design is not built again.

        Parameters
        ----------
        y : array-like, shape (nobs,)
            One value for each row used, in their order and in the form of ``design.y``: proportions of the
            trials (0 or 1 where each row is one trial), or counts.

        Returns
        -------
        MixedGLMFit
        """
        other = np.asarray(y, dtype=float)
        if other.shape != (self.nobs,) or not np.isfinite(other).all():
            raise CourseError(f"refit takes one finite number for each of {self.nobs:,} rows")
        made = self.model.problem.with_response(other)
        return MixedGLM(made.design, self.family, made).fit(self.nagq)

    def refit_all(self, responses: Sequence[Sequence[float] | np.ndarray]) -> list[MixedGLMFit]:
        """`refit` to each of many responses, (nobs,) each."""
        return [self.refit(y) for y in responses]

    # -- words --------------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data and the fit say that the formula does not."""
        said = [f"{counted(self.design)}."] if self.design.counted else []
        return (*said, *self._further_notes)

    @property
    def _further_notes(self) -> tuple[str, ...]:
        """All but what is counted, which the summary has in its heading."""
        return (*generalised_notes(self.design, self.estimates), *find_notes(self.design))

    def summary(self) -> GeneralisedSummary:
        """A compact table: prints as text, shows as HTML in a notebook."""
        return summarise_generalised(
            self.design,
            self.estimates,
            self.family,
            self.method,
            (self.aic, self.bic),
            self.fixed_effects,
            self._further_notes,
        )

    def __repr__(self) -> str:
        rows = f"{self.nobs:,} rows{', singular' if self.singular else ''}"
        family = f"{self.family.name} ({self.family.link})"
        return f"<MixedGLMFit {self.formula}, {family}, {self.method}, {rows}>"

    def _by_name(self, values: np.ndarray) -> pd.Series:
        return pd.Series(values, index=list(self.design.fixed_names))
