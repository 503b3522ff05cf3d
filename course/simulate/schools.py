"""Pupils in classrooms in schools in provinces, drawn with a truth that one knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course.common.arguments import choice, dictionary, number, unknown, whole, whole_or_range
from course.errors import CourseError
from course.simulate.effects import Drawn, add_effects, moved_effects, moved_terms, random_effects
from course.simulate.population import (
    TEXT,
    Codes,
    Column,
    Labels,
    draw_population,
    follow,
    unit_index,
)
from course.simulate.responses import FAMILIES, Response
from course.simulate.truth import CONTAINERS, Truth, truth_of

AGES = (8.0, 12.0)  # years
SEXES = ("female", "male")
MALE = "sex[T.male]"
# The columns that may have gaps, beside the response; what belongs to a whole classroom is missing for
# all of it.
GAPS_BY = {
    "age": None,
    "sex": None,
    "teacher_experience": "classroom",
    "school_resources": "school",
    "school_days": None,
}
SIZES = ("provinces", "schools", "classrooms", "students")  # each per unit of the one before
Size = int | tuple[int, int]


class _TruthOnDemand:
    """The truth of a simulation that has what makes it instead: it is made when it is first read.

    A study of power simulates thousands of times, and reads none.
    """

    def __get__(self, simulation: Simulation | None, owner: type) -> Truth:
        if simulation is None:
            raise AttributeError("truth")  # so that the field of the dataclass has no default
        truth = vars(simulation)["truth"] = vars(simulation)["_make_truth"]()
        return truth


@dataclass(frozen=True, eq=False)
class Simulation:
    """Simulated pupils (``data``, a DataFrame) and what they were made of (``truth``).

    See Also
    --------
    course.simulate_schools : Makes it.
    course.recovery : Takes a function that returns it.

    Examples
    --------
    >>> made = simulate_schools(provinces=1, schools=2, classrooms=1, students=5, seed=1)
    >>> len(made.data), made.truth.fixed_effects["age"].item()
    (10, 2.0)
    """

    data: pd.DataFrame
    truth: Truth

    if not TYPE_CHECKING:  # to a type checker it is a field like the other
        truth = _TruthOnDemand()

    @classmethod
    def _with_truth_on_demand(cls, data: pd.DataFrame, make: Callable[[], Truth]) -> Simulation:
        simulation = cls.__new__(cls)
        vars(simulation).update(data=data, _make_truth=make)
        return simulation


def simulate_schools(
    provinces: int = 8,
    schools: Size = 5,
    classrooms: Size = 3,
    students: Size = 20,
    *,
    fixed_effects: Mapping[str, float] | None = None,
    intercept_sd: Mapping[str, float] | None = None,
    slope_sd: Mapping[str, float] | None = None,
    correlation: Mapping[str, float] | None = None,
    residual_sd: float | None = None,
    intercept_at: float = 0.0,
    years: int = 1,
    reshuffle: float = 0.0,
    school_age_sd: float = 0.25,
    school_age_correlation: float = 0.0,
    labels: str = "unique",
    label_type: str = "text",
    family: str = "gaussian",
    missing: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Simulation:
    """Simulate test scores of pupils in classrooms in schools in provinces, or who passed, or absences.

    The score of pupil i in classroom c, school s and province p is ::

        score = x'beta + sum over levels g of (u0_g + u1_g * age) + e,   e ~ N(0, residual_sd^2)

    with (u0_g, u1_g) bivariate normal and independent between levels. In the dictionaries, what
    is not named is zero: ``slope_sd={"school": 1}`` lets the age slope vary between schools only.

    With ``family="binomial"`` the same sum without e is the logit of the probability to have passed, and
    with ``family="poisson"`` the logarithm of the expected absences per school day. All effects and SDs
    are then on that scale.

    Parameters
    ----------
    provinces : int
        Number of provinces.
    schools, classrooms, students : int or (int, int)
        Schools per province, classrooms per school, pupils per classroom. A pair (low, high) makes
        the sizes unbalanced: each parent draws its own, low and high included.
    fixed_effects : dict
        True coefficients in points, by patsy name: "Intercept", "age", "sex[T.male]",
        "teacher_experience", "school_resources", "year" (with years > 1), and interactions such
        as "age:sex[T.male]". Default {"Intercept": 50, "age": 2, "sex[T.male]": -1,
        "teacher_experience": 0.1, "school_resources": 1}; for passing, in logits, {"Intercept": -2,
        "age": 0.2, "sex[T.male]": -0.3, "teacher_experience": 0.02, "school_resources": 0.3}; for absences,
        in logarithms, {"Intercept": -4, "age": 0.05, "sex[T.male]": 0.1, "teacher_experience": -0.005,
        "school_resources": -0.1}.
    intercept_sd, slope_sd : dict
        SDs of the random intercepts (points) and of the random age slopes (points per year) by
        level: "province", "school", "classroom" and, with years > 1, "student_id". Default
        intercepts {"province": 2, "school": 3, "classroom": 4} and, with years > 1,
        "student_id": 5 (for passing 0.3, 0.6, 0.5 and 1, for absences 0.1, 0.2, 0.2 and 0.3); default no
        random slopes. Absences take the intercept of "student_id" also with one row per pupil: an effect
        of each observation, with which counts vary more than Poisson's law has it.
    correlation : dict
        Correlation of intercept and age slope by level, between -1 and 1; default 0.
    residual_sd : float
        SD of the residual in points, 8 where left out. Only scores have one.
    intercept_at : float
        The age in years at which the Intercept, the other effects that interact with age, the
        intercept SDs and the correlations are meant. 0 is what a formula with the column ``age``
        estimates. With 10 they describe ten-year-olds, which is easier to choose; the truth then
        holds what that means at age 0, and ``truth.centred("age_c", at=10)`` gives it back.
    years : int
        Years for which each pupil is followed, one row a year, ``age`` growing by one.
    reshuffle : float
        Chance (0 to 1) that a pupil gives up the place in the classroom between two years. The
        free places are dealt out anew among these pupils of the school, so that class sizes stay
        (some draw the old room again). 0: nobody moves, and pupils are nested in classrooms.
    school_age_sd : float
        SD in years of the schools' mean ages; inside a school ages spread evenly over four years.
    school_age_correlation : float
        Correlation of a school's mean age with its intercept. Not 0: schools with older pupils
        differ from others by more than the age of their pupils. The slope of age inside schools
        is then fixed_effects["age"] and the slope between school means that plus
        school_age_correlation * intercept_sd["school"] / school_age_sd.
    labels : {"unique", "restarting"}
        "restarting" begins again in every parent, as school registers do: each school has a
        classroom C1. ``student_id`` stays unique.
    label_type : {"text", "integer"}
        Labels such as "P1-S2-C1", or whole numbers from 1.
    family : {"gaussian", "binomial", "poisson"}
        What is measured: a test score; whether the pupil passed; on how many school days the pupil was
        absent.
    missing : dict
        Expected share of missing values (0 up to below 1) by column, completely at random: the response,
        "age", "sex" and "school_days" by row, "teacher_experience" by classroom, "school_resources" by
        school. Responses are drawn before values go missing.
    seed : int
        The same seed gives the same pupils to the bit. Sizes, predictors, effects, residuals,
        moves and gaps have streams of their own: with the same seed another residual_sd leaves
        the pupils as they are.

    Returns
    -------
    Simulation
        ``.data``, a DataFrame of one row per pupil (and year), and ``.truth``, a ``Truth``.
        Columns: province, school, classroom, student_id; year (1, 2, ..., only with years > 1);
        age (years, about 10, not centred); sex ("female", "male"); teacher_experience (years, 1
        to 30, of the classroom); school_resources (index, mean 0 and SD 1, of the school);
        and the response: test_score (points), or passed (1 or 0), or school_days (on the roll, 120 to 190)
        and days_absent.

    Raises
    ------
    CourseError
        If an argument is impossible or a name is unknown; the message says what to write.

    See Also
    --------
    recovery : Fits a model to many of these, and compares with the truth.
    power : How often a study of such pupils finds an effect.
    simulate_responses : New responses from a fit.

    Notes
    -----
    1,000,000 pupils in 40,000 classrooms take about 0.6 s, and at the peak 1.8 times the memory of
    the frame. Labels are plain text columns at every size: their texts are made once per unit and
    looked up by number, so that categorical columns would save memory but no time.

    The within and between slopes follow Mundlak (1978), Econometrica 46, doi 10.2307/1913646.

    Examples
    --------
    >>> simulation = simulate_schools(
    ...     provinces=2, schools=3, classrooms=2, students=10,
    ...     intercept_sd={"classroom": 4, "school": 3}, residual_sd=8, seed=1,
    ... )
    >>> simulation.data.shape
    (120, 9)
    >>> simulation.data[["province", "school", "classroom"]].iloc[-1].to_list()
    ['P2', 'P2-S3', 'P2-S3-C2']
    >>> simulation.truth.variance_components[["group", "effect", "sdcor"]]
           group     effect  sdcor
    0  classroom  Intercept    4.0
    1     school  Intercept    3.0
    2   province  Intercept    0.0
    3   Residual       None    8.0

    Pupils who passed or not, in schools whose logits have an SD of 0.6:

    >>> made = simulate_schools(family="binomial", schools=10, intercept_sd={"school": 0.6}, seed=1)
    >>> made.data["passed"].value_counts().to_dict()
    {1: 2503, 0: 2297}
    """
    choice("family", family, FAMILIES)
    kind = FAMILIES[family]
    years = whole("years", years)
    levels: tuple[str, ...] = ("classroom", "school", "province")
    if years > 1 or family == "poisson":  # for scores an effect of a row is the residual
        levels = ("student_id", *levels)
    fixed = _fixed(kind.fixed_effects if fixed_effects is None else fixed_effects, years)
    if intercept_sd is None:
        intercept_sd = kind.intercept_sd | ({"student_id": kind.student_sd} if years > 1 else {})
    intercept_sd = _by_level("intercept_sd", intercept_sd, levels, low=0.0)
    if years == 1 and "student_id" not in intercept_sd:
        levels = levels[-3:]
    several = levels if years > 1 else levels[-3:]  # a slope takes more than one row
    slope_sd = _by_level("slope_sd", slope_sd, several, low=0.0)
    correlation = _by_level("correlation", correlation, levels, low=-1.0, high=1.0)
    for level in correlation:
        if not (intercept_sd.get(level) and slope_sd.get(level)):
            raise CourseError(
                f"correlation for {level!r} needs an intercept and a slope that vary: "
                f"name {level!r} with an SD above 0 in both intercept_sd and slope_sd"
            )
    residual_sd = _residual(residual_sd, kind)
    intercept_at = number("intercept_at", intercept_at)
    reshuffle = number("reshuffle", reshuffle, low=0.0, high=1.0)
    if reshuffle and years == 1:
        raise CourseError("reshuffle moves pupils between years; write years=2 or more with it")
    school_age_sd = number("school_age_sd", school_age_sd, low=0.0)
    rho = number("school_age_correlation", school_age_correlation, low=-1.0, high=1.0)
    if rho and not (school_age_sd and intercept_sd.get("school")):
        raise CourseError(
            "school_age_correlation needs schools that differ in mean age and in intercept: "
            'set school_age_sd and intercept_sd["school"] above 0'
        )
    choice("labels", labels, ("unique", "restarting"))
    choice("label_type", label_type, ("text", "integer"))
    gaps_by = {kind.column: None} | GAPS_BY
    if family != "poisson":
        del gaps_by["school_days"]
    missing = _shares(missing, gaps_by)
    provinces = whole("provinces", provinces)
    sizes = {
        "school": whole_or_range("schools", schools),
        "classroom": whole_or_range("classrooms", classrooms),
        "student_id": whole_or_range("students", students),
    }
    seed = None if seed is None else whole("seed", seed, low=0)
    for_sizes, for_predictors, for_effects, for_moves, for_residuals, for_gaps = (
        np.random.default_rng(seed).spawn(6)
    )

    population = draw_population(for_sizes, provinces, sizes)
    pupils = population["student_id"]
    rows = follow(pupils, years, reshuffle, for_moves) if years > 1 else pupils
    names = Labels(population, restarting=labels == "restarting", integer=label_type == "integer")

    school_age = for_predictors.standard_normal(population["school"]["school"].size)
    columns = _predictors(population, rows, school_age_sd * school_age, for_predictors)

    effects = {}
    for level in reversed(levels):
        z = for_effects.standard_normal((population[level][level].size, 2))
        if level == "school":
            z[:, 0] = rho * school_age + math.sqrt(1 - rho**2) * z[:, 0]
        sds = intercept_sd.get(level, 0.0), slope_sd.get(level)
        effects[level] = random_effects(z, *sds, correlation.get(level, 0.0), "age")
    drawn = {names.group(level): effects[level] for level in levels}
    units = [names.units(level) for level in levels]
    make_truth = partial(_truth, fixed, drawn, units, residual_sd, intercept_at)

    if residual_sd is None:
        sums = np.zeros(columns["age"].size)
    else:
        sums = residual_sd * for_residuals.standard_normal(columns["age"].size)
    # The effects are meant at the age intercept_at; the column age has its zero at birth.
    for term, value in moved_terms(fixed, "age", -intercept_at).items():
        sums += value * _product(term, columns)
    for level in levels:
        add_effects(
            sums, moved_effects(effects[level].values, -intercept_at), rows[level], columns["age"]
        )
    response = kind.draw(sums, columns, for_residuals)
    columns["sex"] = pd.array(SEXES, dtype=TEXT).take(columns["sex"])
    identifiers = {level: names.column(level, rows[level]) for level in CONTAINERS}
    data = pd.DataFrame(identifiers | columns | {kind.column: response}, copy=False)
    for column in (name for name in gaps_by if missing.get(name)):
        unit = gaps_by[column]
        if unit is None:
            gaps = for_gaps.random(len(data)) < missing[column]
        else:
            gaps = (for_gaps.random(population[unit][unit].size) < missing[column])[rows[unit]]
        data[column] = data[column].mask(gaps)
    return Simulation._with_truth_on_demand(data, make_truth)


def _predictors(
    population: dict[str, Codes], rows: Codes, school_age: np.ndarray, rng: np.random.Generator
) -> Codes:
    """Draw the predictors, one value a row; ``sex`` is 0 for female and 1 for male."""
    pupils = population["student_id"]
    experience = rng.integers(1, 31, population["classroom"]["classroom"].size)
    resources = rng.standard_normal(school_age.size).round(2) + 0.0  # + 0.0: no -0.0
    age = rng.uniform(*AGES, pupils["school"].size)
    age += school_age[pupils["school"]]
    sex = rng.integers(0, 2, age.size, dtype=np.int8)
    columns: Codes = {"age": age.round(2), "sex": sex}
    if "year" in rows:
        columns = {name: values[rows["student_id"]] for name, values in columns.items()}
        columns["age"] = (columns["age"] + rows["year"] - 1).round(2)
        columns = {"year": rows["year"]} | columns
    columns["teacher_experience"] = experience[rows["classroom"]]
    columns["school_resources"] = resources[rows["school"]]
    return columns


def _truth(
    fixed: dict[str, float],
    drawn: dict[str, Drawn],
    units: list[dict[str, Column]],
    residual_sd: float | None,
    intercept_at: float,
) -> Truth:
    """The truth of pupils whose effects are meant at the age intercept_at, in terms of the column age."""
    truth = truth_of(fixed, drawn, [unit_index(one) for one in units], residual_sd)
    return truth.centred("age", at=-intercept_at) if intercept_at else truth


def _product(term: str, columns: Codes) -> np.ndarray | float:
    """Column of the fixed-effects design matrix of a term by its patsy name."""
    product: np.ndarray | float = 1.0
    if term != "Intercept":
        for factor in term.split(":"):
            product = product * columns["sex" if factor == MALE else factor]
    return product


def _fixed(effects: Mapping[str, float], years: int) -> dict[str, float]:
    """Check the names and values of fixed effects."""
    factors = ["age", MALE, "teacher_experience", "school_resources"]
    factors += ["year"] if years > 1 else []
    checked: dict[str, float] = {}
    products = set()
    for term, value in dictionary("fixed_effects", effects, '{"Intercept": 50, "age": 2}').items():
        parts = str(term).split(":")
        if parts != ["Intercept"]:
            if "year" in parts and years == 1:
                raise CourseError("fixed_effects: 'year' needs years=2 or more")
            for part in parts:
                if part not in factors:
                    known = factors if len(parts) > 1 else ["Intercept", *factors]
                    raise unknown(part, known, "fixed effect")
        if frozenset(parts) in products or len(set(parts)) < len(parts):
            raise CourseError(
                f"fixed_effects: {term!r} repeats a predictor or a term; name it once"
            )
        products.add(frozenset(parts))
        checked[term] = number(f"fixed_effects[{term!r}]", value)
    return checked


def _by_level(
    name: str,
    values: Mapping[str, float] | None,
    levels: tuple[str, ...],
    low: float,
    high: float | None = None,
) -> dict[str, float]:
    """Check a dictionary of numbers by level."""
    values = dictionary(name, values, '{"school": 3}' if high is None else '{"school": 0.3}')
    for level in values:
        if level == "student_id" and level not in levels:
            raise CourseError(
                f"{name}: with one row per pupil 'student_id' is the row itself; "
                "for scores set residual_sd, or years=2 or more"
            )
        if level not in levels:
            raise unknown(level, levels, f"level in {name}:")
    return {level: number(f"{name}[{level!r}]", v, low, high) for level, v in values.items()}


def _residual(sd: float | None, kind: Response) -> float | None:
    """Check the SD of the residual, which only scores have."""
    if sd is None:
        return kind.residual_sd
    if kind.residual_sd is None:
        mend = ""
        if kind.column == "days_absent":
            mend = ': for counts that vary more, write intercept_sd={..., "student_id": 0.5}'
        raise CourseError(
            f"{kind.column} has no residual, as its mean says how much it varies; leave residual_sd out{mend}"
        )
    return number("residual_sd", sd, low=0.0)


def _shares(
    missing: Mapping[str, float] | None, columns: Mapping[str, str | None]
) -> dict[str, float]:
    """Check shares of missing values by column."""
    missing = dictionary("missing", missing, f'{{"{next(iter(columns))}": 0.1}}')
    for column, share in missing.items():
        if column not in columns:
            raise unknown(column, columns, "column that may have missing values:")
        if number(f"missing[{column!r}]", share, low=0.0) >= 1:
            raise CourseError(
                f"missing[{column!r}] must be a share from 0 to below 1; got {share!r}"
            )
    return missing
