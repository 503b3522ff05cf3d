"""The commands about a model: a formula and a file in, an answer out."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import pandas as pd

from course.command.reading import program, read, read_alone, weights
from course.errors import CourseError


@dataclass(frozen=True)
class Answer:
    """What a command has to say: text for the screen, and the same as a table where it is one."""

    text: str
    table: pd.DataFrame | None = None
    suffix: str = ".md"
    """What the text is, in a file: Markdown or plain text, Python or LaTeX."""


def translation(options: argparse.Namespace) -> Answer:
    """A formula in words, as an equation and as a program that reads the file."""
    from course.translation.generalised import GeneralisedTranslation
    from course.translation.translate import translate

    data = read(options)
    found = translate(options.formula, data, weights(options), options.family, options.link)
    generalised = found if isinstance(found, GeneralisedTranslation) else None
    if options.gee and generalised is None:
        raise CourseError("--gee is for --family binomial and poisson: --code prints the program")
    if options.latex:
        return Answer(found.latex, suffix=".tex")
    code = program(options, data, found.code)
    if options.code:
        return Answer(code.rstrip(), suffix=".py")
    gee = program(options, data, generalised.gee_code) if generalised is not None else ""
    if options.gee:
        return Answer(gee.rstrip(), suffix=".py")
    parts = [found.explain(), f"Code\n\n{code.rstrip()}"]
    if gee:
        parts.append(f"Code for GEE\n\n{gee.rstrip()}")
    return Answer("\n\n".join(parts))


def _fit(options: argparse.Namespace) -> Any:
    """The fit of the formula to the file."""
    from course.fit.from_formula import mixedlm
    from course.fit.generalised_from_formula import mixedglm

    data, given = read(options), weights(options)
    of_surveys = {
        name: value
        for name in ("strata", "replicate_weights", "replicate_method", "fay")
        if (value := getattr(options, name)) is not None
    }
    if options.scaling is not None:
        of_surveys["scaling"] = None if options.scaling == "none" else options.scaling
    if options.family != "gaussian":
        if options.ml:
            raise CourseError("--ml is for linear models: others are fitted by maximum likelihood")
        if of_surveys:
            name = next(iter(of_surveys)).replace("_", "-")
            raise CourseError(f"--{name} is for linear models, which take sampling weights")
        return mixedglm(options.formula, data, options.family, options.link, weights=given).fit()
    if options.link is not None:
        raise CourseError("--link goes with --family binomial or poisson")
    model = mixedlm(options.formula, data, weights=given, **of_surveys)
    return model.fit(reml=False) if options.ml else model.fit()


def summary(options: argparse.Namespace) -> Answer:
    """The summary of a fit; as a table, one row for each estimate."""
    fit = _fit(options)
    fixed = fit.fixed_effects.rename_axis("term").reset_index()
    random = fit.variance_components.rename(columns={"effect": "term", "effect2": "with"})
    random = random.rename(columns={"sdcor": "estimate", "vcov": "variance"})
    parts = [fixed.assign(part="fixed"), random.assign(part="random")]
    table = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    first = ["part", "group", "term", "with", "estimate", "variance"]
    return Answer(str(fit.summary()), table[first + [c for c in table if c not in first]])


def reported(options: argparse.Namespace) -> Answer:
    """The paragraph for a paper."""
    from course.interpretation.report import report

    return Answer(report(_fit(options)))


def tested(options: argparse.Namespace) -> Answer:
    """Tests of the terms of the fixed part."""
    from course.inference.fixed_effects import anova

    return _tabled(anova(_fit(options)), "term")


def intervals(options: argparse.Namespace) -> Answer:
    """Confidence intervals of all parameters."""
    from course.inference.intervals import confint

    method = {"method": options.method} if options.method else {}
    return _tabled(confint(_fit(options), **method), "parameter")


def diagnosed(options: argparse.Namespace) -> Answer:
    """What stands out in a fit, why it matters, and what to do."""
    from course.diagnosis.diagnose import diagnose

    found = diagnose(_fit(options))
    return Answer(str(found), pd.DataFrame([vars(finding) for finding in found]))


def structured(options: argparse.Namespace) -> Answer:
    """How the groups of a file lie."""
    from course.data.structure import structure

    found = structure(read_alone(options), options.groups)
    return Answer(repr(found), found.groups.rename_axis("column").reset_index())


def _tabled(table: pd.DataFrame, name: str) -> Answer:
    """A table with its index as a column, and on the screen with four digits."""
    shown = table.to_string(float_format=lambda value: f"{value:,.4g}", na_rep="")
    return Answer(shown, table.rename_axis(name).reset_index())
