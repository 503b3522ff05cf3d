"""What stands where rows would be, in a fit whose rows were read once and let go."""

from __future__ import annotations

from typing import NoReturn

from course.errors import CourseError


class NotKept:
    """An array that is not in memory: whoever wants its numbers is told where to get them.

    So nothing that needs the rows can go on with fewer of them, and be wrong in silence.

    Examples
    --------
    >>> NotKept("X") @ [1.0, 2.0]
    Traceback (most recent call last):
    course.errors.CourseError: the rows of this fit were read from a file or from Dask and are not kept in
    memory, and this needs them (X). Fitted values and residuals: fit.write_fitted("fitted.parquet"). For
    pictures and checks of single rows fit a sample of them, as a DataFrame
    """

    def __init__(self, what: str):
        self.what = what

    def _refuse(self, *others: object) -> NoReturn:
        raise CourseError(
            "the rows of this fit were read from a file or from Dask and are not kept in memory, and this "
            f'needs them ({self.what}). Fitted values and residuals: fit.write_fitted("fitted.parquet"). '
            "For pictures and checks of single rows fit a sample of them, as a DataFrame"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # Python asks for these to copy and to store a value
            raise AttributeError(name)
        self._refuse()

    def __repr__(self) -> str:
        return f"<{self.what}: not kept in memory>"

    __array__ = __len__ = __iter__ = __getitem__ = __contains__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __matmul__ = __rmatmul__ = __truediv__ = __rtruediv__ = __neg__ = __pow__ = _refuse
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = object.__hash__
