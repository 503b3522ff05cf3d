"""One design for several responses: plausible values, which differ in y alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from course.common.wording import count, listing
from course.design.checks import check_response, refuse_text
from course.design.columns import find_columns, is_number, missing_rows, model_column
from course.design.design import Design, build_design, reasons_of, titles_of
from course.design.matrices import Codings
from course.errors import CourseError
from course.formula.expressions import column_code
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
    gaps = _same_gaps(columns)
    first = build_design(formula, data, weights)
    used = find_columns(data, formula.columns).values()
    keep = ~np.logical_or.reduce([missing_rows(column) for column in used])
    usual, *others = (
        _Response(text, name, columns[name][keep])
        for text, name in zip(responses, names, strict=True)
    )
    ys = _values(first, others)
    return [
        first,
        *(
            _with_response(first, usual, other, y, data, gaps)
            for other, y in zip(others, ys, strict=True)
        ),
    ]


@dataclass(frozen=True)
class _Response:
    """A response in patsy's language, and the column in which it differs from others, complete rows only."""

    text: str
    name: str
    column: pd.Series


def _values(first: Design, responses: Sequence[_Response]) -> list[np.ndarray]:
    """What each response is in the rows of the design, (n,); patsy passes over the data once for all."""
    texts = [response.text for response in responses]
    if all(one.text == column_code(one.name) and is_number(one.column) for one in responses):
        plain = [model_column(one.column, keep_whole=False) for one in responses]
        return [np.array(column, dtype=float) for column in plain]
    side_by_side = replace(
        first.formula,
        response=texts[0],
        fixed=f"0 + {' + '.join(texts)}",
        random=(),
        offset="",
        fixed_variables=variables_of(" + ".join(texts)),
    )
    columns = first.columns | {response.name: response.column for response in responses}
    X = Codings(side_by_side, columns).matrices(first.index)[2]
    if X.shape[1] > len(responses):
        labelled = [r for r in responses if not is_number(r.column)] or responses
        refuse_text(replace(side_by_side, response=labelled[0].text), columns)
    return [column.copy() for column in X.T]


def _with_response(
    first: Design,
    usual: _Response,
    other: _Response,
    y: np.ndarray,
    data: pd.DataFrame,
    gaps: np.ndarray,
) -> Design:
    """The first design with another response, whose column stands in the place of the usual one."""

    def renamed(values: dict) -> dict:
        return {other.name if key == usual.name else key: at for key, at in values.items()}

    check_response(y - first.offset, other.text)
    variables = tuple(renamed(dict.fromkeys(first.formula.fixed_variables)))
    formula = replace(first.formula, response=other.text, fixed_variables=variables)
    reasons = {key: counts for key, counts in first.reasons.items() if key != usual.name}
    if gaps.any():
        reasons |= reasons_of(data, {other.name: gaps})
    return replace(
        first,
        formula=formula,
        y=y,
        columns=renamed(first.columns) | {other.name: other.column},
        missing=renamed(first.missing),
        reasons=reasons,
        titles={key: title for key, title in first.titles.items() if key != usual.name}
        | titles_of(data, (other.name,)),
    )


def _same_gaps(columns: dict[str, pd.Series]) -> np.ndarray:
    """Where all of the columns lack values, (n,); rows that have only some are refused."""
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
    return gaps[0]
