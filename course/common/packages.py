"""Packages that most Pythons have and some cannot have: one in a browser has no pyarrow and no pyreadstat."""

from importlib.util import find_spec

from course.errors import CourseError


def require_package(name: str, what: str) -> None:
    """Refuse, before any work is done, what needs a package that is not there.

    Parameters
    ----------
    name : str
        Of the package.
    what : str
        What needs it, as the beginning of a sentence.

    Raises
    ------
    CourseError
        Where the package is missing.

    Examples
    --------
    >>> require_package("numpy", "An array")
    >>> require_package("no_such_package", "Reading .abc files")
    Traceback (most recent call last):
        ...
    course.errors.CourseError: Reading .abc files needs the package no_such_package, which this Python does
    not have: pip install no_such_package. In a browser it cannot be installed: do this on your machine
    """
    if find_spec(name) is None:
        raise CourseError(
            f"{what} needs the package {name}, which this Python does not have: pip install {name}. In a "
            "browser it cannot be installed: do this on your machine"
        )
