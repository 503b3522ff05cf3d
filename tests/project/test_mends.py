"""What messages tell a learner to write instead is written here, and runs.

Each case has what was wrong, the mend as the message words it, and what the learner then runs. A mend that
stands in the message as it is to be typed is cut out of the message.
"""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made import pupils

from course import (
    CourseError,
    confint,
    icc,
    mixedlm,
    plots,
    power,
    profile,
    recovery,
    simulate_schools,
    wald,
)
from course.formula.expressions import MENDS

D = pupils().assign(
    grade=lambda d: np.arange(len(d)) % 3 + 1,
    income=lambda d: 100 + 10 * d["age"],
    **{"my age": lambda d: d["age"], "my.age": lambda d: d["age"]},
)


def message(formula: str, data=D) -> str:
    with pytest.raises(CourseError) as caught:
        mixedlm(formula, data)
    return str(caught.value)


def fits(formula: str, data=D):
    fit = mixedlm(formula, data).fit()
    assert fit.nobs == len(data)
    return fit


# -- formulas --------------------------------------------------------------------------------------

FORMULAS = [
    # what is wrong, how the message words the mend, what the learner writes then
    ("score ~ bs(age, degree=2) + (1|school)", "bs(x, df=4)", "score ~ bs(age, df=4) + (1|school)"),
    (
        "score ~ cr(age) + (1|school)",
        'cr(x, df=4, constraints="center")',
        'score ~ cr(age, df=4, constraints="center") + (1|school)',
    ),
    (
        "score ~ cc(age) + (1|school)",
        'cc(x, df=4, constraints="center")',
        'score ~ cc(age, df=4, constraints="center") + (1|school)',
    ),
    ("score ~ Sum + age + Sum(sex) + (1|school)", "C(x, Sum)", "score ~ C(sex, Sum) + (1|school)"),
    (
        "score ~ C(sex, contr) + (1|school)",
        "C(x, Treatment('label'))",
        "score ~ C(sex, Treatment('male')) + (1|school)",
    ),
    ("score ~ age + (0|school)", "write (1|school)", "score ~ age + (1|school)"),
    (
        "score ~ age + (sex||school)",
        '(1 | school) + (0 + dummy(sex, "male") | school)',
        'score ~ age + (1 | school) + (0 + dummy(sex, "male") | school)',
    ),
    (
        "score ~ age + (sex||school)",
        "(1 | school) + (0 + sex | school)",
        "score ~ age + (1|school) + (0 + sex|school)",
    ),
    ("score ~ age + (1|school-room)", "(1|school) + ", "score ~ age + (1|school) + (1|room)"),
    ("score ~ age + (1|school", "a parenthesis is not closed", "score ~ age + (1|school)"),
    ("score ~ age + 1|school", "as in (1|school)", "score ~ age + (1|school)"),
    ("score ~ age + (|school)", "write (1|group)", "score ~ age + (1|school)"),
    ("score ~ age * (1|school)", "write (x|group)", "score ~ age + (age|school)"),
    ("~ age + (1|school)", "before ~", "score ~ age + (1|school)"),
    ("score age + (1|school)", "response ~ fixed effects + (1|group)", "score ~ age + (1|school)"),
    ("score ~", "1 + (1|group)", "score ~ 1 + (1|school)"),
    ("score + (1|school)", "response", "score ~ 1 + (1|school)"),
    ("score ~ age:12 + (1|school)", "arithmetic needs I(...)", "score ~ I(age / 12) + (1|school)"),
    ("score ~ 'my age' + (1|school)", "Q('column name')", "score ~ Q('my age') + (1|school)"),
    ("score ~ `my age + (1|school)", "`column name`", "score ~ `my age` + (1|school)"),
    ("score ~ score + age + (1|school)", "Leave it out", "score ~ age + (1|school)"),
]


@pytest.mark.parametrize("wrong, words, right", FORMULAS, ids=[case[2] for case in FORMULAS])
def test_formulas(wrong, words, right):
    assert words in message(wrong)
    fits(right)


def test_functions_of_other_programs():
    """Each call in the table of mends, as it is written there; x stands for a column."""
    calls = [call for mend in MENDS.values() for call in re.findall(r"write (\w+\(x.*?\))", mend)]
    assert len(calls) >= 2
    for call in calls:
        column = "grade" if call.startswith("C(") else "age"
        fits(f"score ~ {call.replace('(x', '(' + column)} + (1|school)")


def test_rows_and_groups_that_cannot_be():
    data = D.assign(row=np.arange(len(D)), one="a")
    assert "leave the term out" in message("score ~ age + (1|row) + (1|school)", data)
    assert "leave the term out" in message("score ~ age + (1|one) + (1|school)", data)
    assert "Write (1|label)" in message(
        "score ~ C(row):C(school):C(row2) + (1|school)", big := many_labels()
    )
    fits("score ~ age + (1|school) + (1|label)", big)


def many_labels():
    """As a predictor beside two others these labels would make a million columns."""
    n = 600
    data = pupils(n).assign(row=np.arange(n), row2=np.arange(n) % 299)
    return data.assign(label=np.arange(n) % 50)


def test_columns_that_hide_functions_and_names_of_the_tables():
    data = D.assign(C=D["age"])
    said = message("score ~ C(grade) + C + (1|school)", data)
    data = eval(re.search(r"data\.rename\(columns=\{.*?\}\)", said)[0], {"data": data})
    fits("score ~ C(grade) + C_ + (1|school)", data)


def test_types():
    import pandas as pd

    data = D.assign(day=pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(60) % 7, "D"))
    said = message("score ~ day + (1|school)", data)
    data["day"] = eval(re.search(r"\(data\[.*\.dt\.days", said)[0], {"data": data})
    fits("score ~ day + (1|school)", data)
    text = D.assign(score=D["score"].astype(str))
    assert "pd.to_numeric" in message("score ~ age + (1|school)", text)
    fits("score ~ age + (1|school)", text.assign(score=pd.to_numeric(text["score"])))
    infinite = D.assign(age=D["age"].where(D.index != 5, np.inf))
    assert "np.nan" in message("score ~ age + (1|school)", infinite)
    assert mixedlm("score ~ age + (1|school)", infinite.replace(np.inf, np.nan)).fit().nobs == 59


# -- calls -----------------------------------------------------------------------------------------


def refused(call, words: str) -> str:
    with pytest.raises(CourseError) as caught:
        call()
    assert words in str(caught.value)
    return str(caught.value)


def test_statsmodels_arguments():
    refused(
        lambda: mixedlm("score ~ age + (1|school)", D, re_formula="~age"),
        "(age|group) in the formula",
    )
    fits("score ~ age + (age|school)")
    said = refused(
        lambda: mixedlm("score ~ age", D, groups="school", vc_formula={"room": "C(room) + age"}),
        "write 0 + C(room) for intercepts",
    )
    assert "0 + C(room):age for slopes" in said
    for part in ("0 + C(room)", "0 + C(room):age"):
        model = mixedlm(
            "score ~ age", D, groups="school", re_formula="1", vc_formula={"room": part}
        )
        assert model.fit().nobs == 60
    refused(lambda: mixedlm("score ~ age", D, re_formula=""), "no random term")


def test_what_is_asked_of_a_fit():
    fit = fits("score ~ age + (age|school)")
    refused(lambda: icc(mixedlm("score ~ age + (1|school)", D)), "mixedlm(...).fit()")
    refused(lambda: fit.predict(random="rooms"), "'all' or 'none'")
    refused(lambda: fit.predict(random=3), "write 'all', 'none' or a list of groups")
    for random in ("all", "none", ["school"]):
        assert len(fit.predict(random=random)) == 60
    refused(lambda: confint(fit, method="exact"), "'profile', 'bootstrap' or 'wald'")
    assert len(confint(fit, method="wald"))
    refused(lambda: wald(fit, ""), "'age = 0'")
    said = refused(lambda: wald(fit, "age =="), "write them as")
    for constraint in ("age = 0", said.split("write them as ")[1].strip("'").split(",")[0]):
        assert wald(fit, constraint) is not None
    refused(lambda: icc(fit, interval="profile"), "write 'delta' or 'bootstrap'")
    assert icc(fits("score ~ age + (1|school)"), interval="delta") is not None
    independent = fits("score ~ age + (age||school)")
    refused(
        lambda: confint(independent, parameters=["cor(Intercept, age | school)"], method="wald"),
        "(age|school)",
    )


@pytest.mark.slow
def test_what_is_asked_of_pictures():
    fit = fits("score ~ age + (1|school)")
    slopes = fits("score ~ age + (age|school)")
    refused(lambda: plots.moving_zero(fit, "school", zeros=[8]), "as in (age|school)")
    refused(lambda: plots.moving_zero(slopes, "school", zeros=[]), "zeros=[8, 10, 12]")
    assert plots.moving_zero(slopes, "school", zeros=[8, 10, 12]) is not None
    refused(lambda: plots.moving_zero(slopes, "school", zeros=["x"]), "zeros=[8, 10, 12]")
    two = fits("score ~ age + (age + income|school)", D.assign(income=np.sin(np.arange(len(D)))))
    said = refused(lambda: plots.moving_zero(two, "school", zeros=[8, 10]), "several slopes")
    effect = re.search(r"effect='(\w+)'", said)[1]
    assert plots.moving_zero(two, "school", zeros=[8, 10], effect=effect) is not None
    refused(lambda: plots.profile_zeta(fit), "write profile_zeta(profile(fit))")
    assert plots.profile_zeta(profile(fit, parameters=["sigma"])) is not None
    bare = plt.figure().subplots()
    refused(lambda: plots.show(bare), "show(ax, alt='What ...')")
    plots.show(bare, alt="What there is to be seen: nothing.")


def test_simulations():
    refused(lambda: simulate_schools(schools=(9, 3)), "write (3, 9)")
    assert len(simulate_schools(schools=(3, 9), seed=1).data)
    refused(lambda: simulate_schools(schools=3, reshuffle=0.5, seed=1), "write years=2 or more")
    assert len(simulate_schools(schools=3, years=2, reshuffle=0.5, seed=1).data)
    made = simulate_schools(schools=6, seed=1)
    refused(lambda: made.truth.compare(mixedlm), "truth.compare(mixedlm(formula, data).fit())")
    model = mixedlm("test_score ~ age + (1|classroom) + (1|school) + (1|province)", made.data)
    assert len(made.truth.compare(model.fit()))


def test_studies():
    formula, size = "test_score ~ age + (1|school)", {"provinces": 2, "schools": 3}
    refused(
        lambda: recovery({**size, "seed": 1}, formula, n=2), "leave it out there, and write seed="
    )
    assert recovery(size, formula, n=2, seed=1, progress=False) is not None
    refused(
        lambda: power(formula, "age", 1.0, n=2, seed=1, ages=3, progress=False),
        "write simulate= a function that takes it",
    )

    def simulate(seed, effect, ages):
        made = simulate_schools(**size, seed=seed).data
        return made.assign(test_score=made["test_score"] + effect * ages)

    assert power(formula, "age", 1.0, n=2, seed=1, simulate=simulate, ages=3, progress=False)
