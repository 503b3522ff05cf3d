"""What the playground's page shows of a table and a formula, piece by piece, as plain values for JSON.

The page hands over a request (`reply`) and gets each piece when it is ready. What is here knows nothing of
the page: `described`, `first_formula` and `pieces` take a table and what was chosen, and work in any Python.
"""

import base64
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd

from course import (
    CourseError,
    MixedGLMFit,
    diagnose,
    load,
    mixedglm,
    mixedlm,
    plots,
    propose,
    read_table,
    report,
    structure,
    translate,
)
from course.formula.parse import variables_of_response

# What a visitor without data begins with: response, predictors, groups.
EXAMPLES = {
    "pupils": ("test_score", ["age", "sex"], ["classroom", "school", "province"]),
    "pupils_three_years": ("test_score", ["age"], ["student_id", "classroom", "school"]),
    "chem97": ("score", ["gcsescore"], ["school", "lea"]),
    "exam": ("normexam", ["standLRT", "sex"], ["school"]),
    "scotssec": ("attain", ["verbal", "sex"], ["primary", "second"]),
    "egsingle": ("math", ["year"], ["childid", "schoolid"]),
}
NEEDS = (
    "This needs the course, whose README says how to install it, and the data in the same folder."
)
SECONDS_FOR_INFLUENCE = 1.0  # natively; in a browser, five times as long
OF_STRUCTURE = {
    "levels": "groups",
    "fewest": "fewest rows",
    "median": "median",
    "most": "most rows",
    "lies_in": "lies in",
    "restarts_in": "labels restart in",
}


@dataclass(frozen=True)
class Source:
    """Where a table comes from.

    Attributes
    ----------
    name : str
        Of a data set of the course, or of a file.
    is_file : bool
    """

    name: str
    is_file: bool

    def read(self) -> pd.DataFrame:
        """The table."""
        return read_table(self.name) if self.is_file else load(self.name)

    @property
    def reader(self) -> str:
        """The function that reads it."""
        return "read_table" if self.is_file else "load"

    @property
    def code(self) -> str:
        """Python that reads it."""
        return f"{self.reader}({quoted(self.name)})"


@dataclass(frozen=True)
class Picture:
    """A picture of a fit: its heading, the function of `course.plots`, and what that takes beside the fit."""

    title: str
    function: str
    arguments: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The call."""
        return f"plots.{self.function}({', '.join(['fit', *map(quoted, self.arguments)])})"

    def draw(self, fit) -> dict:
        """Heading, PNG in base64 and alternative text; or why there is no such picture of this fit."""
        try:
            drawn = getattr(plots, self.function)(fit, *self.arguments)
        except CourseError as error:
            return {"title": self.title, "why_not": str(error)}
        alt = plots.alt_text(drawn)
        figure = (drawn if hasattr(drawn, "figure") else drawn.ravel()[0]).figure
        page = io.BytesIO()
        figure.savefig(page, format="png", dpi=110, bbox_inches="tight")
        plt.close(figure)
        return {"title": self.title, "png": base64.b64encode(page.getvalue()).decode(), "alt": alt}


# ---- the table -------------------------------------------------------------------------------------------


def described(data: pd.DataFrame, source: Source) -> dict:
    """Rows, columns with what is in them, how it was read, how groups seem to lie, what to begin with."""
    columns = [
        {
            "name": name,
            "number": bool(pd.api.types.is_numeric_dtype(data[name])),
            "labels": can_be_labels(data[name]),
            "values": int(data[name].nunique()),
            "missing": int(data[name].isna().sum()),
            "first": [str(value) for value in data[name].head(3)],
        }
        for name in data.columns.astype(str)
    ]
    found = {"rows": len(data), "columns": columns, "notes": list(data.attrs.get("notes", []))}
    try:
        lies = structure(data)
    except CourseError as error:
        found |= {"groups": [], "warnings": [str(error)]}
    else:
        found |= {
            "groups": groups_of(lies),
            "structure": structure_table(lies),
            "warnings": lies.warnings,
        }
    if not source.is_file:
        response, predictors, groups = EXAMPLES[source.name]
        found["example"] = {"response": response, "predictors": predictors, "groups": groups}
    return found


def can_be_labels(column: pd.Series) -> bool:
    """Whether rows can be grouped by it: it has several values, not one for each row, and no fractions."""
    values = column.dropna()
    if not 1 < values.nunique() < len(values):
        return False
    return not pd.api.types.is_float_dtype(values) or bool((values % 1 == 0).all())


def groups_of(lies) -> list[str]:
    """The columns that can be groups, those with one row per level left out; largest groups last."""
    return [name for name, row in lies.groups.iterrows() if row["most"] > 1][::-1]


def structure_table(lies) -> str:
    """A line for each grouping column: how many groups, how large, how they lie in others."""
    table = lies.groups[list(OF_STRUCTURE)].rename(columns=OF_STRUCTURE)
    table["median"] = [f"{value:g}" for value in table["median"]]
    table.insert(0, "column", table.index)
    return table_html(table)


def table_html(table: pd.DataFrame) -> str:
    """A table of few rows, the first column naming each."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in table.columns)
    rows = []
    for first, *cells in table.astype(str).to_numpy():
        named = f'<th scope="row">{html.escape(first)}</th>'
        rows.append(f"<tr>{named}{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def first_formula(
    data: pd.DataFrame, response: str, predictors: list[str], groups: list[str]
) -> dict:
    """A formula for what was chosen, the reason of each decision, and slopes that could vary."""
    if not groups:
        raise CourseError(
            "No groups are chosen: tick the column whose labels say which rows belong together"
        )
    proposal = propose(data, response, predictors, groups)
    return {"formula": proposal.formula, "reasons": proposal.reasons, "slopes": proposal.slopes}


# ---- the model -------------------------------------------------------------------------------------------


def pieces(
    data: pd.DataFrame, source: Source, formula: str, family: str = "gaussian"
) -> Iterator[tuple[str, dict]]:
    """All that is to be said of a formula on a table, in the order in which one should look.

    Yields
    ------
    name : str
        groups, model, code, summary, picture (four times), findings, report, files.
    piece : dict
        Texts, HTML, LaTeX.

    Raises
    ------
    CourseError
        Where formula or table are not as they should be.
    """
    translation = translate(formula, data, family=family)
    design = translation.design
    said = sections(translation.explain())
    lies = structure(
        data, list(dict.fromkeys(name for g in design.groupings for name in g.factors))
    )
    yield (
        "groups",
        {
            "table": structure_table(lies),
            "sentences": [*said.get("How the groups lie", []), *lies.warnings],
        },
    )
    yield (
        "model",
        {
            "readings": said.get("How R's spelling was read", []),
            "sentences": said["In words"],
            "latex": translation.latex,
            "notes": list(translation.notes),
        },
    )
    if family == "gaussian":
        yield "code", {"code": translation.code, "gaps": list(translation.gaps)}
        fit = mixedlm(formula, data).fit()
    else:
        yield "code", {"code": translation.code, "gee_code": translation.gee_code}
        fit = mixedglm(formula, data, family=family).fit()
    yield "summary", {"html": fit.summary()._repr_html_(), "text": str(fit.summary())}
    album = []
    for picture in pictures(fit, data):
        piece = picture.draw(fit)
        yield "picture", piece
        if "png" in piece:
            album.append(picture)
    found = diagnose(fit, solvers=False, seconds=SECONDS_FOR_INFLUENCE)
    yield "findings", {"html": found._repr_html_()}
    yield "report", {"text": report(fit)}
    made_of = (source, str(design.formula), family, album)
    yield "files", {"script": script(*made_of), "notebook": notebook(*made_of)}


def sections(explanation: str) -> dict[str, list[str]]:
    """What `Translation.explain` says, by its headings; each item on one line."""
    found = {}
    for part in explanation.split("\n\n"):
        title, *items = re.split(r"^ {2}(?:- )?(?=\S)", part, flags=re.MULTILINE)
        found[title.strip()] = [" ".join(item.split()) for item in items]
    return found


def pictures(fit, data: pd.DataFrame) -> list[Picture]:
    """Four that suit the fit: its variances, the largest groups, what a predictor does, what is left."""
    largest, formula = min(fit.n_groups, key=fit.n_groups.get), fit.design.formula
    sloping = [g for g in fit.design.groupings if "Intercept" in g.effects and len(g.effects) > 1]
    responses = variables_of_response(formula.response)
    predictors = [name for name in formula.variables if name in data and name not in responses]
    numeric = [name for name in predictors if pd.api.types.is_numeric_dtype(data[name])]
    found = [
        Picture(
            f"How intercepts and slopes of {sloping[0].name} go together",
            "intercept_slope",
            (
                sloping[0].name,
                next(effect for effect in sloping[0].effects if effect != "Intercept"),
            ),
        )
        if sloping
        else Picture("How much lies at each level", "variance_shares"),
        Picture(f"The effect of each {largest}, with its interval", "caterpillar", (largest,)),
    ]
    if numeric:
        found.append(
            Picture(f"{numeric[0]} in some levels of {largest}", "lines", (numeric[0], largest))
        )
    elif predictors:
        found.append(Picture(f"Adjusted means of {predictors[0]}", "means", (predictors[0],)))
    elif not isinstance(fit, MixedGLMFit):
        found.append(Picture("Are residuals and effects normal?", "qq"))
    if not isinstance(fit, MixedGLMFit):
        found.append(Picture("Is the spread of the residuals even?", "residuals"))
    elif numeric:
        found.append(
            Picture(f"Predictions along {numeric[0]}", "predictions", (numeric[0], largest))
        )
    elif predictors:
        found.append(
            Picture(f"Differences between levels of {predictors[0]}", "contrasts", (predictors[0],))
        )
    return found


# ---- to take home ----------------------------------------------------------------------------------------


def analysis(
    source: Source,
    formula: str,
    family: str,
    drawing: list[str],
    more_imports: tuple[str, ...] = (),
) -> dict[str, list[str]]:
    """The analysis as Python, step by step; `drawing` are the lines that make its pictures."""
    function = "mixedlm" if family == "gaussian" else "mixedglm"
    told = "" if family == "gaussian" else f', family="{family}"'
    names = ["diagnose", *sorted([function, source.reader]), "plots", "report", "structure"]
    return {
        "The data": [
            "import textwrap",
            "",
            *more_imports,
            f"from course import {', '.join(names)}",
            "",
            f"data = {source.code}",
            "print(structure(data))",
        ],
        "The fit": [
            f"fit = {function}({quoted(formula)}, data{told}).fit()",
            "print(fit.summary())",
        ],
        "Pictures": drawing,
        "Is the fit to be trusted?": ["print(diagnose(fit))"],
        "What to report": ["print(textwrap.fill(report(fit), 95))"],
    }


def script(source: Source, formula: str, family: str, album: list[Picture]) -> str:
    """The analysis as a file for ``python analysis.py``; its pictures go into files beside it."""
    drawing = [
        *(picture.code for picture in album),
        "for number in plt.get_fignums():",
        '    plt.figure(number).savefig(f"picture-{number}.png", dpi=150, bbox_inches="tight")',
    ]
    steps = analysis(source, formula, family, drawing, ("import matplotlib.pyplot as plt", ""))
    parts = [
        f"# {formula}",
        f"# {NEEDS}",
        "",
        *("\n".join([f"# {title}", *lines, ""]) for title, lines in steps.items()),
    ]
    return "\n".join(parts)


def notebook(source: Source, formula: str, family: str, album: list[Picture]) -> str:
    """The analysis as a notebook of Jupyter that nothing has run yet."""
    drawing = [f"plots.show({picture.code})" for picture in album]
    cells = [cell("markdown", 0, f"# The model `{formula}`\n\n{NEEDS}")]
    for title, lines in analysis(source, formula, family, drawing).items():
        cells.append(cell("markdown", len(cells), f"## {title}"))
        cells.append(cell("code", len(cells), "\n".join(lines)))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def quoted(text: str) -> str:
    """A text as Python has it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def cell(kind: str, number: int, source: str) -> dict:
    """A cell of a notebook."""
    of_code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source, **of_code}


# ---- requests --------------------------------------------------------------------------------------------

_open: dict = {}  # the table that was asked for last, and its source


def reply(request: str, tell: Callable[[dict], None]) -> None:
    """Do what the page asks for, and tell it each piece; what is wrong with the request, in our words.

    Parameters
    ----------
    request : str
        JSON with ``do`` ("open", "propose" or "analyse"), ``source`` (``name``, ``is_file``, and a ``stamp``
        that is another one for another file of this name), and what the function takes.
    tell : callable
        Is given each piece, with its name as ``piece``; where something is wrong,
        ``{"piece": "problem", "text": ...}``.
    """
    asked = json.loads(request)
    try:
        for name, piece in answers(asked.pop("do"), asked.pop("source"), asked):
            tell({"piece": name, **piece})
    except CourseError as error:
        tell({"piece": "problem", "text": str(error)})


def answers(do: str, source: dict, chosen: dict) -> Iterator[tuple[str, dict]]:
    """The pieces of one request."""
    if do == "open" or _open.get("asked") != source:
        _open.clear()
        found = Source(source["name"], source["is_file"])
        _open.update(data=found.read(), source=found, asked=source)
    data = _open["data"]
    if do == "open":
        yield "table", described(data, _open["source"])
    elif do == "propose":
        yield "proposal", first_formula(data, **chosen)
    else:
        yield from pieces(data, _open["source"], **chosen)
