"""y, X and each Z: patsy is asked here and nowhere else, apart from how it reads a formula."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import pandas as pd
import patsy

from course.common.memory import in_batches
from course.common.nearest import shortened
from course.design.checks import check_interactions, check_size
from course.design.columns import check_frame, find_columns, missing_rows, model_column, new_column
from course.design.patsy_errors import in_words
from course.design.transforms import NAMESPACE
from course.errors import CourseError
from course.formula.expressions import STATEFUL
from course.formula.parse import effect_terms, terms_of, variables_of
from course.formula.terms import Formula, RandomTerm

# functions of which knots, means and limits are taken from all rows
REMEMBERING = STATEFUL - {"as_numeric"}
# Missing rows are gone by then; a new NaN is reported below. With "drop", patsy would copy all rows.
KEEP_ALL = patsy.NAAction(on_NA="raise", NA_types=[])
MOST_NAMED = 4  # columns in a message
LONGEST_LIST = 120  # characters of effects in a message


@dataclass(frozen=True)
class RandomBlock:
    """Effects that are correlated with each other: a random term, or one effect of a term with ||.

    Attributes
    ----------
    term : RandomTerm
    effects : tuple of patsy's terms
    """

    term: RandomTerm
    effects: tuple[patsy.desc.Term, ...]

    @property
    def formula(self) -> str:
        """The effects in patsy's language."""
        if self.term.correlated:
            return self.term.effects
        name = self.effects[0].name()
        return "1" if name == "Intercept" else f"0 + {name}"


def random_blocks(formula: Formula) -> tuple[RandomBlock, ...]:
    """The blocks of a formula, in its order."""
    blocks = []
    for term in formula.random:
        effects = effect_terms(term.effects)
        if not effects:
            raise CourseError(f"{term} lets nothing vary: write (1|{term.written_group})")
        if term.correlated:
            blocks.append(RandomBlock(term, tuple(effects)))
        else:
            blocks += [RandomBlock(term, (effect,)) for effect in effects]
    return tuple(blocks)


@dataclass(frozen=True, eq=False)
class CodedFactor:
    """A factor of some columns of a matrix: a column of the data, or a function of columns.

    Attributes
    ----------
    name : str
        As the formula has it.
    n_columns : int
    levels : tuple
        The labels; none for a factor that holds numbers.
    contrasts : ndarray of shape (levels, n_columns), or None
        The row of each level; None for a factor that holds numbers.
    """

    name: str
    n_columns: int
    levels: tuple = ()
    contrasts: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Coding:
    """How one matrix is made: what patsy remembers of the rows that it has seen.

    Attributes
    ----------
    formula : str
        What the columns are made of, in patsy's language.
    info : patsy.DesignInfo
    """

    formula: str
    info: patsy.DesignInfo

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.info.column_names)

    @property
    def terms(self) -> dict[str, slice]:
        """For each term its columns."""
        return dict(self.info.term_name_slices)

    @property
    def products(self) -> list[list[CodedFactor]]:
        """The factors that are multiplied, for one run of columns after the other.

        A run has a column for each combination of its factors' columns, those of the first factor
        turning fastest. An intercept is a run without factors.
        """
        runs = [subterm for subterms in self.info.term_codings.values() for subterm in subterms]
        return [[self._factor(factor, run) for factor in run.factors] for run in runs]

    @property
    def by_level(self) -> dict[str, list[CodedFactor]]:
        """For each term its factors, those of labels with one column for each level."""
        found = {}
        for term in self.info.terms:
            infos = [(factor.name(), self.info.factor_infos[factor]) for factor in term.factors]
            found[term.name()] = [
                CodedFactor(name, info.num_columns)
                if info.type == "numerical"
                else CodedFactor(
                    name, len(info.categories), tuple(info.categories), np.eye(len(info.categories))
                )
                for name, info in infos
            ]
        return found

    def _factor(self, factor: patsy.EvalFactor, run: patsy.SubtermInfo) -> CodedFactor:
        info = self.info.factor_infos[factor]
        if factor not in run.contrast_matrices:
            return CodedFactor(factor.name(), info.num_columns)
        contrasts = run.contrast_matrices[factor].matrix
        return CodedFactor(factor.name(), contrasts.shape[1], tuple(info.categories), contrasts)

    def made_of(self, column: int) -> list[tuple[CodedFactor, int]]:
        """The factors whose product a column is, and which of their own columns enter it.

        Examples
        --------
        >>> from course.formula.parse import parse_formula
        >>> data = {"y": pd.Series([3.0, 4, 6, 5]), "age": pd.Series([8.0, 9, 10, 9]),
        ...         "sex": pd.Series(["f", "m", "f", "m"])}
        >>> X = Codings(parse_formula("y ~ age*sex"), data).X
        >>> X.names[3], [(factor.name, own) for factor, own in X.made_of(3)]
        ('age:sex[T.m]', [('age', 0), ('sex', 0)])
        """
        for run in self.products:
            n_columns = prod(factor.n_columns for factor in run)
            if column < n_columns:
                break
            column -= n_columns
        entering = []
        for factor in run:
            column, own = divmod(column, factor.n_columns)
            entering.append((factor, own))
        return entering


@dataclass(frozen=True, eq=False)
class Codings:
    """How y, X and each Z are made of columns like these: the levels, knots and means to keep.

    Attributes
    ----------
    formula : Formula
    columns : dict of str to Series
        The complete rows of every column used, from which levels, knots and means are taken.
    learnt : list of dict, optional
        For each of y, X, each Z and an offset what its functions with a memory have seen: knots and means
        of more rows than those of `columns`.
    """

    formula: Formula
    columns: dict[str, pd.Series]
    learnt: list[dict] | None = None

    def __reduce__(self) -> tuple:
        """patsy's objects cannot be stored; they are made again when first needed."""
        return Codings, (self.formula, self.columns, self.learnt)

    def learning_from(self, batches: Callable[[], Iterator[pd.DataFrame]]) -> Codings:
        """The same, with the means, knots and limits of all these rows and not of `columns` alone.

        Parameters
        ----------
        batches : callable
            Each call begins anew with frames of complete rows; patsy asks for them as often as its
            functions need them.
        """
        if not self.formula.names & REMEMBERING:
            return self

        def variables() -> Iterator[dict]:
            for frame in batches():
                if len(frame):
                    yield {
                        name: new_column(frame[name], self.columns[name], self._keeps_whole(name))
                        for name in self.variables
                    }

        learnt = [_memory(info) for info in _learn(self._terms[1], variables)]
        return Codings(self.formula, self.columns, learnt)

    def _keeps_whole(self, name: str) -> bool:
        return name in self.formula.categorical

    @cached_property
    def blocks(self) -> tuple[RandomBlock, ...]:
        return random_blocks(self.formula)

    @cached_property
    def variables(self) -> dict[str, np.ndarray | pd.Series | pd.Categorical]:
        """The columns that enter y, X or a Z (a grouping factor alone does not), as patsy takes them."""
        return {
            name: model_column(self.columns[name], self._keeps_whole(name))
            for name in self.formula.variables
        }

    @property
    def y(self) -> Coding:
        return self._all[0]

    @property
    def X(self) -> Coding:
        return self._all[1]

    @property
    def Z(self) -> tuple[Coding, ...]:
        """One for each of `blocks`."""
        return self._all[2 : 2 + len(self.blocks)]

    @property
    def offset(self) -> Coding | None:
        """That of the offset, one column; None where the formula has none."""
        return self._all[-1] if self.formula.offset else None

    @cached_property
    def _terms(self) -> tuple[list[str], list[list[patsy.desc.Term]]]:
        """What y, X, each Z and an offset are made of: as texts, and as patsy's terms."""
        formula, blocks = self.formula, self.blocks
        described = terms_of(f"{formula.response} ~ {formula.fixed}")
        termlists = [described.lhs_termlist, described.rhs_termlist]
        termlists += [list(block.effects) for block in blocks]
        texts = [formula.response, formula.fixed, *(block.formula for block in blocks)]
        if formula.offset:
            texts.append(f"I(1 * {formula.offset})")  # True is 1; labels are refused
            termlists.append(terms_of(f"0 + {texts[-1]}").rhs_termlist)
        return texts, termlists

    @cached_property
    def _all(self) -> tuple[Coding, ...]:
        """Those of y, X, each Z and an offset, which patsy makes in one pass over the data."""
        formula, blocks, variables = self.formula, self.blocks, self.variables
        texts, termlists = self._terms
        check_interactions((term for terms in termlists for term in terms), variables)
        infos = _learn(termlists, lambda: iter([variables]))
        for info, memory in zip(infos, self.learnt or (), strict=False):
            _remember(info, memory)
        codings = tuple(Coding(text, info) for text, info in zip(texts, infos, strict=True))
        if formula.offset and len(codings[-1].names) > 1:
            raise CourseError(
                f"offset{formula.offset} has {len(codings[-1].names)} columns: an offset is one number for "
                "each row"
            )
        for block, coding in zip(blocks, codings[2:], strict=False):
            if not block.term.correlated and len(coding.names) > 1:
                (whole,) = _learn([effect_terms(block.term.effects)], lambda: iter([variables]))
                _refuse_two_meanings(block, coding.names, tuple(whole.column_names))
        return codings

    def level_numbers(self, factor: patsy.EvalFactor) -> np.ndarray | None:
        """For each row the number of its level in a factor of X, (n,); None for one that holds numbers."""
        info = self.X.info.factor_infos[factor]
        if info.type != "categorical":
            return None
        labels = factor.eval(info.state, self.variables)
        return patsy.categorical.categorical_to_int(labels, info.categories, KEEP_ALL)

    def of_group(self, factors: tuple[str, ...]) -> list[Coding]:
        """Those of the blocks that vary by these groups, in the order of the formula."""
        return [
            coding
            for block, coding in zip(self.blocks, self.Z, strict=True)
            if set(block.term.group) == set(factors)
        ]

    def matrices(self, index: pd.Index) -> list[np.ndarray]:
        """y, offset, X and each Z, (n, columns) each, of the rows that everything was learnt from."""
        if self.offset is None:
            y, *rest = _matrices([self.y, self.X, *self.Z], self.variables, index)
            return [y, np.zeros((len(index), 1)), *rest]
        return _matrices([self.y, self.offset, self.X, *self.Z], self.variables, index)

    def new_matrix(self, coding: Coding, new: pd.DataFrame) -> np.ndarray:
        """The columns of X or of a Z for rows that were not in the fit, (m, columns).

        Parameters
        ----------
        coding : Coding
            `X`, or one of `Z`.
        new : DataFrame
            The new rows, m of them; a row with a missing value becomes a row of NaN.
        """
        columns = find_columns(check_frame(new), variables_of(coding.formula))
        missing = np.zeros(len(new), dtype=bool)
        for column in columns.values():
            missing = missing | missing_rows(column)
        matrix = np.full((len(new), len(coding.names)), np.nan)
        if missing.all():
            return matrix
        variables = {
            name: new_column(column[~missing], self.columns[name], self._keeps_whole(name))
            for name, column in columns.items()
        }
        (matrix[~missing],) = _matrices([coding], variables, new.index[~missing])
        return matrix


def _learn(
    termlists: list[list[patsy.desc.Term]], batches: Callable[[], Iterator[dict]]
) -> list[patsy.DesignInfo]:
    """What patsy remembers of these rows for each list of terms."""
    environment = patsy.EvalEnvironment([NAMESPACE])
    with np.errstate(all="ignore"):
        try:
            return patsy.build.design_matrix_builders(
                termlists, batches, environment, NA_action=KEEP_ALL
            )
        except Exception as error:  # patsy passes on whatever a transformation raises
            raise in_words(error, next(batches(), {})) from error


def _memory(info: patsy.DesignInfo) -> dict[str, dict[str, dict]]:
    """What the functions with a memory have seen, by factor and call, in a form that can be stored."""
    return {
        factor.name(): {
            call: dict(vars(seen)) for call, seen in found.state.get("transforms", {}).items()
        }
        for factor, found in info.factor_infos.items()
    }


def _remember(info: patsy.DesignInfo, memory: dict[str, dict[str, dict]]) -> None:
    """Give the functions with a memory what `_memory` has of others of their kind."""
    for factor, found in info.factor_infos.items():
        for call, seen in found.state.get("transforms", {}).items():
            vars(seen).update(memory[factor.name()][call])


def _refuse_two_meanings(
    block: RandomBlock, names: tuple[str, ...], whole: tuple[str, ...]
) -> None:
    """Refuse || beside an effect of several columns: are these correlated with each other?"""
    effect, term = block.effects[0].name(), block.term
    shown = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
    together = _terms(term, [effect.name() for effect in effect_terms(term.effects)])
    alone = _terms(term, [_as_effect(name) for name in whole])
    raise CourseError(
        f"{shortened(str(term))}: '{shortened(effect)}' has several columns ({shortened(shown)}), and || "
        "could mean two things. Correlated with each other, as lme4 reads it: "
        f"{together or 'a term (0 + effect|group) for each effect'}; all independent, as glmmTMB does: "
        f"{alone or 'make 0/1 columns and write each as (0 + column|group)'}"
    )


def _terms(term: RandomTerm, effects: list[str]) -> str:
    """A random term for each effect; "" where that is too long to be read, or one cannot be written."""
    if not all(effects) or len(effects) > 2 * MOST_NAMED or len("".join(effects)) > LONGEST_LIST:
        return ""
    texts = ["1" if effect == "Intercept" else f"0 + {effect}" for effect in effects]
    return " + ".join(str(RandomTerm(text, term.group)) for text in texts)


def _as_effect(column: str) -> str:
    """A column of a matrix as a formula may write it: ``f[T.b]`` as ``dummy(f, "b")``; "" where it cannot."""
    parts = re.split(r":(?![^\[]*\])", column)  # a:b, not f[T.a:b]
    if len(parts) > 1:
        written = [_as_effect(part) for part in parts]
        return ":".join(written) if all(written) else ""
    label = re.fullmatch(r"(\w+|Q\(.*\))\[(?:T\.)?(.*)\]", column)
    if label:
        return f"dummy({label[1]}, {json.dumps(label[2], ensure_ascii=False)})"
    return "" if "[" in column else column


def _matrices(codings: list[Coding], variables: dict, index: pd.Index) -> list[np.ndarray]:
    n = len(index)
    # intercepts alone, as x - x leaves one: patsy could not know how many rows
    if not any(coding.info.factor_infos for coding in codings):
        return [np.ones((n, len(coding.names))) for coding in codings]
    # (x|class) + (x|school) have one matrix: it is made once
    distinct = {(coding.formula, coding.names): coding for coding in codings}
    with np.errstate(all="ignore"):
        try:
            built = patsy.build_design_matrices(
                [coding.info for coding in distinct.values()], variables, NA_action=KEEP_ALL
            )
        except Exception as error:
            raise in_words(error, variables) from error
    matrices = {}
    for key, coding in distinct.items():
        matrix = _by_columns(built.pop(0))  # no longer held here, so that its rows are freed
        _check_finite(matrix, coding.names, index)
        check_size(matrix, coding.names)
        matrices[key] = matrix
    return [matrices[coding.formula, coding.names] for coding in codings]


def _by_columns(matrix: np.ndarray) -> np.ndarray:
    """The same with each column in one piece, as all that follows reads it."""
    made = np.empty(matrix.shape, order="F")
    # NumPy alone takes four times as long for millions of rows
    for rows in in_batches(*matrix.shape):
        made[rows] = matrix[rows]
    return made


def _check_finite(matrix: np.ndarray, names: tuple[str, ...], index: pd.Index) -> None:
    bad = ~np.isfinite(matrix)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise CourseError(
            f"{names[column]} is not a finite number in {bad[:, column].sum()} "
            f"row(s), first at index {index[row]!r}: look at the values it is computed from"
        )
