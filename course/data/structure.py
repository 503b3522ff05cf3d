"""How the groups of a table lie, and which formula that suggests: for data one meets the first time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course.errors import CourseError
from course.formula.expressions import column_code
from course.formula.terms import as_written

CATEGORY = 5  # text with at most so many labels is taken for a category such as sex, not for groups
LABEL_NAME = re.compile(
    r"((^|_)(id|nr|no|code|label)|id|school|class|classroom|room|teacher|pupil|student|child|province"
    r"|region|district|site|ward|hospital|patient|subject|participant|item|firm|team)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Structure:
    """How the groups of a table lie.

    Attributes
    ----------
    groups : DataFrame
        One row for each grouping column: ``levels``; rows per level (``fewest``, ``median``,
        ``most``); ``missing`` labels; ``lies_in`` (the columns it is nested in); ``restarts_in`` (the
        columns in each of whose levels its labels are used again, largest groups first).
    relations : DataFrame
        One row for each pair: ``how`` the one lies in the other, ``nested``, ``restarting``,
        ``partly nested``, ``the same`` or ``crossed``.
    warnings : list of str
        What to look at before a model is fitted: how groups lie, how the file was read, codes that look
        like missing values, repeated measures side by side (with the call that makes rows of them).
    undecided : list of (str, str)
        Pairs of columns of which the one is taken to restart in the other, though neither the data
        nor the names tell which of them in which.

    See Also
    --------
    course.structure : Makes it.
    course.propose : A formula from it.

    Examples
    --------
    >>> from course import load, structure
    >>> found = structure(load("pupils"))
    >>> found.relations
           group        in     how
    0     school  province  nested
    1  classroom  province  nested
    2  classroom    school  nested
    >>> found.warnings
    ['student_id has one row per level: no random effect, it is the residual.']
    """

    groups: pd.DataFrame
    relations: pd.DataFrame
    warnings: list[str]
    undecided: list[tuple[str, str]]

    def __repr__(self) -> str:
        parts = [self.groups.to_string()]
        if len(self.relations):
            parts.append(self.relations.to_string(index=False))
        parts += [f"- {warning}" for warning in self.warnings]
        return "\n\n".join(parts)


def structure(data: pd.DataFrame, groups: Sequence[str] | None = None) -> Structure:
    """Count groups, and say how each pair of them lies.

    Parameters
    ----------
    data : DataFrame
        One row per observation.
    groups : list of str, optional
        The columns that put rows into groups. Where left out they are guessed: columns of text with
        more than five labels, and whole numbers with a name like ``school`` or ``id``. Where labels
        restart, the data do not say whether in every school or in every classroom; names like these
        do, and where names do not, the column listed first is taken for the larger groups.

    Returns
    -------
    Structure
        Prints as text; its tables are ``.groups`` and ``.relations``.

    Raises
    ------
    CourseError
        For a column that is not there, or where no column looks like a grouping.

    See Also
    --------
    propose : A formula from it.
    course.plots.crosstab : How the labels of two columns meet, as a picture.
    read_table : Reads labels as text, so that 01 and 1 stay two.

    Examples
    --------
    >>> from course import load
    >>> structure(load("pupils")).groups[["levels", "fewest", "most", "lies_in"]]
                levels  fewest  most           lies_in
    province        12     172   253
    school          60      21    64          province
    classroom      190       9    17  province, school
    student_id    2494       1     1
    """
    from course.data.oddities import oddities  # in functions: `load` needs no patsy
    from course.design.columns import check_frame, find_columns
    from course.design.groups import relation

    data = check_frame(data)
    names = guessed_groups(data) if groups is None else list(dict.fromkeys(named(groups)))
    columns = find_columns(data, names)
    labels = {name: pd.factorize(column)[0] for name, column in columns.items()}
    for name, codes in labels.items():
        if codes.max(initial=-1) < 1:
            raise CourseError(f"'{name}' has only one label: it puts all rows into one group")
    place = {name: i for i, name in enumerate(names)}
    names = sorted(names, key=lambda name: labels[name].max())
    pairs, undecided = [], []
    for i, outer in enumerate(names):
        for inner in names[i + 1 :]:
            if np.bincount(labels[inner] + 1)[1:].max() > 1:  # one row each: in all there is
                one, other = sorted((outer, inner), key=place.__getitem__)
                pair = relation(one, labels[one], other, labels[other], listed=groups is not None)
                pairs.append((pair.inner, pair.outer, pair.how))
                if pair.both:
                    undecided.append((pair.inner, pair.outer))
    relations = pd.DataFrame(pairs, columns=["group", "in", "how"])
    counts = pd.DataFrame(
        [_row(name, labels[name], relations) for name in names], index=pd.Index(names)
    )
    warnings = _warnings(counts, relations, columns)
    warnings += [f"For {a} and {b} {other_reading(a, b)}." for a, b in undecided]
    warnings += [*data.attrs.get("notes", ()), *oddities(data, names)]
    return Structure(counts, relations, warnings, undecided)


# -- columns ---------------------------------------------------------------------------------


def named(names: Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def guessed_groups(data: pd.DataFrame) -> list[str]:
    """Columns that look as if they put rows into groups."""
    names = []
    for name in data.columns:
        if not isinstance(name, str) or (data.columns == name).sum() > 1:
            continue
        column = data[name]
        count = column.nunique()
        if pd.api.types.is_bool_dtype(column):
            looks = False
        elif _is_whole(column):
            looks = count > 2 and bool(LABEL_NAME.search(name))
        elif pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            looks = False
        else:
            looks = count > CATEGORY or (count > 2 and bool(LABEL_NAME.search(name)))
        if looks:
            names.append(name)
    if not names:
        raise CourseError(
            "no column looks like a group (text with more than five labels, or whole numbers called "
            "something like school or id): name them, groups=['school', 'classroom']"
        )
    return names


def _is_whole(column: pd.Series) -> bool:
    """Whole numbers, which a column with gaps may hold as 1.0, 2.0."""
    if not pd.api.types.is_numeric_dtype(column):
        return False
    return bool((column.dropna() % 1 == 0).all())


# -- pairs -----------------------------------------------------------------------------------


def _one_row_each(columns: dict, inner: str, outer: str) -> bool:
    """Whether a pair of labels hardly ever has a second row."""
    both = pd.DataFrame({0: columns[inner], 1: columns[outer]}).dropna()
    return bool(both.duplicated().mean() < 0.05)


def _row(name: str, codes: np.ndarray, relations: pd.DataFrame) -> dict:
    rows = np.bincount(codes[codes >= 0])
    mine = relations[relations["group"] == name]
    return {
        "levels": len(rows),
        "fewest": int(rows.min()),
        "median": float(np.median(rows)),
        "most": int(rows.max()),
        "missing": int((codes < 0).sum()),
        "lies_in": ", ".join(mine.loc[mine["how"] == "nested", "in"]),
        "restarts_in": ", ".join(restarts_in(name, relations)),
    }


def restarts_in(name: str, relations: pd.DataFrame) -> list[str]:
    """The columns that name a group of this one together with it, largest groups first.

    Of two in which its labels are used again, the one that holds the other says nothing more.
    """

    def pairs(how: str) -> set[tuple[str, str]]:
        rows = relations[relations["how"] == how]
        return set(zip(rows["group"], rows["in"], strict=True))

    restarting = pairs("restarting")
    restarting_in = relations.loc[
        (relations["group"] == name) & (relations["how"] == "restarting"), "in"
    ].to_list()
    held = {outer for inner, outer in pairs("nested") if inner in restarting_in}
    held |= {twin for twin, kept in pairs("the same") if kept in restarting_in}
    needed = [column for column in restarting_in if column not in held]
    return sorted(needed, key=lambda one: sum((one, other) in restarting for other in needed))


def other_reading(inner: str, outer: str) -> str:
    """What to do where it is the outer one that restarts."""
    return (
        f"the data allow the other reading as well: if the labels of {outer} are the ones that begin "
        f"again in every {inner}, list {inner} before {outer} in groups="
    )


def _warnings(groups: pd.DataFrame, relations: pd.DataFrame, columns: dict) -> list[str]:
    from course.design.columns import label_kind
    from course.design.groups import FEW_LEVELS

    warnings = []
    for name, row in groups.iterrows():
        above = restarts_in(name, relations)
        if above:
            pair = ":".join(as_written(column) for column in [*above, name])
            warnings.append(
                f"The labels of {name} are used again in every {above[-1]}. If they mean other groups "
                f"there, write (1 | {pair}), not (1 | {as_written(name)})."
            )
        if row["most"] == 1:
            warnings.append(f"{name} has one row per level: no random effect, it is the residual.")
        elif row["levels"] < FEW_LEVELS and not above:
            warnings.append(
                f"{name} has {row['levels']} levels: a variance of so few is hardly known."
            )
        elif (row["fewest"] == 1) and row["median"] <= 2:
            warnings.append(f"Half of the levels of {name} have at most two rows.")
        if row["missing"]:
            warnings.append(
                f"{row['missing']:,} rows have no label of {name}; a model with it leaves them out."
            )
    for _, row in relations.iterrows():
        if row["how"] == "partly nested":
            warnings.append(
                f"Some {row['group']} lie in several {row['in']}: did they move, or was a label used "
                "twice?"
            )
        elif row["how"] == "crossed" and _one_row_each(columns, row["group"], row["in"]):
            warnings.append(
                f"Each pair of {row['in']} and {row['group']} has one row. If {row['group']} only "
                f"numbers the rows inside each {row['in']}, it is not a group: leave it out."
            )
        elif row["how"] == "the same":
            warnings.append(f"{row['group']} and {row['in']} are the same groups: keep one term.")
    numbers = [name for name, column in columns.items() if label_kind(column) == "number"]
    if numbers:
        warnings.append(
            f"The labels of {', '.join(numbers)} are numbers. In plain statsmodels write "
            f"C({column_code(numbers[0])}), or it will fit a slope to them."
        )
    return warnings
