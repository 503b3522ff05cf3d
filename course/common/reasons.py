"""Why values are missing ("refused", "not reached"), kept beside a table and counted in some of its rows.

pandas carries ``data.attrs`` through slices and writes it into Parquet as JSON; each step copies it. So
the reason of each row is packed into one short text per column, which costs nothing to copy.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

NO_REASON = ""  # a value that is missing, and the file does not say why


def pack_reasons(labels: Sequence[str], rows: np.ndarray) -> dict:
    """What ``data.attrs["missing"][column]`` holds.

    Parameters
    ----------
    labels : sequence of str
        The different reasons.
    rows : ndarray of int, shape (n,)
        For each row of the file 0 where there is a value, and k where the k-th reason says why there is none.

    Returns
    -------
    dict
        ``labels``, and ``rows`` as a text for `count_reasons`.

    Examples
    --------
    >>> pack_reasons(["", "refused"], np.array([0, 2, 1, 2]))["labels"]
    ['', 'refused']
    """
    packed = zlib.compress(rows.astype(np.uint16).tobytes(), 1)
    return {"labels": list(labels), "rows": base64.b64encode(packed).decode("ascii")}


def count_reasons(kept: Mapping, index: pd.Index, gaps: np.ndarray) -> dict[str, int] | None:
    """How often each reason stands in these rows.

    Parameters
    ----------
    kept : dict
        As `pack_reasons` made it.
    index : Index, length m
        Labels of the rows, which are numbers of rows of the file unless somebody renumbered them.
    gaps : ndarray of bool, shape (m,)
        Where the column is missing now.

    Returns
    -------
    dict of str to int, or None
        None where the rows are no longer known by their numbers: a row of the file without a value
        would have one now.

    Examples
    --------
    >>> kept = pack_reasons(["", "refused"], np.array([0, 2, 1, 2]))
    >>> count_reasons(kept, pd.RangeIndex(4), np.array([False, True, True, True]))
    {'refused': 2}
    >>> count_reasons(kept, pd.RangeIndex(2), np.array([True, False])) is None
    True
    """
    here = reason_of_rows(kept, index, gaps)
    if here is None:
        return None
    counts = np.bincount(here[gaps], minlength=len(kept["labels"]) + 1)[1:]
    found: dict[str, int] = {}
    for label, count in zip(kept["labels"], counts.tolist(), strict=True):
        if label != NO_REASON and count:
            found[label] = found.get(label, 0) + count  # several codes may have one label
    return found


def reason_of_rows(kept: Mapping, index: pd.Index, gaps: np.ndarray) -> np.ndarray | None:
    """For each of these rows k where the k-th reason says why there is no value, and 0 elsewhere.

    Parameters and None are those of `count_reasons`.

    Examples
    --------
    >>> kept = pack_reasons(["", "refused"], np.array([0, 2, 1, 2]))
    >>> reason_of_rows(kept, pd.Index([1, 2]), np.array([True, True])).tolist()
    [2, 1]
    """
    codes = np.frombuffer(zlib.decompress(base64.b64decode(kept["rows"])), dtype=np.uint16)
    rows = index.to_numpy()
    if not np.issubdtype(rows.dtype, np.integer) or not len(rows):
        return None
    if rows.min() < 0 or rows.max() >= len(codes):
        return None
    here = codes[rows]
    return None if (here[~gaps] > 0).any() else here
