"""The pages of the API reference: which public name stands where, and their formulas."""

import inspect
import re
from importlib import import_module
from pathlib import PurePosixPath

# A chapter for each wing of the package, in the order of the data's way; every public name once, and after a
# function the class of what it returns.
# tests/site/test_site.py holds this against `course`, `course.plots` and the folders of the package.
CHAPTERS: dict[str, tuple[str, list[str]]] = {
    "errors": ("The one error", ["course.CourseError"]),
    "common": ("What all wings use", []),
    "formula": ("Formulas", []),
    "simulate": (
        "Pupils with a known truth",
        [
            "course.simulate_schools",
            "course.simulate_assessment",
            "course.simulate.schools.Simulation",
            "course.simulate.truth.Truth",
        ],
    ),
    "design": ("Matrices and groups", []),
    "solver": ("The search for the optimum", []),
    "translation": (
        "Formulas for statsmodels",
        [
            "course.translate",
            "course.translation.translate.Translation",
            "course.translation.generalised.GeneralisedTranslation",
        ],
    ),
    "streaming": ("Rows that do not fit into memory", []),
    "data": (
        "Data",
        [
            "course.load",
            "course.read_table",
            "course.structure",
            "course.data.structure.Structure",
            "course.propose",
            "course.data.proposal.Proposal",
        ],
    ),
    "fit": (
        "Fit",
        [
            "course.mixedlm",
            "course.MixedModel",
            "course.MixedFit",
            "course.mixedglm",
            "course.MixedGLM",
            "course.MixedGLMFit",
            "course.fit.generalised_summary.GeneralisedSummary",
            "course.SurveyModel",
            "course.SurveyFit",
            "course.PooledModel",
            "course.pool",
            "course.PooledFit",
            "course.fit.summary.Summary",
            "course.fit.agreement.Check",
        ],
    ),
    "inference": (
        "Tests and intervals",
        [
            "course.anova",
            "course.wald",
            "course.fixed_effects_table",
            "course.compare",
            "course.confint",
            "course.profile",
            "course.inference.profile.Profile",
            "course.parameters",
            "course.bootstrap",
            "course.inference.bootstrap.Bootstrap",
            "course.simulate_responses",
        ],
    ),
    "interpretation": (
        "Interpret and report",
        [
            "course.icc",
            "course.r2",
            "course.variance_shares",
            "course.variance_explained",
            "course.means",
            "course.contrasts",
            "course.slopes",
            "course.between_within",
            "course.report",
            "course.side_by_side",
        ],
    ),
    "diagnosis": (
        "Doubt",
        [
            "course.diagnose",
            "course.diagnosis.finding.Diagnosis",
            "course.diagnosis.finding.Finding",
            "course.influence",
        ],
    ),
    "plots": (
        "Plots",
        [
            f"course.plots.{name}"
            for name in (
                "scores pooling design_matrix crosstab coefficients means contrasts slopes lines predictions "
                "fan moving_zero caterpillar shrinkage intercept_slope variance_shares covariances ellipses "
                "residuals qq profile_zeta deviance_surface recovery power_curves show alt_text"
            ).split()
        ],
    ),
    "studies": (
        "Studies by simulation",
        [
            "course.recovery",
            "course.studies.recovery.Recovery",
            "course.power",
            "course.studies.power.Power",
        ],
    ),
    "exercises": ("Exercises", ["course.check"]),
    "command": ("On the command line", []),
}

# Docstrings say formulas in plain text, which reads well in a terminal. On the page they are typeset:
# for each name, what its docstring has and the same in LaTeX (a line) or reStructuredText (words).
FORMULAS: dict[str, dict[str, str]] = {
    "course.icc": {
        "    icc = (sum of the variances of all groupings that the two have in common) / total variance.": (
            r"\text{icc} = \frac{\sum_{g\,\in\,\text{groupings in common}} \sigma^2_g}"
            r"{\sum_g \sigma^2_g + \sigma^2}"
        ),
    },
    "course.r2": {
        "    marginal = V_f / (V_f + sum V_g + V_e),    "
        "conditional = (V_f + sum V_g) / (V_f + sum V_g + V_e)": (
            r"R^2_\text{marginal} = \frac{V_f}{V_f + \sum_g V_g + V_e} \qquad "
            r"R^2_\text{conditional} = \frac{V_f + \sum_g V_g}{V_f + \sum_g V_g + V_e}"
        ),
        "V_f the": ":math:`V_f` the",
        "V_g the": ":math:`V_g` the",
        "V_e the": ":math:`V_e` the",
    },
    "course.pool": {
        "    Q = mean of q_i,    T = mean of u_i + (1 + 1/m) variance of q_i": (
            r"Q = \frac{1}{m} \sum_i q_i, \qquad "
            r"T = \frac{1}{m} \sum_i u_i + \left(1 + \frac{1}{m}\right) \frac{1}{m - 1} \sum_i (q_i - Q)^2"
        ),
        "q_i the estimate": ":math:`q_i` the estimate",
        "u_i its squared": ":math:`u_i` its squared",
    },
    "course.means": {
        "    mean(i) = sum over h of w(h) x(i, h)' beta.": (
            r"\text{mean}_i = \sum_h w_h\, x_{ih}' \beta"
        ),
        "x(i, h) the row": ":math:`x_{ih}` the row",
    },
    "course.slopes": {
        "    slope = sum over h of w(h) (d x(h) / dx)' beta.": (
            r"\text{slope} = \sum_h w_h \left(\frac{\mathrm{d} x_h}{\mathrm{d} x}\right)' \beta"
        ),
        "x(h) for each": ":math:`x_h` for each",
    },
    "course.simulate_schools": {
        "    score = x'beta + sum over levels g of (u0_g + u1_g * age) + e,   e ~ N(0, residual_sd^2)": (
            r"\text{score} = x'\beta + \sum_g (u_{0g} + u_{1g} \cdot \text{age}) + e, \qquad "
            r"e \sim \mathcal{N}(0, \sigma^2)"
        ),
    },
    "course.simulate_assessment": {
        "    score = x'beta + u0_s + u1_s * ESCS + e,    e ~ N(0, residual_sd^2)": (
            r"\text{score} = x'\beta + u_{0s} + u_{1s} \cdot \text{ESCS} + e, \qquad "
            r"e \sim \mathcal{N}(0, \sigma^2)"
        ),
    },
    "course.plots.moving_zero": {
        "    variance of the intercepts      t00 + 2 c t01 + c^2 t11\n"
        "    covariance with the slopes      t01 + c t11": (
            r"\operatorname{var}(u_0 + c\,u_1) = \tau_{00} + 2 c\,\tau_{01} + c^2 \tau_{11} \qquad "
            r"\operatorname{cov}(u_0 + c\,u_1,\ u_1) = \tau_{01} + c\,\tau_{11}"
        ),
        "u0 + c * u1,": r":math:`u_0 + c\,u_1`,",
        "t00, t01 and t11 are": r":math:`\tau_{00}`, :math:`\tau_{01}` and :math:`\tau_{11}` are",
        "of u0 and u1.": "of :math:`u_0` and :math:`u_1`.",
        "c = -t01 / t11,": r":math:`c = -\tau_{01} / \tau_{11}`,",
    },
}


def typeset(name: str, docstring: str) -> str:
    """A docstring with its formulas as mathematics."""
    for plain, latex in FORMULAS.get(name, {}).items():
        if plain not in docstring:
            raise ValueError(f"site/api_pages.py: the docstring of {name} has no {plain!r}")
        whole_line = plain.startswith("    ")
        docstring = docstring.replace(plain, f".. math:: {latex}" if whole_line else latex)
    return re.sub(r"::(\n\n *\.\. math::)", r":\1", docstring)


def about(wing: str) -> str:
    """What a wing says of itself: its first sentence, and what goes in, comes out and is unknown to it."""
    docstring = inspect.getdoc(import_module(f"course.{wing}"))
    paragraphs = [" ".join(paragraph.split()) for paragraph in docstring.split("\n\n")]
    told = [text for text in paragraphs if text.startswith("**In**")]
    # in Sphinx a name in single quotes would be a link, and most of these have no page
    return re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", "\n\n".join([paragraphs[0], *told]))


def api_pages() -> dict[str, str]:
    """The pages of the reference, in reStructuredText, by path."""
    pages = {
        f"api/{wing}.rst": _chapter(title, about(wing), names)
        for wing, (title, names) in CHAPTERS.items()
    }
    return {"api/index.rst": _index(), **pages}


def _index() -> str:
    toctree = "\n".join(f"   {wing}" for wing in CHAPTERS)
    parts = [
        "API reference\n=============\n\nWrite ``from course import mixedlm, translate, plots``. A name is "
        "imported when it is first used, so ``import course`` costs next to nothing.\n\n"
        "The chapters are the wings of the package, in the order in which data go through them: text "
        "becomes a formula, formula and data a design, a design a translation and a fit. Each says what goes "
        "in, what comes out, and what it knows nothing of. A wing without a list has no public names.\n\n"
        f".. toctree::\n   :hidden:\n\n{toctree}\n"
    ]
    for wing, (title, names) in CHAPTERS.items():
        underline = "-" * (len(title) + len(wing) + 12)
        parts.append(f":doc:`{title} <{wing}>`\n{underline}\n\n{about(wing)}\n")
        if names:
            parts.append(".. autosummary::\n\n" + "".join(f"   {name}\n" for name in names))
    return "\n".join(parts)


def _chapter(title: str, text: str, names: list[str]) -> str:
    parts = [f"{title}\n{'=' * len(title)}\n\n{text}\n"]
    for name in names:
        is_class = PurePosixPath(name.replace(".", "/")).name[0].isupper()
        short = name.removeprefix("course.").split(".")[-1]
        parts.append(f"{short}\n{'-' * len(short)}\n")
        if is_class:
            parts.append(f".. autoclass:: {name}\n   :members:\n")
        else:
            parts.append(f".. autofunction:: {name}\n")
    return "\n".join(parts)
