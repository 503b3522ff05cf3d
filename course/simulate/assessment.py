"""A school assessment in the manner of PISA: a weighted sample, plausible values, gaps, and its truth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from course.common.arguments import dictionary, number, unknown, whole, whole_or_range
from course.common.reasons import NO_REASON, pack_reasons
from course.errors import CourseError
from course.simulate.effects import random_effects
from course.simulate.plausible import draw_plausible_values
from course.simulate.schools import Simulation, Size
from course.simulate.survey import ENROLMENT, draw_schools, draw_students, weight_columns
from course.simulate.truth import truth_of

MALE = "ST004D01T[T.Male]"
FIXED_EFFECTS = {"Intercept": 480.0, "ESCS": 20.0, MALE: 8.0, "GRADE": 30.0}
MISSING = {"questionnaire": 0.02, "ESCS": 0.04, "ST013Q01TA": 0.06}
SEXES = ("Female", "Male")
BOOKS = (
    *("0-10 books", "11-25 books", "26-100 books", "101-200 books", "201-500 books"),
    "More than 500 books",
)
# In the order of their codes in a file: 95 to 99, or 5 to 9 where a column has few values.
REASONS = ("Valid skip", "Not reached", "Refused", "Invalid", "No response")
TITLES = {
    "CNT": "Country",
    "STRATUM": "Stratum of the school",
    "SCHOOLID": "School",
    "STUDID": "Student",
    "ST004D01T": "Student (standardized) gender",
    "GRADE": "Grade compared to the modal grade of the country",
    "ESCS": "Index of economic, social and cultural status",
    "ST013Q01TA": "How many books are there in your home?",
    "W_FSTUWT": "Final student weight",
    "W_SCHGRNRABWT": "School weight",
    "TRUE_SCORE": "True score in mathematics",
    "TEST_SCORE": "Result of the test in mathematics",
}
COUNTRIES = 26  # at most: XAA to XAZ, which ISO 3166 leaves to users
MOST_INFORMATIVE = 1.5


def simulate_assessment(
    countries: int = 3,
    schools: int = 40,
    students: Size = 25,
    *,
    strata: int = 3,
    fixed_effects: Mapping[str, float] | None = None,
    country_sd: float = 25.0,
    school_sd: float = 40.0,
    slope_sd: float = 0.0,
    correlation: float = 0.0,
    residual_sd: float = 70.0,
    error_sd: float = 30.0,
    informative: Mapping[str, float] | None = None,
    missing: Mapping[str, float] | None = None,
    plausible_values: int = 10,
    scores: bool = False,
    seed: int | None = None,
) -> Simulation:
    """Simulate a school assessment in the manner of PISA, with a known truth.

    The true score of student i in school s and country c is ::

        score = x'beta + u0_s + u1_s * ESCS + e,    e ~ N(0, residual_sd^2)

    with (u0_s, u1_s) bivariate normal. A test measures it with an error, and the plausible values are
    draws from the posterior of the true score given the test, all of x and the school, so that
    Rubin's rules over them recover beta and the variances.

    Each country draws its sample in two stages. From each stratum the same number of schools is drawn
    with probabilities proportional to their size, though strata differ in size; within a school
    students are drawn. Weights are one over the probabilities.

    Parameters
    ----------
    countries : int
        Number of countries, 26 at most, called XAA, XAB and so on.
    schools : int
        Schools drawn in each country, two per stratum at least; the country has eight times as many.
    students : int or (int, int)
        Students drawn in each school, or all where it has fewer: a number, or a pair (low, high).
    strata : int
        Strata of a country. Schools of later strata are fewer, and their students better off.
    fixed_effects : dict
        True coefficients in points, by patsy name: "Intercept" (a girl in the first country in the usual
        grade with an ESCS of 0), "ESCS", "ST004D01T[T.Male]", "GRADE", and for other countries "CNT[T.XAB]"
        and so on. Default {"Intercept": 480, "ESCS": 20, "ST004D01T[T.Male]": 8, "GRADE": 30}.
    country_sd : float
        SD of the countries' differences from the first, where fixed_effects does not name them.
    school_sd, slope_sd : float
        SDs of the schools' intercepts (points) and slopes of ESCS (points per unit).
    correlation : float
        Of the schools' intercepts and slopes.
    residual_sd : float
        SD of the true scores within schools in points.
    error_sd : float
        SD of the test's error in points; 0 makes all plausible values the true score.
    informative : dict
        How a sample depends on what the model leaves to chance, {"school": 0.5, "student": 0.3}: a school
        whose intercept lies one SD higher is exp(0.5) = 1.65 times as likely to be drawn, and a student
        whose residual lies one SD higher exp(0.3) = 1.35 times. A fit without weights then takes the drawn
        schools and students for all, and its intercept is too large. Default none.
    missing : dict
        Expected shares of missing values: "questionnaire" (ESCS and books together, refused), "ESCS",
        "ST013Q01TA". They are more frequent the lower the test's result, and among boys: missing at
        random given what is observed. Default {"questionnaire": 0.02, "ESCS": 0.04, "ST013Q01TA": 0.06}.
    plausible_values : int
        How many.
    scores : bool
        Whether to show what no assessment can: TRUE_SCORE, and beside it TEST_SCORE, the test's result.
    seed : int
        The same seed gives the same table to the bit. Schools, students, effects, samples, tests and
        gaps have streams of their own.

    Returns
    -------
    Simulation
        ``.data``, a DataFrame of one row per student, and ``.truth``, a `Truth`. Columns: CNT, STRATUM,
        SCHOOLID, STUDID (labels, SCHOOLID and STUDID unique); ST004D01T ("Female", "Male"); GRADE (-2 to
        1); ESCS; ST013Q01TA (books at home, a factor); W_SCHGRNRABWT (of the school) and W_FSTUWT (of the
        student, in all: the school's weight times that of the student within the school);
        W_FSTURWT1 to 80, the weights of Fay's balanced repeated replication with k = 0.5;
        PV1MATH to PV10MATH. ``attrs`` hold titles of columns and why values are missing, as those of
        `read_table` do.

    Raises
    ------
    CourseError
        If an argument is impossible or a name is unknown; the message says what to write.

    See Also
    --------
    mixedlm : Its `weights` and `replicate_weights` are for such tables.
    simulate_schools : Pupils without a survey.
    read_table : Reads the file that ``course.data.write_table`` makes of the table, with its labels.

    Notes
    -----
    Probabilities that depend on exp(a z) move the mean of a normal z among those drawn by a, and leave its
    variance. So the posterior of the drawn students' scores is the usual one, with another intercept.

    Examples
    --------
    >>> made = simulate_assessment(countries=2, schools=10, students=20, seed=1)
    >>> made.data.shape
    (400, 100)
    >>> made.data[["CNT", "SCHOOLID", "ST004D01T", "W_FSTUWT", "PV1MATH"]].round(1).tail(2)
         CNT SCHOOLID ST004D01T  W_FSTUWT  PV1MATH
    398  XAB  XAB0010      Male      40.7    491.2
    399  XAB  XAB0010    Female      40.7    430.0
    >>> made.truth.fixed_effects.round(1).to_dict()
    {'Intercept': 480.0, 'ESCS': 20.0, 'ST004D01T[T.Male]': 8.0, 'GRADE': 30.0, 'CNT[T.XAB]': 36.1}
    """
    countries, strata = whole("countries", countries), whole("strata", strata)
    schools, sizes = whole("schools", schools), whole_or_range("students", students)
    if countries > COUNTRIES:
        raise CourseError(f"countries must be {COUNTRIES} at most; got {countries}")
    if schools < 2 * strata:
        raise CourseError(
            f"schools={schools} is too few for strata={strata}: replicate weights need two schools of each "
            f"stratum, so write schools={2 * strata} or fewer strata"
        )
    if sizes[1] > ENROLMENT[1]:
        raise CourseError(f"students: a school has {ENROLMENT[1]} at most; got {students!r}")
    country_sd = number("country_sd", country_sd, low=0.0)
    school_sd, slope_sd = number("school_sd", school_sd, 0.0), number("slope_sd", slope_sd, 0.0)
    residual_sd, error_sd = (
        number("residual_sd", residual_sd, 0.0),
        number("error_sd", error_sd, 0.0),
    )
    correlation = number("correlation", correlation, low=-1.0, high=1.0)
    if correlation and not (school_sd and slope_sd):
        raise CourseError("correlation needs a school_sd and a slope_sd above 0")
    tilt = _by_key("informative", informative, ("school", "student"))
    shares = _by_key("missing", MISSING if missing is None else missing, tuple(MISSING), share=True)
    plausible_values = whole("plausible_values", plausible_values)
    seed = None if seed is None else whole("seed", seed, low=0)
    for_schools, for_students, for_effects, for_samples, for_tests, for_gaps = (
        np.random.default_rng(seed).spawn(6)
    )
    names = [f"XA{chr(ord('A') + c)}" for c in range(countries)]
    fixed = _fixed(fixed_effects, names, country_sd, for_effects)

    frame = draw_schools(
        countries, schools, strata, tilt.get("school", 0.0), for_schools, for_samples
    )
    rows = draw_students(frame, sizes, tilt.get("student", 0.0), for_students, for_samples)
    school = rows["school"].to_numpy()
    effects = random_effects(
        frame[["z0", "z1"]].to_numpy(), school_sd, slope_sd or None, correlation, "ESCS"
    )
    X = np.column_stack(
        [np.ones(len(rows)), *(rows[name] for name in ("escs", "male", "grade"))]
        + [rows["country"] == c for c in range(1, countries)]
    ).astype(float)
    Z = X[:, : len(effects.names)]
    beta = np.array([fixed.get(name, 0.0) for name in (*FIXED_EFFECTS, *_contrasts(names))])
    score = X @ beta + (Z * effects.values[school]).sum(axis=1)
    score += residual_sd * rows["z"].to_numpy()
    measured = score + error_sd * for_tests.standard_normal(len(rows))
    vary = [i for i, sd in enumerate((school_sd, slope_sd)) if sd]
    values = draw_plausible_values(
        measured, X, X[:, vary], school, error_sd, plausible_values, for_tests
    )
    why = _gaps(shares, measured, rows["male"].to_numpy(), for_gaps)

    labels = _labels(frame, rows, names)
    columns = labels | _questionnaire(rows, why) | weight_columns(frame, rows)
    if scores:
        columns |= {"TRUE_SCORE": score, "TEST_SCORE": measured}
    columns |= {f"PV{i}MATH": value for i, value in enumerate(values.T, start=1)}
    data = pd.DataFrame(columns)
    data.attrs["labels"] = {name: _title(name) for name in columns}
    packed = {
        name: pack_reasons([NO_REASON, *REASONS], codes)
        for name, codes in why.items()
        if codes.any()
    }
    if packed:
        data.attrs["missing"] = packed
    sampled = pd.Index(data["SCHOOLID"].unique(), name="SCHOOLID")
    truth = truth_of(fixed, {"SCHOOLID": effects}, [sampled], residual_sd)
    return Simulation(data, truth)


def _contrasts(names: list[str]) -> list[str]:
    return [f"CNT[T.{name}]" for name in names[1:]]


def _fixed(
    given: Mapping[str, float] | None,
    names: list[str],
    country_sd: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Check the coefficients, and add the countries' differences that are not named."""
    fixed = FIXED_EFFECTS if given is None else dictionary("fixed_effects", given, '{"ESCS": 20}')
    drawn = dict(zip(_contrasts(names), country_sd * rng.standard_normal(len(names)), strict=False))
    for name in fixed:
        if name not in FIXED_EFFECTS and name not in drawn:
            raise unknown(name, [*FIXED_EFFECTS, *drawn], "fixed effect")
    checked = {name: number(f"fixed_effects[{name!r}]", value) for name, value in fixed.items()}
    return {name: float(value) for name, value in ({**checked, **drawn} | checked).items()}


def _by_key(
    name: str, values: Mapping[str, float] | None, keys: tuple[str, ...], share: bool = False
) -> dict[str, float]:
    """Check a dictionary of numbers, or of shares."""
    values = dictionary(name, values, f'{{"{keys[0]}": 0.1}}')
    for key, value in values.items():
        if key not in keys:
            raise unknown(key, keys, f"key of {name}:")
        number(f"{name}[{key!r}]", value, low=0.0 if share else None)
        if share and value >= 1:
            raise CourseError(f"{name}[{key!r}] must be a share from 0 to below 1; got {value!r}")
        if not share and abs(value) > MOST_INFORMATIVE:
            raise CourseError(
                f"{name}[{key!r}] is the log of how many times as likely a unit is drawn for one SD more, "
                f"from {-MOST_INFORMATIVE:g} to {MOST_INFORMATIVE:g}; got {value!r}"
            )
    return values


def _labels(frame: pd.DataFrame, rows: pd.DataFrame, names: list[str]) -> dict[str, object]:
    """CNT, STRATUM, SCHOOLID and STUDID as text."""
    country = [names[c] for c in frame["country"]]
    number = frame.groupby("country").cumcount() + 1
    text = {
        "CNT": country,
        "STRATUM": [f"{c}{h + 1:02d}" for c, h in zip(country, frame["stratum"], strict=True)],
        "SCHOOLID": [f"{c}{j:04d}" for c, j in zip(country, number, strict=True)],
    }
    school = rows["school"].to_numpy()
    columns: dict[str, object] = {
        name: pd.array(texts, dtype="str").take(school) for name, texts in text.items()
    }
    first = rows.groupby("country").cumcount() + 1
    students = [f"{names[c]}{i:06d}" for c, i in zip(rows["country"], first, strict=True)]
    return columns | {"STUDID": pd.array(students, dtype="str")}


def _questionnaire(rows: pd.DataFrame, why: Mapping[str, np.ndarray]) -> dict[str, object]:
    """What is known of the students, with gaps where there is a reason for one."""
    books = np.where(why["ST013Q01TA"] > 0, -1, rows["books"])
    return {
        "ST004D01T": pd.Categorical.from_codes(rows["male"], list(SEXES)),
        "GRADE": rows["grade"].to_numpy(),
        "ESCS": np.where(why["ESCS"] > 0, np.nan, rows["escs"]),
        "ST013Q01TA": pd.Categorical.from_codes(books, list(BOOKS)),
    }


def _gaps(
    shares: Mapping[str, float], measured: np.ndarray, male: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """For ESCS and books the number of the reason why a value is missing, as `pack_reasons` takes it.

    The log odds fall by 0.8 per SD of the test's result, and are 0.4 higher for boys.
    """
    from scipy import optimize, special  # in here: a lesson that loads pupils need not wait for it

    z = (measured - measured.mean()) / (measured.std() or 1.0)
    tendency = 0.4 * male - 0.8 * z
    number = {reason: i for i, reason in enumerate((NO_REASON, *REASONS), start=1)}
    why = {name: np.zeros(len(z), dtype=int) for name in ("ESCS", "ST013Q01TA")}
    for key in MISSING:
        share, uniform = shares.get(key, 0.0), rng.random((2, len(z)))
        if not share:
            continue

        def excess(level: float, share: float = share) -> float:
            return float(special.expit(level + tendency).mean() - share)

        level = optimize.brentq(excess, -60, 60)
        gone = uniform[0] < special.expit(level + tendency)
        item = np.where(uniform[1] < 0.2, number["Invalid"], number["No response"])
        if key == "questionnaire":
            for codes in why.values():
                codes[gone] = number["Refused"]
        elif key == "ESCS":
            why[key] = np.where(gone & (why[key] == 0), item, why[key])
        else:  # the question comes late
            late = np.where(uniform[1] < 0.6, number["Not reached"], number["No response"])
            why[key] = np.where(gone & (why[key] == 0), late, why[key])
    return why


def _title(name: str) -> str:
    """What a column is, in words."""
    if name.startswith("PV"):
        return f"Plausible value {name[2:].removesuffix('MATH')} in mathematics"
    if name.startswith("W_FSTURWT"):
        return f"Replicate weight {name[len('W_FSTURWT') :]} (BRR, Fay's k = 0.5)"
    return TITLES[name]
