"""`PooledFit`: one answer from fits to several plausible values or imputed data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.variance_table import components_table
from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.notes import pooled_notes
from course.fit.pooled_variances import pool_covariances
from course.fit.rubin import Pooled, rubin
from course.fit.shares import mean_products
from course.fit.summary import Summary, summarise_pooled
from course.fit.survey import SurveyFit, population
from course.fit.tables import t_table, with_left_out
from course.formula.plausible import PlausibleValues
from course.formula.terms import Formula

INSTEAD = {
    "llf": "the log-likelihoods of fits to different values are no one number: compare(small, large) tests "
    "pooled fits against each other",
    "refit": "refit the model with one response, pooled.fits[0].refit(y)",
    "refit_all": "refit the model with one response, pooled.fits[0].refit_all(responses)",
    "estimates": "the estimates of each fit are in pooled.fits; fe_params and variance_components are pooled",
} | dict.fromkeys(
    ("aic", "bic"),
    "it has no pooled value: compare(small, large) tests pooled fits against each other",
)


@dataclass(frozen=True, eq=False)
class PooledFit:
    """Fits of one model to several plausible values or imputed data sets, pooled by Rubin's rules.

    Names are those of `MixedFit`. What has no pooled value, as ``llf``, is a `CourseError` that says what
    there is instead; each fit is in `fits`.

    Attributes
    ----------
    fits : tuple of MixedFit
        The separate fits.
    plausible : PlausibleValues or None
        The plausible values that they were fitted to; None for imputed data sets.

    See Also
    --------
    pool : Makes it of fits to imputed data sets.
    mixedlm : ``mixedlm("PV*MATH ~ ...", data).fit()`` makes it of plausible values.
    compare, wald : Tests of several effects together.
    means, contrasts, slopes, icc, r2, report : Take it as they take a `MixedFit`.

    References
    ----------
    Rubin (1987), doi 10.1002/9780470316696; degrees of freedom of Barnard and Rubin (1999),
    doi 10.1093/biomet/86.4.948.

    Examples
    --------
    >>> import numpy as np
    >>> from course import load, mixedlm
    >>> exam = load("exam")
    >>> rng = np.random.default_rng(1)
    >>> for i in (1, 2, 3, 4, 5):
    ...     exam[f"PV{i}"] = exam["normexam"] + rng.normal(0, 0.4, len(exam))
    >>> pooled = mixedlm("PV* ~ standLRT + (1|school)", exam).fit()
    >>> pooled
    <PooledFit PV* ~ standLRT + (1 | school), 5 fits, REML, 4,059 rows>
    >>> pooled.fixed_effects[["estimate", "std_error", "df", "fmi"]].round(2)
               estimate  std_error     df   fmi
    Intercept     -0.00       0.04  57.09  0.05
    standLRT       0.56       0.02  81.98  0.24
    """

    fits: tuple[MixedFit, ...]
    plausible: PlausibleValues | None = field(default=None, repr=False)

    # -- the shape of the fits ----------------------------------------------------------------

    @property
    def design(self) -> Design:
        """Matrices and groups of the first fit; those of plausible values differ in the response alone."""
        return self.fits[0].design

    @cached_property
    def one_of_each_design(self) -> list[MixedFit]:
        """The fits whose designs differ in more than the response: one of plausible values, all of others."""
        return list({id(fit.design.codings): fit for fit in self.fits}.values())

    @property
    def formula(self) -> str:
        """The formula, with the pattern of the plausible values in place of their names."""
        return str(self._formula)

    @property
    def response(self) -> str:
        """What was fitted, the pattern of plausible values."""
        return self._formula.response

    @cached_property
    def _formula(self) -> Formula:
        first = self.design.formula
        return self.plausible.in_formula(first) if self.plausible else first

    @property
    def method(self) -> str:
        """``"REML"`` or ``"ML"``."""
        return self.fits[0].method

    @property
    def nobs(self) -> int:
        """Rows used, the same in each fit."""
        return self.fits[0].nobs

    @property
    def n_groups(self) -> dict[str, int]:
        """For each grouping factor the number of its levels."""
        return self.fits[0].n_groups

    @property
    def n_params(self) -> int:
        """Parameters of each fit."""
        return self.fits[0].n_params

    @property
    def converged(self) -> bool:
        """Whether every search ended on a checked optimum."""
        return all(fit.converged for fit in self.fits)

    @property
    def singular(self) -> bool:
        """Whether any of the fits is singular."""
        return any(fit.singular for fit in self.fits)

    # -- fixed effects ------------------------------------------------------------------------

    @cached_property
    def _coefficients(self) -> Pooled:
        return rubin(
            [fit.fe_params for fit in self.fits],
            [fit.bse_fe for fit in self.fits],
            [_degrees_of_freedom(fit) for fit in self.fits],
        )

    @property
    def fe_params(self) -> pd.Series:
        """Fixed effects: the means of those of the fits."""
        return self._by_name(self._coefficients.estimates)

    @property
    def bse_fe(self) -> pd.Series:
        """Standard errors of the fixed effects, with what is uncertain between the fits."""
        return self._by_name(self._coefficients.std_errors)

    @property
    def df(self) -> pd.Series:
        """Degrees of freedom of the fixed effects (Barnard and Rubin 1999)."""
        return self._by_name(self._coefficients.df)

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the fixed effects' estimates, (p, p): within and between fits."""
        within = np.mean([fit.estimates.cov_beta for fit in self.fits], axis=0)
        between = np.cov([fit.estimates.beta for fit in self.fits], rowvar=False).reshape(
            within.shape
        )
        names = self.design.fixed_names
        return pd.DataFrame(within + (1 + 1 / len(self.fits)) * between, index=names, columns=names)

    @property
    def tvalues(self) -> pd.Series:
        """Estimates over standard errors."""
        return self.fe_params / self.bse_fe

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided, with the degrees of freedom of `df`."""
        return self.fixed_effects["p_value"].rename(None)[self.fe_params.index]

    @cached_property
    def fixed_effects(self) -> pd.DataFrame:
        """Fixed effects, pooled, with t-tests and 95 % intervals.

        Returns
        -------
        DataFrame
            By patsy name: estimate, std_error, df, t, p_value, lower, upper, fmi (the fraction of missing
            information). Degrees of freedom are those of Barnard and Rubin (1999), with Satterthwaite's,
            averaged over the fits, for what they would be if the values were known.
        """
        table = t_table(self.fe_params, self.bse_fe, self._coefficients.df)
        return with_left_out(table.assign(fmi=self._coefficients.fmi), self.design)

    @property
    def missing_information(self) -> pd.DataFrame:
        """How much of what is uncertain comes from the values that are not known, by fixed effect.

        Returns
        -------
        DataFrame
            within (mean squared standard error of the fits), between (variance of their estimates), total,
            riv (relative increase in variance), lambda (share of the total), fmi, df_complete. The columns
            ubar, b, t, riv, lambda, fmi and dfcom of mice's ``pool``.
        """
        found = self._coefficients
        return pd.DataFrame(
            {
                "within": found.within,
                "between": found.between,
                "total": found.std_errors**2,
                "riv": found.riv,
                "lambda": found.share,
                "fmi": found.fmi,
                "df_complete": found.df_complete,
            },
            index=list(self.design.fixed_names),
        )

    # -- random effects -----------------------------------------------------------------------

    @cached_property
    def _covariances(self) -> tuple[tuple[np.ndarray, ...], list[str]]:
        return pool_covariances(self.design, [fit.estimates for fit in self.fits])

    @property
    def covariances(self) -> tuple[np.ndarray, ...]:
        """For each grouping the pooled covariance matrix of its effects, (k, k)."""
        return self._covariances[0]

    @cached_property
    def sigma(self) -> float:
        """Residual standard deviation: the mean of its logarithms, taken back."""
        return float(np.exp(np.mean([np.log(fit.sigma) for fit in self.fits])))

    @property
    def scale(self) -> float:
        """Residual variance."""
        return self.sigma**2

    @cached_property
    def variance_components(self) -> pd.DataFrame:
        """Variances and covariances of the random effects, and the residual's, pooled.

        Returns
        -------
        DataFrame
            group, effect, effect2, vcov, sdcor, as in `MixedFit.variance_components`. Standard deviations
            are averaged on the log scale, correlations on Fisher's z scale; where a fit has an SD of 0 or a
            correlation of -1 or 1, the covariance matrices of that term are averaged, and `notes` says so.
        """
        groupings = self.design.groupings
        parts = [
            (grouping.name, grouping.labels, grouping.blocks, covariance)
            for grouping, covariance in zip(groupings, self.covariances, strict=True)
        ]
        return components_table(parts, self.scale)

    @cached_property
    def random_effects(self) -> dict[str, pd.DataFrame]:
        """Conditional means (BLUPs), averaged over the fits: for each group a frame of levels by effects."""
        return self._over_fits(
            lambda fit: fit.random_effects, lambda frames: sum(frames) / len(frames)
        )

    @cached_property
    def random_effects_se(self) -> dict[str, pd.DataFrame]:
        """Conditional standard deviations of the random effects, within and between the fits."""
        within = self._over_fits(
            lambda fit: {name: frame**2 for name, frame in fit.random_effects_se.items()},
            lambda frames: sum(frames) / len(frames),
        )
        m = len(self.fits)
        between = self._over_fits(
            lambda fit: fit.random_effects,
            lambda frames: sum((one - sum(frames) / m) ** 2 for one in frames) / (m - 1),
        )
        return {name: np.sqrt(within[name] + (1 + 1 / m) * between[name]) for name in within}

    def _over_fits(
        self,
        of_one: Callable[[MixedFit], dict[str, pd.DataFrame]],
        together: Callable[[list[pd.DataFrame]], pd.DataFrame],
    ) -> dict[str, pd.DataFrame]:
        found = [of_one(fit) for fit in self.fits]
        return {
            name: together([one[name].reindex(frame.index) for one in found])
            for name, frame in found[0].items()
        }

    @cached_property
    def mean_products(self) -> list[np.ndarray]:
        """For each grouping the mean of z z' over the rows, and over the fits where these differ."""
        of_each = [
            mean_products(fit.design, None, population(fit)) for fit in self.one_of_each_design
        ]
        return [np.mean(parts, axis=0) for parts in zip(*of_each, strict=True)]

    # -- predictions --------------------------------------------------------------------------

    def predict(
        self,
        new_data: pd.DataFrame | None = None,
        random: str | Sequence[str] = "all",
        interval: str | None = None,
        level: float = 0.95,
    ) -> pd.Series | pd.DataFrame:
        """Predicted responses: the means of what the fits predict, with intervals by Rubin's rules.

        Parameters
        ----------
        new_data : DataFrame, optional
            The rows to predict; those of the fits where left out.
        random : "all", "none" or list of str
            Which random effects to add, as in `MixedFit.predict`.
        interval : "confidence" or "prediction", optional
            Of the mean, or of a single response, as in `MixedFit.predict`.
        level : float
            Of the intervals, between 0 and 1.

        Returns
        -------
        Series, or DataFrame with intervals
            By the index of new_data. With intervals: estimate, std_error, df, lower, upper.

        Raises
        ------
        CourseError
            As `MixedFit.predict`.

        See Also
        --------
        course.means : Adjusted means with pooled intervals.

        Examples
        --------
        >>> from course import load, mixedlm, pool
        >>> exam = load("exam")
        >>> thirds = [exam.assign(y=exam["normexam"] + shift) for shift in (0.0, 0.05, 0.1)]
        >>> pooled = pool([mixedlm("y ~ standLRT + (1|school)", d).fit() for d in thirds])
        >>> new = pd.DataFrame({"standLRT": [0.0]})
        >>> pooled.predict(new, random="none").round(2).tolist()
        [0.05]
        >>> pooled.predict(new, random="none", interval="confidence").round(2)
           estimate  std_error   df  lower  upper
        0      0.05       0.07  3.6  -0.15   0.26
        """
        if interval is None:
            series = [fit.predict(new_data, random) for fit in self.fits]
            return pd.Series(np.mean(series, axis=0), index=series[0].index)
        tables = [
            fit.predict(new_data, random, interval=interval, level=level) for fit in self.fits
        ]
        found = rubin(
            *([table[name] for table in tables] for name in ("estimate", "std_error", "df"))
        )
        index = tables[0].index
        estimates, errors = pd.Series(found.estimates, index), pd.Series(found.std_errors, index)
        return t_table(estimates, errors, found.df, level)[list(tables[0].columns)]

    @property
    def fittedvalues(self) -> pd.Series:
        """Fixed part and random effects together, by row: the means over the fits."""
        values = [fit.fittedvalues for fit in self.fits]
        return pd.Series(np.mean(values, axis=0), index=values[0].index)

    # -- words --------------------------------------------------------------------------------

    @property
    def in_words(self) -> str:
        """What was pooled: ``10 plausible values (PV1MATH to PV10MATH)``."""
        return self.plausible.in_words if self.plausible else f"{len(self.fits)} data sets"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the data and the fits say that the formula does not."""
        names = self.plausible.columns if self.plausible else range(1, len(self.fits) + 1)
        covariances, averaged = self._covariances
        fits = [(fit.design, fit.estimates) for fit in self.fits]
        found = pooled_notes(fits, list(map(str, names)), covariances, self.scale, averaged)
        first: MixedFit | SurveyFit = self.fits[0]
        if isinstance(first, SurveyFit):
            return (*found, *first.sampling_notes)
        return (*found, *first.model.translation.notes)

    def summary(self) -> Summary:
        """A compact table: prints as text, shows as HTML in a notebook."""
        singular = " (singular)" if self.singular else ""
        return summarise_pooled(
            self.design,
            (
                f"Linear mixed model fitted by {self.method} to each of {self.in_words}{singular}",
                self.formula,
            ),
            self.method == "REML",
            self.covariances,
            self.variance_components,
            self.mean_products,
            self.fixed_effects,
            self.notes,
        )

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __repr__(self) -> str:
        rows = f"{self.nobs:,} rows{', singular' if self.singular else ''}"
        return f"<PooledFit {self.formula}, {len(self.fits)} fits, {self.method}, {rows}>"

    def _by_name(self, values: np.ndarray) -> pd.Series:
        return pd.Series(values, index=list(self.design.fixed_names))

    if not TYPE_CHECKING:  # a type checker shall find names that are none

        def __getattr__(self, name: str) -> object:
            if name.startswith("_") or not hasattr(MixedFit, name):
                raise AttributeError(f"'PooledFit' object has no attribute {name!r}")
            mend = INSTEAD.get(name, f"each fit has its own, as in pooled.fits[0].{name}")
            raise CourseError(f"a pooled fit has no {name}: {mend}")


def _degrees_of_freedom(fit: MixedFit | SurveyFit) -> np.ndarray:
    """Those of each fixed effect, (p,)."""
    p = len(fit.estimates.beta)
    if isinstance(fit, SurveyFit):
        return np.full(p, float(fit.df))
    return np.array([fit.satterthwaite.df(row) for row in np.eye(p)])


def response_of(fit: MixedFit | MixedGLMFit | SurveyFit | PooledFit) -> str:
    """The response as a formula has it: of plausible values the pattern."""
    return fit.response if isinstance(fit, PooledFit) else fit.design.formula.response
