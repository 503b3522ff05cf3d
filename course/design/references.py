"""Labels that are numbers, named as texts: R compares labels as texts, Python does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from course.design.columns import is_number, is_truth
from course.errors import CourseError
from course.formula.terms import Formula

NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?"  # "09" is none: no number has it as its name
# C(grade, Treatment('9')), C(C(grade), Treatment('9')) and grade == '9'
NAMED = re.compile(
    rf"""(C\((?:C\()?(?P<factor>\w+)\)?,\s*Treatment\(|(?P<compared>\w+)\s*[!=]=\s*)(["'])(?P<label>{NUMBER}|True|TRUE|False|FALSE)\4"""
)
# C(grade, levels=["10", "9"])
IN_ORDER = re.compile(r"C\((?:C\()?(?P<factor>\w+)\)?(?:, Poly)?,\s*levels=\[(?P<labels>[^\]]*)\]")
QUOTED_NUMBER = re.compile(rf"""(["'])({NUMBER})\1""")
BY_NUMBER = re.compile(r"C\((?:C\()?(\w+)\)?,\s*Treatment\((-?\d+)\)")
PLACES = re.compile(r"as_numeric\((\w+)\)")


def with_numbers_as_labels(formula: Formula, columns: Mapping[str, pd.Series]) -> Formula:
    """The formula in which a label of numbers, or of true and false, is written as the value that it is.

    Raises
    ------
    CourseError
        For as.numeric of a column of texts that are numbers: R would read them, and here labels become
        their places. For a reference that is no label.

    Examples
    --------
    >>> from course.formula.parse import parse_formula
    >>> formula = parse_formula("score ~ relevel(factor(grade), '9') + (1|school)")
    >>> print(with_numbers_as_labels(formula, {"grade": pd.Series([8, 9, 10])}))
    score ~ C(C(grade), Treatment(9)) + (1 | school)
    """

    def written(text: str) -> str:
        def number(match: re.Match) -> str:
            column = columns.get(match["factor"] or match["compared"])
            is_word = match["label"][0] in "TF"
            if column is None or not (is_truth(column) if is_word else is_number(column)):
                return match[0]
            return f"{match[1]}{match['label'].capitalize()}"

        def numbers(match: re.Match) -> str:
            column = columns.get(match["factor"])
            if column is None or not is_number(column):
                return match[0]
            return match[0].replace(match["labels"], QUOTED_NUMBER.sub(r"\2", match["labels"]))

        return IN_ORDER.sub(numbers, NAMED.sub(number, text))

    effects = [formula.response, *formula.right_sides]
    for name in PLACES.findall(" ".join([*effects, formula.offset])):
        if name in columns and _are_numbers_as_texts(columns[name]):
            raise CourseError(
                f"as.numeric({name}): {name} holds numbers written as texts. Make numbers of them before the "
                f"fit, data['{name}'] = pd.to_numeric(data['{name}']), and write {name} alone"
            )
    for name, label in BY_NUMBER.findall(" ".join(effects)):
        # patsy would take it for a place, counted from 0
        if name in columns and is_number(columns[name]) and not (columns[name] == int(label)).any():
            raise CourseError(f"Treatment({label}): {label} is no label of {name}")
    return replace(
        formula,
        response=written(formula.response),
        fixed=written(formula.fixed),
        offset=written(formula.offset),
        random=tuple(replace(term, effects=written(term.effects)) for term in formula.random),
    )


def _are_numbers_as_texts(column: pd.Series) -> bool:
    """A category is none: R, too, takes the places of a factor's levels."""
    if isinstance(column.dtype, pd.CategoricalDtype) or is_number(column):
        return False
    return bool(pd.to_numeric(column.dropna().astype(str), errors="coerce").notna().all())
