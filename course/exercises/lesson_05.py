"""Exercises of lesson 05, covariance structures."""

from __future__ import annotations

from course.exercises.exercise import Choice, Data, Exercise, Model, Number, Slip

SCHOOLS = "test_score ~ I(age - 10) + sex + (I(age - 10)|school)"
GROWTH = "math ~ year + (year|childid) + (year|schoolid)"


def _rows(data: Data, formula: str, name: str, group: str, column: str) -> list[float]:
    """Of intercept, slope and the two together: ``vcov`` or ``sdcor``."""
    parts = data.fit(formula, name).variance_components
    return parts.loc[parts["group"] == group, column].to_list()


def _two_pupils(data: Data, x: float, z: float, column: str = "vcov") -> float:
    """Covariance of two pupils of one school, with ages counted from ten years."""
    intercept, slope, both = _rows(data, SCHOOLS, "pupils", "school", column)
    return intercept + (x + z) * both + x * z * slope


def _without_covariance(data: Data) -> float:
    intercept, slope, _ = _rows(data, SCHOOLS, "pupils", "school", "vcov")
    return intercept - 2 * slope


def _with_correlation(data: Data) -> float:
    correlation = _rows(data, SCHOOLS, "pupils", "school", "sdcor")[2]
    return _without_covariance(data) + correlation


def _growth(data: Data, group: str = "childid") -> list[float]:
    return _rows(data, GROWTH, "egsingle", group, "vcov")


def _unrelated_at(data: Data, group: str = "childid") -> float:
    _, slope, both = _growth(data, group)
    return -both / slope


def _numbers_in_G(data: Data) -> int:
    """Rows of the table of variances, less the residual."""
    fit = data.fit("test_score ~ age + sex + (age + sex|school)", "pupils")
    return len(fit.variance_components) - 1


EXERCISES = (
    Exercise(
        id="05.1",
        question="How many numbers in G have to be estimated for (age10 + sex|school)?",
        kind=Number(decimals=0),
        expected=_numbers_in_G,
        because="Three effects have three variances, and form three pairs with a covariance each.",
        hint="write down the effects, count their variances, then count the pairs.",
        slips=(
            Slip(
                lambda data: 3,
                "count the pairs as well: with a single bar, any two effects may go together.",
            ),
            Slip(
                lambda data: 9,
                "those are all the cells. G is the same on both sides of its diagonal.",
            ),
            Slip(
                lambda data: 4,
                "three effects make more than one pair, and each pair has a covariance.",
            ),
            Slip(lambda data: 7, "one too many: the residual variance is not in G."),
            Slip(
                lambda data: 2,
                "the intercept is an effect as well, although it need not be written.",
            ),
            Slip(
                lambda data: 5,
                "age10 and sex may go together, too: that pair is easy to forget.",
            ),
            Slip(
                lambda data: 10,
                "that is for four effects. A factor with two labels adds only one.",
            ),
        ),
    ),
    Exercise(
        id="05.2",
        question="What is the covariance of two pupils of one school, aged nine and twelve?",
        kind=Number(decimals=1),
        expected=lambda data: _two_pupils(data, -1, 2),
        because="It is τ₀² + (a + b) τ₀₁ + a b τ₁² with the ages counted from ten years.",
        hint="count both ages from ten years, then put them into the formula above.",
        slips=(
            Slip(
                lambda data: _two_pupils(data, -1, 2) + data.fit(SCHOOLS, "pupils").scale,
                "the residual belongs to each pupil alone: two pupils do not share it.",
            ),
            Slip(
                lambda data: _two_pupils(data, 9, 12),
                "those ages are counted from birth. This G counts them from ten years.",
            ),
            Slip(
                lambda data: _two_pupils(data, 1, 2),
                "a pupil of nine lies below the zero, so one of the two ages is negative.",
            ),
            Slip(
                lambda data: _two_pupils(data, 1, -2),
                "both signs are turned: nine lies below ten, and twelve above it.",
            ),
            Slip(
                lambda data: (
                    _two_pupils(data, -1, 2)
                    / (
                        (_two_pupils(data, -1, -1) + data.fit(SCHOOLS, "pupils").scale)
                        * (_two_pupils(data, 2, 2) + data.fit(SCHOOLS, "pupils").scale)
                    )
                    ** 0.5
                ),
                "that is the correlation of the two scores. The question asks for their covariance.",
            ),
            Slip(_without_covariance, "the middle term, with the covariance, is missing."),
            Slip(
                _with_correlation,
                "you used the correlation (sdcor); the formula wants the covariance (vcov).",
            ),
            Slip(
                lambda data: _two_pupils(data, -1, 2, "sdcor"),
                "those are SDs and a correlation. Use the matrix G, or the column vcov.",
            ),
        ),
    ),
    Exercise(
        id="05.3",
        question="Which formula says what the blog meant?",
        kind=Model("wards"),
        expected=lambda data: (
            "pain ~ dose + (dose||ward) + (1|hospital)",
            "pain ~ dose + (1|ward) + (0+dose|ward) + (1|hospital)",
            "pain ~ dose + (dose||hospital:ward) + (1|hospital)",
            "pain ~ dose + (1|hospital:ward) + (0+dose|hospital:ward) + (1|hospital)",
            "pain ~ dose + (1|hospital/ward) + (0+dose|ward)",
        ),
        because="Intercept and slope vary by ward, unrelated; the intercept varies by hospital.",
        hint="write one term for each key of re_formula; then ask what diag does to the first.",
        slips=(
            Slip(
                lambda data: "pain ~ dose + (dose|ward) + (1|hospital)",
                "here intercept and slope of a ward may be correlated. What did diag ask for?",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + (1|ward) + (1|hospital)",
                    "pain ~ dose + (1|hospital/ward)",
                ),
                "re_formula lets the slope of dose vary by ward as well.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + (dose||hospital) + (1|ward)",
                    "pain ~ dose + (dose|hospital) + (1|ward)",
                ),
                "ward and hospital have changed places: which of the two keys has the dose in it?",
            ),
            Slip(
                lambda data: "pain ~ dose + (0+dose|ward) + (1|hospital)",
                "the wards have lost their intercepts: ~1 + dose means both.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + (dose||ward) + (dose||hospital)",
                    "pain ~ dose + (dose|ward) + (dose|hospital)",
                    "pain ~ dose + (dose||hospital/ward)",
                ),
                "only the intercept varies by hospital: its formula is ~1.",
            ),
            Slip(
                lambda data: (
                    "pain ~ dose + (dose||ward)",
                    "pain ~ dose + (1|ward) + (0+dose|ward)",
                    "pain ~ dose + (dose|ward)",
                ),
                "the hospitals are missing: re_formula has two keys.",
            ),
            Slip(
                lambda data: (
                    "pain ~ (dose||ward) + (1|hospital)",
                    "pain ~ 1 + (1|ward) + (0+dose|ward) + (1|hospital)",
                ),
                "keep the fixed part, dose: your formula has lost the average slope.",
            ),
        ),
    ),
    Exercise(
        id="05.4",
        question="Which formula has all that can vary by patient, and an intercept by clinic?",
        kind=Model("visits"),
        expected=lambda data: (
            "weight ~ week + dose + (week|patient) + (1|clinic)",
            "weight ~ week + dose + (week|clinic:patient) + (1|clinic)",
        ),
        because="Weeks vary within a patient, and doses do not.",
        hint="ask of each predictor: does it take several values for one patient?",
        slips=(
            Slip(
                lambda data: (
                    "weight ~ week + dose + (week + dose|patient) + (1|clinic)",
                    "weight ~ week + dose + (week * dose|patient) + (1|clinic)",
                ),
                "a patient has only one dose: nothing shows how the weight would change with another.",
            ),
            Slip(
                lambda data: (
                    "weight ~ week + dose + (week|clinic) + (1|patient)",
                    "weight ~ week + dose + (week + dose|clinic) + (1|patient)",
                ),
                "patient and clinic have changed places: only the intercept varies by clinic.",
            ),
            Slip(
                lambda data: "weight ~ week + dose + (dose|patient) + (1|clinic)",
                "that is the wrong predictor: which of the two changes from visit to visit?",
            ),
            Slip(
                lambda data: (
                    "weight ~ week + dose + (week||patient) + (1|clinic)",
                    "weight ~ week + dose + (1|patient) + (0+week|patient) + (1|clinic)",
                ),
                "these effects are unrelated; the question wants them correlated.",
            ),
            Slip(
                lambda data: (
                    "weight ~ week + dose + (1|patient) + (1|clinic)",
                    "weight ~ week + dose + (1|clinic/patient)",
                ),
                "more than the intercept can vary by patient: each patient has several weeks.",
            ),
            Slip(
                lambda data: (
                    "weight ~ week + dose + (week|patient) + (week|clinic)",
                    "weight ~ week + dose + (week|clinic/patient)",
                ),
                "only the intercept should vary by clinic.",
            ),
            Slip(
                lambda data: "weight ~ week + dose + (0+week|patient) + (1|clinic)",
                "the patients have lost their intercepts: leave out the 0.",
            ),
            Slip(
                lambda data: "weight ~ week * dose + (week|patient) + (1|clinic)",
                "your fixed part also has an interaction; use the two predictors without it.",
            ),
            Slip(
                lambda data: "weight ~ week + dose + (week|patient) + (dose|clinic)",
                "a slope of dose by clinic is possible, but here only the intercept varies by clinic.",
            ),
            Slip(
                lambda data: "weight ~ week + dose + (week|patient)",
                "the clinics are missing.",
            ),
            Slip(
                lambda data: (
                    "weight ~ week + (week|patient) + (1|clinic)",
                    "weight ~ dose + (week|patient) + (1|clinic)",
                ),
                "both predictors belong to the fixed part.",
            ),
        ),
    ),
    Exercise(
        id="05.5",
        question="At which value of year are intercepts and slopes of the pupils unrelated?",
        kind=Number(decimals=1),
        expected=_unrelated_at,
        because="It is −τ₀₁ / τ₁², and lies before the first test: in all these years the two are related.",
        hint="take the covariance and the slope variance of `childid`, and the formula for c.",
        slips=(
            Slip(
                lambda data: -_unrelated_at(data),
                "check the sign: with a positive covariance you have to go back in time.",
            ),
            Slip(
                lambda data: _unrelated_at(data, "schoolid"),
                "that is for the schools. The question asks for the pupils, `childid`.",
            ),
            Slip(
                lambda data: -_growth(data)[2] / _growth(data)[0],
                "you divided by the variance of the intercepts; divide by that of the slopes.",
            ),
            Slip(
                lambda data: -_growth(data)[1] / _growth(data)[2],
                "upside down: the covariance is divided by the slope variance.",
            ),
            Slip(
                lambda data: -_growth(data)[2] / _growth(data)[1] ** 0.5,
                "you divided by the SD of the slopes; divide by their variance.",
            ),
            Slip(
                lambda data: _rows(data, GROWTH, "egsingle", "childid", "sdcor")[2],
                "that is the correlation where year is 0. At which year does it become 0?",
            ),
        ),
    ),
    Exercise(
        id="05.6",
        question="What can (0+sex|school) describe, but compound symmetry cannot?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="Compound symmetry has the same variance for girls and boys.",
        hint="compare the three matrices: which cells must be equal in the last one?",
        slips=(
            Slip(lambda data: "a", "that takes a covariance, and both structures have one."),
            Slip(lambda data: "c", "that takes variances of 0, and both structures can have them."),
        ),
    ),
    Exercise(
        id="05.7",
        question="What does (age10||school) claim, and (age10|school) not?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="The second bar sets the covariance to 0, at the zero of age10.",
        hint="write both matrices G side by side, and look for the cell that differs.",
        slips=(
            Slip(
                lambda data: "a",
                "both claim that: different schools share nothing, whatever is in G.",
            ),
            Slip(lambda data: "b", "both have a slope variance. Which cell of G differs?"),
        ),
    ),
    Exercise(
        id="05.8",
        question="Age is counted from birth, not from ten years: which log-likelihood changes?",
        kind=Choice("abc"),
        expected=lambda data: "a",
        because="With one bar the covariance changes with the zero; with two bars there is none.",
        hint="look at the picture with the hill: which line is flat?",
        slips=(
            Slip(
                lambda data: "b",
                "its covariance changes with the zero. Which line in the picture is flat?",
            ),
            Slip(lambda data: "c", "one of the two lines in the picture is flat."),
        ),
    ),
    Exercise(
        id="05.9",
        question="What does statsmodels take as re_formula?",
        kind=Choice("abc"),
        expected=lambda data: "b",
        because="It is a single formula, for the groups at the top.",
        hint="look at the list of the three places.",
        slips=(
            Slip(
                lambda data: "a",
                "that is the dictionary of the tutorials, and it stopped with an error.",
            ),
            Slip(
                lambda data: "c", "diag was looked up as a column. Structures have no names there."
            ),
        ),
    ),
    Exercise(
        id="05.10",
        question="Which two REML fits may be compared by AIC?",
        kind=Choice("abc"),
        expected=lambda data: "c",
        because="They have the same rows and the same fixed effects.",
        hint="there are two conditions: one on the rows, one on the fixed effects.",
        slips=(
            Slip(lambda data: "a", "they have other fixed effects, and REML depends on these."),
            Slip(lambda data: "b", "these are other rows: other data, not another model."),
        ),
    ),
)
