"""Numbers, p-values and lists as a text has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def words(value: float) -> str:
    """A number with three significant digits, without an exponent.

    Examples
    --------
    >>> words(12.345), words(-0.00123456), words(31022.0), words(0.5), words(1e-12)
    ('12.3', '-0.00123', '31000', '0.5', '0')
    """
    if not np.isfinite(value):
        return "unknown"
    if abs(value) < 1e-8:
        return "0"
    return np.format_float_positional(value, precision=3, fractional=False, trim="-", unique=False)


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 level``, ``12 levels``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listing(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return _joined(items, "and")


def alternatives(items: Sequence[str]) -> str:
    """``a, b or c``."""
    return _joined(items, "or")


def _joined(items: Sequence[str], word: str) -> str:
    *others, last = items
    return f"{', '.join(others)} {word} {last}" if others else last


def bounds(values: pd.Series | np.ndarray) -> str:
    """``-3.1 to 4.2``."""
    return f"{words(np.min(values))} to {words(np.max(values))}"


def rounded_like(value: float, error: float) -> str:
    """An estimate with as many decimals as give its standard error two significant digits.

    Examples
    --------
    >>> rounded_like(12.3456, 0.0123), rounded_like(12345.6, 123)
    ('12.346', '12,350')
    """
    if not (np.isfinite(value) and np.isfinite(error) and error > 0):
        return number(value)
    digits = 1 - int(np.floor(np.log10(error)))
    rounded = round(value, digits) + 0.0  # no minus before a zero
    return f"{rounded:,.{max(digits, 0)}f}"


def number(value: float) -> str:
    """Four significant digits, without an exponent where none is needed.

    Examples
    --------
    >>> number(1234.56), number(2.5e24), number(np.inf), number(np.nan)
    ('1,235', '2.500e+24', 'inf', 'nan')
    """
    if not np.isfinite(value):
        return f"{value:g}"
    if value == 0:
        return "0"
    digits = 3 - int(np.floor(np.log10(abs(value))))
    if -3 <= digits <= 8:
        return f"{value:,.{max(min(digits, 6), 0)}f}"
    return f"{value:.3e}"


def p_value(value: float) -> str:
    """``<0.001`` or ``0.023``, for a column of p-values."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def p_equation(value: float) -> str:
    """``p < 0.001`` or ``p = 0.023``, for a sentence."""
    text = p_value(value)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"
