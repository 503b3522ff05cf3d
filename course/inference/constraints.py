"""Linear constraints on the fixed effects, read from text or from a matrix."""

from __future__ import annotations

import re

import numpy as np
import patsy

from course.common.nearest import nearest
from course.design.aliasing import Aliased
from course.design.design import Design
from course.errors import CourseError
from course.fit.generalised import MixedGLMFit
from course.fit.model import MixedFit
from course.fit.survey import SurveyFit

MAX_CONSTRAINT = 2000  # characters
MANY_SIGNS = re.compile(r"(?:[-+(]\s*){50}")


def read_constraints(text: str, design: Design) -> tuple[np.ndarray, np.ndarray]:
    """L and the values of L beta; patsy reads names, numbers and + - * / = , ( ) only."""
    names = list(design.fixed_names)
    if not text.strip():
        raise CourseError("no constraint: write one such as 'age = 0'")
    if len(text) > MAX_CONSTRAINT:
        raise CourseError(f"constraints of more than {MAX_CONSTRAINT:,} characters: pass a matrix")
    if MANY_SIGNS.search(text):  # how deep Python may go is no measure: packages change it
        raise CourseError(
            f"constraints {text[:40]!r}... cannot be read: write one sign before a number or name"
        )
    try:
        with np.errstate(all="ignore"):
            found = patsy.DesignInfo(names).linear_constraint(text)
    except (patsy.PatsyError, RecursionError, IndexError) as error:
        _refuse_unknown_names(text, names, design.aliased)
        reason = str(error).splitlines()[0]
        raise CourseError(
            f"constraints {text!r} cannot be read ({reason}): write them as 'age = 0, 2 * age = 6'"
        ) from error
    L, values = found.coefs, found.constants[:, 0]
    if not (np.isfinite(L).all() and np.isfinite(values).all()):
        raise CourseError(
            f"constraints {text!r}: a number is too large, or something is divided by 0"
        )
    return L, values


def _refuse_unknown_names(text: str, names: list[str], aliased: Aliased) -> None:
    for word in re.findall(r"[^\W\d](?:\[[^\]]*\]|[\w.:])*", text):
        word = word.rstrip(".:")
        if word in names:
            continue
        if word in aliased.names:
            raise CourseError(f"{word} has no estimate. {aliased.reason(word)}") from None
        turned = [n for n in names if sorted(n.split(":")) == sorted(word.split(":"))]
        mend = f"; did you mean '{turned[0]}'?" if turned else nearest(word, names)
        mend = mend or f"; there are {', '.join(names)}"
        raise CourseError(f"no coefficient is called '{word}'{mend}") from None


def read_matrix(matrix: object, names: list[str]) -> np.ndarray:
    """L as an array, (constraints, coefficients)."""
    try:
        L = np.atleast_2d(np.asarray(matrix, dtype=float))
    except (TypeError, ValueError):
        L = np.empty((0, 0))
    if L.ndim != 2 or len(L) == 0 or L.shape[1] != len(names) or not np.isfinite(L).all():
        raise CourseError(
            "constraints are text such as 'age = 0', or a matrix of finite numbers with one column "
            f"for each of the {len(names)} coefficients: {', '.join(names)}"
        )
    return L


def check_independent(L: np.ndarray, fit: MixedFit | MixedGLMFit | SurveyFit) -> None:
    """Raise where a row of L is 0, or follows from the other rows."""
    sizes = np.abs(L).max(axis=1)
    if (sizes == 0).any():
        raise CourseError("a row of the constraints' matrix is 0 throughout: leave it out")
    L = L / sizes[:, None]
    V = L @ fit.estimates.cov_beta @ L.T
    sizes = np.sqrt(np.diagonal(V))
    if np.linalg.eigvalsh(V / np.outer(sizes, sizes))[0] < 1e-10:
        raise CourseError(
            "one constraint follows from the others, or contradicts them: leave it out"
        )
