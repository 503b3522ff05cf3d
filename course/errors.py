"""The one error that a learner meets."""


class CourseError(ValueError):
    """Something in the formula, the data or the question is not as it should be.

    The message says what is wrong, where, and what to write instead. Every error that wrong input
    causes in this package is a ``CourseError``, so ``except CourseError`` (or ``ValueError``) is enough.

    Examples
    --------
    >>> raise CourseError("no column 'agee'; did you mean 'age'?")
    Traceback (most recent call last):
    ...
    course.errors.CourseError: no column 'agee'; did you mean 'age'?
    """
