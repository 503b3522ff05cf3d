"""A small stand-in for IPython on the course's pages: what lessons and packages ask of it, and no more."""

import IPython.display as display

__all__ = ["display", "get_ipython"]
__version__ = "9.0.0"  # matplotlib asks which calls there would be
version_info = (9, 0, 0)


class Events:
    """Where matplotlib wants to be told that a cell has ended; runner.py sees to its pictures."""

    def register(self, event, function) -> None:
        """Tell nobody."""


class Shell:
    """What there is of a shell: that there is one, so that answers are shown and not printed."""

    config: dict = {}
    events = Events()


SHELL = Shell()


def get_ipython() -> Shell:
    """The shell, by which packages know that they are in a notebook."""
    return SHELL
