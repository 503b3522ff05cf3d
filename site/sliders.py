"""Pictures of lessons that move: what they show is computed here, and drawn by ``theme/static/sliders.js``.

Each stands at the end of a section of its lesson, and has a few numbers of a fit, or of a formula, as JSON.
They are enough for every position of the slider, so that no Python is needed on the page.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lesson_pages import raw
from matplotlib.figure import Figure
from scipy import stats

from course import load, mixedlm

ZEROS = (0, 14)  # ages between which zero may be moved
SHOWN = 20  # schools of the picture of shrinkage
SCHOOLS, PUPILS = 12, 15  # of the picture of the ICC
# The study of lesson 09: a programme worth 5 points, schools and pupils that differ with these SDs.
EFFECT, SCHOOL_SD, PUPIL_SD = 5.0, 4.0, 8.0
MANY_SCHOOLS = range(6, 82, 2)
MANY_PUPILS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
# Lesson 10 walks over the pupils of four provinces. Its contours stand so much above the lowest deviance.
PROVINCES = 4
STEP = 0.05  # of the sliders, in theta; contours are drawn on a grid twice as fine
THETAS = STEP * np.arange(0, 32.5, 0.5)
CONTOURS = (1, 2, 5, 10, 20, 40, 80, 160, 320)


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
    return f"{text[:at]}\n{raw(slider.html())}\n{text[at:]}"


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


def surface() -> dict:
    """The REML deviance, sigma and beta for each pair of theta, contours, and the means of each classroom.

    With beta and theta, the means give what is predicted for each classroom and school, in closed form.
    """
    pupils = lesson_10()
    fit = mixedlm("test_score ~ age10 + (1|classroom) + (1|school)", pupils).fit()
    y, X = pupils["test_score"].to_numpy(), np.column_stack([np.ones(len(pupils)), pupils["age10"]])
    Z = [pd.get_dummies(pupils[group]).to_numpy(float) for group in ("classroom", "school")]
    columns = np.column_stack([*Z, X, y])
    products, sizes = columns.T @ columns, [block.shape[1] for block in Z]
    found = [[evaluate([a, b], products, sizes, len(y)) for a in THETAS] for b in THETAS]
    deviance, sigma, intercept, slope = np.moveaxis(np.array(found), -1, 0)
    above = deviance + 2 * fit.llf
    sliders = np.s_[::2, ::2]
    lines = Figure().subplots().contour(THETAS, THETAS, above, CONTOURS)

    left = pupils.assign(left=y - X @ fit.fe_params.to_numpy())
    order = left.groupby("school")["left"].mean().sort_values().index
    rooms = pupils.groupby(["school", "classroom"])[["age10", "test_score"]].agg(["size", "mean"])
    sds = fit.variance_components["sdcor"].iloc[:2]
    return {
        "step": STEP,
        "best": rounded(sds / fit.sigma, 3),
        "above": [rounded(row, 2) for row in above[sliders]],
        "sigma": [rounded(row, 3) for row in sigma[sliders]],
        "intercept": [rounded(row, 2) for row in intercept[sliders]],
        "slope": [rounded(row, 3) for row in slope[sliders]],
        "contours": [
            {"level": level, "lines": [[rounded(at, 3) for at in line] for line in segments]}
            for level, segments in zip(CONTOURS, lines.allsegs, strict=True)
        ],
        "schools": [
            [[int(n), round(age, 3), round(score, 3)] for n, age, _, score in school.to_numpy()]
            for school in (rooms.loc[name] for name in order)
        ],
    }


def lesson_10() -> pd.DataFrame:
    """The pupils of lesson 10's surface; their ages are counted from 10."""
    pupils = load("pupils")
    some = pupils[pupils["province"].isin(sorted(pupils["province"].unique())[:PROVINCES])]
    return some.assign(age10=some["age"] - 10)


def evaluate(theta, products: np.ndarray, sizes: list[int], n: int) -> list[float]:
    """REML deviance, sigma and beta at one theta, as lesson 10 has them from the products of [Z X y]."""
    q = sum(sizes)
    p = len(products) - q - 1
    scale = np.append(np.repeat(theta, sizes), np.ones(p + 1))
    L = np.linalg.cholesky(products * scale * scale[:, None] + np.diag(np.arange(q + p + 1) < q))
    pivots, df = np.diag(L), n - p
    sigma2 = pivots[-1] ** 2 / df
    deviance = 2 * np.log(pivots[:-1]).sum() + df * (1 + np.log(2 * np.pi * sigma2))
    return [deviance, np.sqrt(sigma2), *np.linalg.solve(L[q:-1, q:-1].T, L[-1, q:-1])]


def rounded(values, digits: int = 5) -> list[float]:
    """Numbers with so many decimals."""
    return np.round(np.asarray(values, dtype=float), digits).tolist()


SLIDERS = {
    "02-random-intercepts": Slider(
        "shrinkage",
        "Sixty schools",
        "How far does a school shrink?",
        "Above, the means of 20 of the schools as they are; below, what test_score ~ 1 + (1|school), a model "
        "without age and sex, predicts if each had so many pupils.",
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
    "10-under-the-bonnet": Slider(
        "surface",
        "Two groupings, one surface",
        "Be the search.",
        "Left, the REML deviance above its lowest, as contours; the star is its lowest point. Right, what "
        "the model predicts with the two θ of the large dot, for each of 20 schools: a bar is the school, "
        "dots are its classrooms, circles are the means of these classrooms as they are.",
        tuple(
            (f"θ of {groups}", 0, round(THETAS[-1], 2), STEP, 0)
            for groups in ("classrooms", "schools")
        ),
        surface,
    ),
}
