"""One design for several responses: plausible values, which differ in y alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from course.common.wording import count, listing
from course.design.checks import check_response
from course.design.columns import find_columns, missing_rows
from course.design.design import Design, build_design, reasons_of, titles_of
from course.design.matrices import Codings
from course.errors import CourseError
from course.formula.parse import variables_of
from course.formula.terms import Formula

MOST_ROWS = 5  # of the index, in a message


def build_designs(
    formula: Formula,
    data: pd.DataFrame,
    responses: Sequence[str],
    names: Sequence[str],
    weights: str | None = None,
) -> list[Design]:
    """The designs of formulas that differ in one column of the response; X and each Z are built once.

    Parameters
    ----------
    formula : Formula
        That with the first response.
    data : DataFrame
    responses : sequence of str
        In patsy's language.
    names : sequence of str
        For each response the column in which it differs from the others.
    weights : str, optional
        The column that holds the prior weights.

    Raises
    ------
    CourseError
        Where the columns lack values in different rows, and as `build_design`.

    Examples
    --------
    >>> from course.formula.parse import parse_formula
    >>> data = pd.DataFrame({"pv1": [3.0, 4, 6, 5], "pv2": [2.0, 5, 6, 5], "g": list("aabb")})
    >>> names = ["pv1", "pv2"]
    >>> one, other = build_designs(parse_formula("pv1 ~ 1 + (1|g)"), data, names, names)
    >>> other.y, one.X is other.X
    (array([2., 5., 6., 5.]), True)
    """
    columns = find_columns(data, names)
    _refuse_other_gaps(columns)
    first = build_design(formula, data, weights)
    used = find_columns(data, formula.columns).values()
    keep = ~np.logical_or.reduce([missing_rows(column) for column in used])
    others = [
        _of_other_response(first, names[0], response, columns[name], data, keep)
        for response, name in zip(responses[1:], names[1:], strict=True)
    ]
    return [first, *others]


def _of_other_response(
    first: Design,
    usual: str,
    response: str,
    column: pd.Series,
    data: pd.DataFrame,
    keep: np.ndarray,
) -> Design:
    """The first design with another response, in which one column stands in the place of the usual one."""
    name = str(column.name)

    def renamed(values: dict) -> dict:
        return {name if key == usual else key: value for key, value in values.items()}

    columns = renamed(first.columns) | {name: column[keep]}
    formula = replace(
        first.formula,
        response=response,
        fixed_variables=tuple(renamed(dict.fromkeys(first.formula.fixed_variables))),
    )
    alone = replace(
        formula, fixed="1", random=(), offset="", fixed_variables=variables_of(response)
    )
    y = Codings(alone, columns).matrices(first.index)[0][:, 0]
    check_response(y - first.offset, response)
    gaps = {name: missing_rows(column)} if name in renamed(first.missing) else {}
    return replace(
        first,
        formula=formula,
        y=y.copy(),
        columns=columns,
        missing=renamed(first.missing),
        reasons={key: value for key, value in first.reasons.items() if key != usual}
        | reasons_of(data, gaps),
        titles=titles_of(data, formula.columns),
    )


def _refuse_other_gaps(columns: dict[str, pd.Series]) -> None:
    """Refuse plausible values of which some rows have only some."""
    gaps = np.array([missing_rows(column) for column in columns.values()])
    differ = (gaps != gaps[0]).any(axis=0)
    lacking = [name for name, rows in zip(columns, gaps[:, differ], strict=True) if rows.any()]
    if differ.any():
        index = next(iter(columns.values())).index
        rows = ", ".join(map(repr, index[differ][:MOST_ROWS].tolist()))
        more = ", ..." if differ.sum() > MOST_ROWS else ""
        one, alone = differ.sum() == 1, len(lacking) == 1
        raise CourseError(
            f"{count(int(differ.sum()), 'row')} (index {rows}{more}) {'has' if one else 'have'} some of the "
            f"plausible values and not the others: {listing(lacking)} {'lacks' if alone else 'lack'} values "
            "where others have them. All fits must be to the same rows: complete the plausible values, or "
            f"leave these rows out with data.dropna(subset={lacking!r})"
        )
