"""Pictures of lessons that move: what they show is computed here, and drawn by ``theme/static/sliders.js``.

Each stands at the end of a section of its lesson, and has a few numbers of a fit, or of a formula, as JSON.
They are enough for every position of the slider, so that no Python is needed on the page.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from lesson_pages import FENCE
from scipy import stats

from course import load, mixedlm

ZEROS = (0, 14)  # ages between which zero may be moved
SHOWN = 20  # schools of the picture of shrinkage
SCHOOLS, PUPILS = 12, 15  # of the picture of the ICC
# The study of lesson 09: a programme worth 5 points, schools and pupils that differ with these SDs.
EFFECT, SCHOOL_SD, PUPIL_SD = 5.0, 4.0, 8.0
MANY_SCHOOLS = range(6, 82, 2)
MANY_PUPILS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)


@dataclass(frozen=True)
class Slider:
    """A picture that moves.

    Attributes
    ----------
    name : str
        What sliders.js calls it.
    section : str
        The heading of the lesson at the end of whose section it stands.
    title, words : str
        Above the picture.
    controls : tuple of (label, lowest, highest, step, first)
        The sliders below it.
    numbers : callable
        Gives what is drawn.
    """

    name: str
    section: str
    title: str
    words: str
    controls: tuple[tuple[str, float, float, float, float], ...]
    numbers: Callable[[], dict]

    def html(self) -> str:
        """The picture's place, its sliders, and its numbers."""
        controls = "".join(
            f'<p><label for="{self.name}-{i}">{label}</label> '
            f'<input type="range" id="{self.name}-{i}" min="{low}" max="{high}" step="{step}" '
            f'value="{first}"> '
            f'<output for="{self.name}-{i}"></output></p>'
            for i, (label, low, high, step, first) in enumerate(self.controls)
        )
        numbers = json.dumps(self.numbers(), separators=(",", ":"), allow_nan=False)
        return (
            f'<figure class="slider" data-slider="{self.name}" hidden>'
            f"<figcaption><b>{self.title}</b> {self.words}</figcaption>"
            f'<div class="drawing"></div><div class="controls">{controls}</div>'
            '<p class="reading" aria-live="polite"></p>'
            f'<script type="application/json">{numbers}</script></figure>\n'
            '<link rel="stylesheet" href="../_static/sliders.css">'
            '<script defer src="../_static/sliders.js"></script>'
        )


def with_slider(lesson: str, text: str) -> str:
    """The Markdown of a lesson, with its slider, if it has one, at the end of the slider's section."""
    slider = SLIDERS.get(lesson)
    if slider is None:
        return text
    _, heading, rest = text.partition(f"\n## {slider.section}\n")
    if not heading:
        raise ValueError(f"{lesson} has no section '{slider.section}' for its slider")
    at = len(text) - len(rest) + rest.index("\n## ")
    return f"{text[:at]}\n{FENCE}{{raw}} html\n{slider.html()}\n{FENCE}\n{text[at:]}"


# ---- numbers ---------------------------------------------------------------------------------------------


def zero() -> dict:
    """The lines of sixty schools counted from birth; from them follows what they are at any other zero."""
    pupils = load("pupils")
    fit = mixedlm("test_score ~ age + (age|school)", pupils).fit()
    first, slope, both = fit.variance_components["vcov"].iloc[:3]
    effects = fit.random_effects["school"]
    return {
        "fixed": rounded(fit.fe_params),
        "variances": [float(first), float(slope)],
        "covariance": float(both),
        "schools": [rounded(row, 4) for row in effects.to_numpy()],
        "ages": rounded([pupils["age"].min(), pupils["age"].max()], 1),
    }


def shrinkage() -> dict:
    """The mean of every third school beside that of all, and the two variances that decide how it shrinks."""
    pupils = load("pupils")
    fit = mixedlm("test_score ~ 1 + (1|school)", pupils).fit()
    means = np.sort(pupils.groupby("school")["test_score"].mean())
    between, within = fit.variance_components["vcov"]
    return {
        "mean": float(fit.fe_params["Intercept"]),
        "between": float(between),
        "within": float(within),
        "schools": rounded(means[:: len(means) // SHOWN][:SHOWN], 2),
    }


def alike() -> dict:
    """Schools and pupils to be stretched: drawn once, then made to have means of 0 and SDs of 1 exactly."""
    rng = np.random.default_rng(6)
    school = stats.zscore(rng.normal(size=SCHOOLS), ddof=1)
    pupil = stats.zscore(rng.normal(size=(SCHOOLS, PUPILS)), axis=1)
    return {"schools": rounded(school, 3), "pupils": [rounded(row, 2) for row in pupil]}


def power() -> dict:
    """The chance to find the programme, for each number of schools and of pupils, by lesson 09's formula."""
    schools = np.array(MANY_SCHOOLS)
    pupils = np.array(MANY_PUPILS)[:, None]
    error = np.sqrt((SCHOOL_SD**2 + PUPIL_SD**2 / pupils) / (schools / 4))
    df, shift = schools - 2, EFFECT / error
    limit = stats.t.ppf(0.975, df)
    found = stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift)
    return {
        "schools": schools.tolist(),
        "pupils": list(MANY_PUPILS),
        "power": [rounded(row, 3) for row in found],
    }


def rounded(values, digits: int = 5) -> list[float]:
    """Numbers with so many decimals."""
    return np.round(np.asarray(values, dtype=float), digits).tolist()


SLIDERS = {
    "02-random-intercepts": Slider(
        "shrinkage",
        "Sixty schools",
        "How far does a school shrink?",
        "Above, the means of 20 of the schools as they are; below, what the model predicts if each had so "
        "many pupils.",
        (("Pupils in each school", 1, 60, 1, 10),),
        shrinkage,
    ),
    "03-random-slopes": Slider(
        "zero",
        "Where is zero?",
        "Move zero.",
        "Left, the lines of sixty schools, which stay as they are; right, each school's intercept at zero "
        "and its slope.",
        (("Zero is at age", *ZEROS, 0.5, 0),),
        zero,
    ),
    "06-interpretation": Slider(
        "icc",
        "How alike are two pupils?",
        "How alike are the pupils of one school?",
        "Twelve schools with fifteen pupils each. A bar is the mean of a school.",
        (("SD between schools", 0, 10, 0.5, 4), ("SD inside schools", 1, 10, 0.5, 6)),
        alike,
    ),
    "09-planning-a-study": Slider(
        "power",
        "The ceiling",
        "Schools or pupils?",
        "The chance to find a programme that is worth 5 points, for so many schools and pupils in each.",
        (("Schools", MANY_SCHOOLS[0], MANY_SCHOOLS[-1], 2, 20), ("Pupils in each", 1, 50, 1, 10)),
        power,
    ),
}
