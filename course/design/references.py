"""Labels that are numbers, named as texts: R compares labels as texts, Python does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from course.design.columns import is_number
from course.formula.terms import Formula

NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?"  # "09" is none: no number has it as its name
# C(grade, Treatment('9')), C(C(grade), Treatment('9')) and grade == '9'
NAMED = re.compile(
    rf"""(C\((?:C\()?(?P<factor>\w+)\)?,\s*Treatment\(|(?P<compared>\w+)\s*[!=]=\s*)(["'])(?P<label>{NUMBER})\4"""
)


def with_numbers_as_labels(formula: Formula, columns: Mapping[str, pd.Series]) -> Formula:
    """The formula in which a label of a column of numbers is written as the number that it is.

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
            known = column is not None and is_number(column)
            return f"{match[1]}{match['label']}" if known else match[0]

        return NAMED.sub(number, text)

    return replace(
        formula,
        response=written(formula.response),
        fixed=written(formula.fixed),
        offset=written(formula.offset),
        random=tuple(replace(term, effects=written(term.effects)) for term in formula.random),
    )
