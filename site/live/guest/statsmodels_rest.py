"""Stand-ins for parts of ``statsmodels.api`` that the site leaves out; without them, it is not imported."""

import sys
from types import ModuleType

LEFT_OUT = {
    "statsmodels.datasets": "the example data of statsmodels",
    "statsmodels.tsa.api": "the analysis of time series",
    "statsmodels.graphics.tsaplots": "the plots of time series",
    "statsmodels.regression.recursive_ls": "recursive least squares",
}


class Part(ModuleType):
    """A module in which every name stands for something that is not there."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(
            f"{self.__name__}.{name} is not on this page, which leaves out {self.__doc__}."
        )


class Absent:
    """Says so when it is used; that it is imported is no fault."""

    def __init__(self, sentence: str):
        self._sentence = sentence

    def __call__(self, *_, **__):
        raise ModuleNotFoundError(self._sentence)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModuleNotFoundError(self._sentence)


def stand_in() -> None:
    """Let Python find the stand-ins where it looks for the modules."""
    sys.modules |= {name: Part(name, what) for name, what in LEFT_OUT.items()}
