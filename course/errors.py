"""The one error that a learner meets.

**In**: a sentence that says what is wrong, where, and what to write instead. **Out**: one line that is
safe to print, whatever stood in the data. Knows nothing of all the rest.
"""

import re

LONG = re.compile(r"(\w{57})\w{4,}")  # a name that would fill the screen


class CourseError(ValueError):
    r"""Something in the formula, the data or the question is not as it should be.

    The message says what is wrong, where, and what to write instead: one line of printable characters,
    whatever stood in the formula or the data, and of a very long name the beginning. Every error that
    wrong input causes in this package is a ``CourseError``, so ``except CourseError`` (or
    ``ValueError``) is enough.

    See Also
    --------
    translate : What it makes of a formula; where it cannot, the error says why.
    structure : Warns of what is odd about the groups of a table before a model is fitted.

    Examples
    --------
    >>> raise CourseError("no column 'agee'; did you mean 'age'?")
    Traceback (most recent call last):
    ...
    course.errors.CourseError: no column 'agee'; did you mean 'age'?
    >>> print(CourseError("no column 'age\n'"))
    no column 'age\n'
    """

    def __str__(self) -> str:
        # a control sequence would reach the terminal, a mark of direction turn the line around
        message = LONG.sub(r"\1...", super().__str__())
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence, not the lines of code on the way to it."""
        return [f"CourseError: {self}"]
