"""One parameter of a model, as a value that prints as its name."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """What a parameter is: a fixed effect, a standard deviation, a correlation, or sigma.

    Attributes
    ----------
    kind : {"fixed", "sd", "cor", "sigma"}
    group : str
        The grouping factor of an SD or a correlation; empty for the others.
    effects : tuple of str
        The coefficient, the effect whose SD it is, or the two effects that are correlated; empty for sigma,
        the residual SD.

    Examples
    --------
    >>> str(Parameter("fixed", effects=("age",))), str(Parameter("sigma"))
    ('age', 'sigma')
    >>> print(Parameter("sd", "school", ("age",)))
    sd(age | school)
    >>> print(Parameter("cor", "school", ("Intercept", "age")))
    cor(Intercept, age | school)
    """

    kind: str
    group: str = ""
    effects: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """``"Intercept, age | school"``: the effects and their group, without the kind."""
        return f"{', '.join(self.effects)} | {self.group}"

    def __str__(self) -> str:
        if self.kind == "fixed":
            return self.effects[0]
        return "sigma" if self.kind == "sigma" else f"{self.kind}({self.place})"


def read_parameter(name: str) -> Parameter:
    """The parameter of a name in a table that was stored: what `str` does, the other way round.

    A name that belongs to a fit at hand is looked up among the parameters of that fit instead, which knows
    what a predictor with an unusual name is.

    Examples
    --------
    >>> read_parameter("cor(Intercept, C(size, Sum)[S.1] | school)")
    Parameter(kind='cor', group='school', effects=('Intercept', 'C(size, Sum)[S.1]'))
    >>> read_parameter("age"), read_parameter("sigma")  # doctest: +NORMALIZE_WHITESPACE
    (Parameter(kind='fixed', group='', effects=('age',)),
     Parameter(kind='sigma', group='', effects=()))
    """
    if name == "sigma":
        return Parameter("sigma")
    if match := re.fullmatch(r"(sd|cor)\((.*) \| (.*)\)", name):
        kind, effects, group = match.groups()
        return Parameter(kind, group, _pair(effects) if kind == "cor" else (effects,))
    return Parameter("fixed", effects=(name,))


def _pair(text: str) -> tuple[str, ...]:
    """Two effects, cut at the comma that stands outside of all brackets."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and text.startswith(", ", at):
            return text[:at], text[at + 2 :]
    return (text,)
