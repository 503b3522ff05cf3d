"""How many schools, how many pupils? Power by simulation over a grid of designs and effects."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from course.common.arguments import dictionary, number, proportion
from course.errors import CourseError
from course.inference.combinations import DF
from course.simulate.responses import FAMILIES
from course.simulate.schools import SIZES, Simulation, Size, simulate_schools
from course.studies.simulated_fits import (
    Rate,
    SimulatedFits,
    check_intervals,
    run_study,
    usable_seed,
    usable_simulate,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INTERVAL = 0.95  # level of the intervals of the power


@dataclass(frozen=True, eq=False)
class Power:
    """Power of a test, by design and size of the effect.

    Attributes
    ----------
    replicates : DataFrame
        One row for each replicate of each design: the design's sizes and effect, then replicate, seed
        (what it was simulated with), estimate, std_error, df, p_value, converged, singular, error (why
        there was no fit).
    formula : str
        The model that was fitted.
    test : str
        The coefficient tested.
    alpha : float
        Two-sided level of the test.
    seed : int
        Repeats the study to the bit, whatever the executor.

    See Also
    --------
    course.power : Makes it.
    course.plots.power_curves : What ``plot()`` draws.

    Examples
    --------
    >>> from course import power
    >>> found = power(
    ...     "test_score ~ age + (1|school)", test="age", effect=5, provinces=1, schools=6,
    ...     classrooms=1, students=8, n=5, seed=1, progress=False,
    ... )
    >>> found.table[["schools", "pupils", "n"]]
       schools  pupils  n
    0        6      48  5
    """

    replicates: pd.DataFrame = field(repr=False)
    formula: str
    test: str
    alpha: float
    seed: int

    @cached_property
    def table(self) -> pd.DataFrame:
        """Power of each design.

        Returns
        -------
        DataFrame
            One row for each design and effect:

            - its sizes as given (schools per province, and so on) and effect;
            - pupils, in total (the mean number, where sizes are ranges);
            - power, the share of all replicates with p < alpha. A replicate without a fit counts as one
              without a significant result. With effect 0 this is the false positive rate;
            - lower, upper: 95 % interval of the power (Wilson 1927, doi
              10.1080/01621459.1927.10502953);
            - convergence, the share of all replicates that converged; singular, the share of the fits
              that are; failed, the number without a fit; n, the number of replicates.

            A replicate counts whether it converged or not.
        """
        rows = []
        for _, each in self.replicates.groupby("design", sort=True):
            design = {name: each[name].iloc[0] for name in self.axes}
            test = stats.binomtest(int((each["p_value"] < self.alpha).sum()), len(each))
            interval = test.proportion_ci(INTERVAL, method="wilson")
            fits = each["p_value"].notna()
            rows.append(
                design
                | {
                    "pupils": units(design)["students"],
                    "power": test.statistic,
                    "lower": interval.low,
                    "upper": interval.high,
                    "convergence": each["converged"].mean(),
                    "singular": Rate.of(each.loc[fits, "singular"]).value,
                    "failed": int((~fits).sum()),
                    "n": len(each),
                }
            )
        table = pd.DataFrame(rows)
        whole = (table["pupils"] % 1 == 0).all()
        return table.astype({"pupils": int}) if whole else table

    @property
    def axes(self) -> list[str]:
        """The names of the sizes, and "effect"."""
        return [name for name in (*SIZES, "effect") if name in self.replicates]

    @property
    def failures(self) -> pd.DataFrame:
        """The replicates without a fit, and why."""
        rows = self.replicates
        columns = [*self.axes, "replicate", "seed", "error"]
        return rows.loc[rows["error"].notna(), columns].reset_index(drop=True)

    def cheapest(
        self,
        power: float = 0.8,
        *,
        province: float = 0.0,
        school: float = 0.0,
        classroom: float = 0.0,
        pupil: float = 0.0,
        effect: float | None = None,
    ) -> pd.Series:
        """The cheapest design that reaches a power beyond the doubt of simulation.

        Parameters
        ----------
        power : float
            The power wanted.
        province, school, classroom, pupil : float
            What one of them costs, in any currency: a school its visits and permissions, a pupil the
            test itself.
        effect : float, optional
            The effect it is wanted for; needed where the study has several besides 0.

        Returns
        -------
        Series
            That row of `table`, and cost; and undecided, the number of cheaper designs that may have the
            power as well: it lies in their interval. More replicates would tell.

        Raises
        ------
        CourseError
            Where no cost is given, the effect is none of the study, or no design reaches the power.

        See Also
        --------
        course.plots.power_curves : The power of all designs as a picture.

        Notes
        -----
        A design is taken where the lower limit of its 95 % interval reaches the power. To go by the
        estimate would favour designs that had luck in the simulation.

        Examples
        --------
        >>> from course import power
        >>> found = power(
        ...     "test_score ~ school_resources + (1|school)", test="school_resources", effect=6,
        ...     provinces=1, schools=[10, 30], classrooms=1, students=3,
        ...     n=16, seed=1, progress=False,
        ... )
        >>> found.cheapest(0.8, school=100, pupil=5)[["schools", "students"]].to_list()
        [30, 3]
        """
        power = proportion("power", power)
        costs = dict(zip(SIZES, (province, school, classroom, pupil), strict=True))
        costs = {size: number(f"the cost of {size}", cost, low=0.0) for size, cost in costs.items()}
        if not any(costs.values()):
            raise CourseError("say what a school and a pupil cost, such as school=500, pupil=20")
        table = self.table[self.table["effect"] == self._one_effect(effect)]
        counts = [units(row) for row in table.to_dict("records")]
        table = table.assign(
            cost=[sum(costs[name] * count[name] for name in SIZES) for count in counts]
        )
        reached = table[table["lower"] >= power]
        if reached.empty:
            best = table.astype(object).loc[table["power"].idxmax()]
            where = ", ".join(f"{name} {best[name]}" for name in self.axes if name in SIZES)
            raise CourseError(
                f"no design reaches a power of {power:g} for sure; the best ({where}) has "
                f"{best['power']:.3f}, 95 % interval {best['lower']:.3f} to {best['upper']:.3f}: "
                "try larger designs, or a larger n to narrow the intervals"
            )
        chosen = reached.astype(object).loc[reached["cost"].idxmin()]  # whole numbers stay whole
        cheaper = table[(table["cost"] < chosen["cost"]) & (table["upper"] >= power)]
        return pd.concat([chosen, pd.Series({"undecided": len(cheaper)})]).rename(None)

    def plot(self, **options: Any) -> Axes | np.ndarray:
        """Curves of power with their intervals: `course.plots.power_curves`, and its options."""
        from course import plots

        return plots.power_curves(self, **options)

    def _one_effect(self, effect: float | None) -> float:
        effects = sorted(set(self.table["effect"]))
        wanted = [one for one in effects if one] if effect is None else [effect]
        if len(wanted) != 1 or wanted[0] not in effects:
            raise CourseError(
                f"effect={effect!r}: the study has the effects {', '.join(f'{e:g}' for e in effects)}; "
                "name the one that the power is wanted for"
            )
        return wanted[0]

    def __repr__(self) -> str:
        table = self.table
        head = (
            f"<Power of the test of {self.test} in {self.formula}: {len(table)} "
            f"{'design' if len(table) == 1 else 'designs'} with {table['n'].iloc[0]:,} replicates, "
            f"{table['failed'].sum():,} failed, two-sided alpha {self.alpha:g}, seed {self.seed}>"
        )
        return f"{head}\n{table.round(3).to_string(index=False)}"


def power(
    formula: str,
    test: str,
    effect: float | Sequence[float],
    *,
    provinces: Size | list[Size] | None = None,
    schools: Size | list[Size] | None = None,
    classrooms: Size | list[Size] | None = None,
    students: Size | list[Size] | None = None,
    simulate: Callable[..., Simulation | pd.DataFrame] | None = None,
    n: int = 1000,
    seed: int | None = None,
    alpha: float = 0.05,
    df: str = "satterthwaite",
    reml: bool = True,
    family: str = "gaussian",
    executor: Executor | None = None,
    path: str | os.PathLike | None = None,
    retries: int = 2,
    progress: bool = True,
    **arguments: Any,
) -> Power:
    """How often would a study find an effect? By design and size of the effect.

    Parameters
    ----------
    formula : str
        The model to fit.
    test : str
        The coefficient tested, by its patsy name: "school_resources", "age", "sex[T.male]".
    effect : float or list of float
        Its true value, in points per unit of the predictor, or on the scale of the link of the family: 0.7 is
        an odds ratio of 2. 0 gives the false positive rate.
    provinces, schools, classrooms, students : int, (int, int) or list of them
        Schools per province, classrooms per school, students per classroom, as for `simulate_schools`;
        every value of a list is combined with every one of the others. A pair is a range of sizes.
    simulate : callable, optional
        To study a predictor of your own: called with ``seed=``, ``effect=``, and those of the four sizes
        that are given; returns a DataFrame, or a `Simulation`. `simulate_schools` where left out.
    n : int
        Number of replicates for each design and effect.
    seed : int, optional
        The same seed gives the same replicates to the bit. Where left out one is drawn (or, with
        ``path``, taken from the study in the folder); the result tells which. All designs start their
        replicates from the same seeds, so that they are compared on equal terms.
    alpha : float
        Level of the test, which is two-sided.
    df : {"satterthwaite", "kenward-roger", "normal"}
        Degrees of freedom of the test, as for `fixed_effects_table`.
    reml : bool
        Fit by REML, or by maximum likelihood.
    family : {"gaussian", "binomial", "poisson"}
        What is simulated by `simulate_schools` (test scores, passed or not, days absent), and the family of
        the model: with the last two it is that of `mixedglm`, and true values are on the scale of its link.
    executor : concurrent.futures.Executor, optional
        Where the replicates run: ``ProcessPoolExecutor(2)``, or ``Client.get_executor()`` of Dask. One
        after another in this process where left out. It is not shut down.
    path : str or Path, optional
        A folder of its own, which replicates are written to as Parquet while they are run. The same call
        goes on from there after an interruption, also to a larger n.
    retries : int
        How often replicates are run again whose worker died.
    progress : bool
        Show a progress bar on stderr.
    **arguments
        Others of `simulate_schools`, or of ``simulate``: fixed_effects, intercept_sd, slope_sd,
        residual_sd and so on, the same for all designs.

    Returns
    -------
    Power
        Its ``.table`` has a row for each design and effect.

    Raises
    ------
    CourseError
        Where an argument is wrong, the model has no such coefficient, or the folder holds something else.
        In a later replicate it is kept, counted and reported.

    See Also
    --------
    recovery : Bias and coverage of the estimates.
    simulate_schools : Makes the pupils.
    course.plots.power_curves : The power as a picture.

    References
    ----------
    Green, P. and MacLeod, C. J. (2016). SIMR: an R package for power analysis of generalized linear mixed
    models by simulation. Methods in Ecology and Evolution 7. doi 10.1111/2041-210X.12504

    Examples
    --------
    >>> found = power(
    ...     "test_score ~ school_resources + (1|school)", test="school_resources", effect=[0, 3],
    ...     provinces=1, schools=20, classrooms=1, students=[5, 10], n=5, seed=1, progress=False,
    ... )
    >>> found.table[["schools", "students", "effect", "pupils", "n"]]
       schools  students  effect  pupils  n
    0       20         5     0.0     100  5
    1       20         5     3.0     100  5
    2       20        10     0.0     200  5
    3       20        10     3.0     200  5

    In R: ``simr::powerSim(fit)``.
    """
    check_intervals("df", df, DF, reml, family)
    alpha = proportion("alpha", alpha)
    given = dict(zip(SIZES, (provinces, schools, classrooms, students), strict=True))
    if simulate is None:
        work: Callable = _schools_with(test, arguments, family)
        defaults = inspect.signature(simulate_schools).parameters
        given = {k: defaults[k].default if v is None else v for k, v in given.items()}
    else:
        given = {name: value for name, value in given.items() if value is not None}
        work = usable_simulate(simulate, ("seed", "effect", *given, *arguments))
        work = partial(work, **arguments) if arguments else work
    grid = {name: _values(name, value) for name, value in given.items()}
    grid["effect"] = [number("effect", value) for value in _values("effect", effect)]
    designs = tuple(dict(zip(grid, one, strict=True)) for one in itertools.product(*grid.values()))
    study = SimulatedFits(
        simulate=work,
        designs=designs,
        formula=str(formula),
        reml=reml,
        intervals=df,
        level=0.95,
        seed=usable_seed(seed, path),
        test=test,
        family=family,
    )
    frame = run_study(study, "power", n, executor, path, retries, progress)
    frame["design"] = frame["task"] % len(designs)
    sizes = pd.DataFrame({k: [design[k] for design in designs] for k in grid})
    columns = ["replicate", "seed", "estimate", "std_error", "df", "p_value"]
    columns += ["converged", "singular", "error"]
    frame = frame[["design", *columns]].join(sizes, on="design")[["design", *sizes, *columns]]
    return Power(frame, study.formula, test, alpha, study.seed)


def units(design: Mapping[str, Any]) -> dict[str, float]:
    """How many provinces, schools, classrooms and pupils a design has, in total.

    A range of sizes counts with its mean, since every size in it is equally likely.

    Examples
    --------
    >>> units({"provinces": 2, "schools": (3, 5), "students": 10})
    {'provinces': 2.0, 'schools': 8.0, 'classrooms': 8.0, 'students': 80.0}
    """
    total, by_size = 1.0, {}
    for name in SIZES:
        total *= float(np.mean(design.get(name, 1)))
        by_size[name] = total
    return by_size


def _schools_with(test: str, arguments: dict[str, Any], family: str) -> partial:
    """`simulate_schools` with these arguments, to be called with seed, effect and sizes."""
    known = inspect.signature(simulate_schools).parameters
    for name in arguments:
        if name not in known:
            raise CourseError(
                f"power() has no argument {name!r}, and neither has simulate_schools: with a predictor of "
                "your own, write simulate= a function that takes it"
            )
    arguments = dict(arguments)
    fixed = arguments.pop("fixed_effects", None)
    example = '{"Intercept": 50, "age": 2}'
    if fixed is None:
        fixed = FAMILIES[family].fixed_effects
    fixed = dictionary("fixed_effects", fixed, example)
    if not isinstance(test, str):
        raise CourseError(f'test={test!r}: name one coefficient, such as "school_resources"')
    if family != "gaussian":
        arguments["family"] = family
    return partial(simulate_with_effect, test=test, fixed_effects=fixed, **arguments)


def simulate_with_effect(
    *, test: str, effect: float, fixed_effects: Mapping[str, float], **arguments: Any
) -> Simulation:
    """`simulate_schools` with one of the fixed effects set."""
    return simulate_schools(fixed_effects={**fixed_effects, test: effect}, **arguments)


def _values(name: str, value: Any) -> list:
    values = list(value) if isinstance(value, list | np.ndarray | range) else [value]
    if name == "effect" and isinstance(value, tuple):
        values = list(value)
    if not values:
        raise CourseError(f"{name}= is empty: give at least one value")
    if len(set(map(str, values))) < len(values):
        raise CourseError(f"{name}= has a value twice: name each once")
    return [one.item() if isinstance(one, np.generic) else one for one in values]
