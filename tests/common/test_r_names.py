"""Functions of R's that somebody imports from the course: each is told what it is here."""

import re
from pathlib import Path

import pytest

import course
from course import CourseError, anova, load, mixedglm, mixedlm
from course.common.r_names import HERE

exam = load("exam").iloc[:600]
fit = mixedlm("normexam ~ standLRT + (1|school)", exam).fit()


def test_an_import_of_r_is_told_what_it_is_here():
    with pytest.raises(
        CourseError, match=r"R's VarCorr is fit\.variance_components in this course"
    ):
        from course import VarCorr  # noqa: F401
    with pytest.raises(CourseError, match=r"R's lmer is mixedlm\(formula, data\)\.fit\(\)"):
        course.lmer  # noqa: B018


@pytest.mark.parametrize("name", HERE)
def test_what_it_is_told_exists(name):
    """Every function of the course and every attribute of a fit that is named."""
    assert not hasattr(fit, name) or name in ("sigma", "refit", "predict")
    text = HERE[name]
    for attribute in re.findall(r"\bfit\.([a-z_]+)", text):
        assert hasattr(fit, attribute), text
    for function in re.findall(r"(?<![.\w])([a-z_]+)\(", text):
        assert function in course.__all__, text


def test_no_name_of_the_course_itself_is_taken_for_one_of_r():
    ours = {path.stem for path in Path(course.__file__).parent.iterdir()} | set(course.__all__)
    assert not ours & set(HERE)


def test_anova_of_two_fits_is_compare():
    with pytest.raises(CourseError, match=r"compare\(smaller, larger\) compares fits"):
        anova(fit, fit)


def test_ml_and_the_negative_binomial_are_told_where_they_are():
    with pytest.raises(CourseError, match=r"Maximum likelihood is \.fit\(reml=False\)"):
        mixedlm("normexam ~ standLRT + (1|school)", exam).fit(method="ML")
    counts = exam.assign(n=range(len(exam)))
    for family in ("nbinom2", "negative binomial"):
        with pytest.raises(CourseError, match=r'family="poisson" and an effect of each row'):
            mixedglm("n ~ standLRT + (1|school)", counts, family=family)
