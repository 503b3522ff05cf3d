"""Where rows come from that do not fit into memory: Parquet files, a dataset of pyarrow, Dask.

A source hands its rows out in batches, pandas frames of some columns, and adds up what a function makes of
each: two by two, then these sums two by two, and so on. So a sum of many has few additions behind it, and
with Dask the same tree runs on whatever scheduler there is.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pandas as pd

from course.common.packages import require_package
from course.errors import CourseError

if TYPE_CHECKING:
    import pyarrow.dataset

BATCH = 250_000  # rows that are in memory at a time, in each thread
FAN = 4  # sums that Dask adds at a time
SECONDS = 2.0  # of reading before a progress bar shows
T = TypeVar("T")
Work = Callable[[pd.DataFrame], T]
Combine = Callable[[Sequence[T]], T]


class Source(Protocol):
    """Rows in batches.

    Attributes
    ----------
    names : tuple of str
        The columns.
    """

    names: tuple[str, ...]

    def gather(self, work: Work, combine: Combine, columns: Sequence[str], doing: str) -> Any:
        """``combine`` of what ``work`` makes of every batch of these columns."""

    def batches(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """The batches one after another, in their order, with their index going on."""


def open_source(data: object) -> Source | None:
    """What reads these data batch by batch; None for a table that is in memory.

    Parameters
    ----------
    data : object
        The path of a Parquet file or of a folder of such files, a ``pyarrow.dataset.Dataset``, or a Dask
        DataFrame; for anything else the answer is None.

    Raises
    ------
    CourseError
        For a path at which no Parquet file is.
    """
    if isinstance(data, str | Path):
        return ParquetSource(_dataset(Path(data)))
    kind = type(data).__module__.split(".")[0]
    if kind == "pyarrow" and hasattr(data, "get_fragments"):
        return ParquetSource(data)
    if kind.startswith("dask") and hasattr(data, "to_delayed"):
        return DaskSource(data)
    return None


def _dataset(path: Path) -> pyarrow.dataset.Dataset:
    if path.suffix not in ("", ".parquet") and not path.is_dir():
        raise CourseError(
            f"data={str(path)!r} is no Parquet file: for a table that fits into memory write "
            f"mixedlm(formula, read_table({str(path)!r})) or pd.read_csv; a larger one becomes Parquet by "
            "dask.dataframe.read_csv(...).to_parquet(folder)"
        )
    if not path.exists():
        raise CourseError(f"there is no file or folder {str(path)!r}")
    require_package("pyarrow", "Reading Parquet files")
    import pyarrow
    import pyarrow.dataset

    try:
        return pyarrow.dataset.dataset(path, format="parquet", partitioning="hive")
    except (pyarrow.ArrowException, OSError) as error:
        raise CourseError(f"{path.name} cannot be read as Parquet: {error}") from error


class ParquetSource:
    """Row groups of Parquet files, read by as many threads as there are processors."""

    def __init__(self, dataset: pyarrow.dataset.Dataset):
        self.dataset = dataset
        self.names = tuple(dataset.schema.names)

    def gather(self, work: Work, combine: Combine, columns: Sequence[str], doing: str) -> Any:
        """See `Source`."""
        from tqdm import tqdm

        def of_piece(piece: tuple[int, Any]) -> Any:
            made = [work(frame) for frame in self._frames(*piece, columns)]
            return combine(made) if len(made) > 1 else made[0]

        pieces = list(self._pieces())
        sums: list[tuple[int, Any]] = []  # of 1, 2, 4, ... pieces: the exponent, and the sum
        with tqdm(total=len(pieces), desc=doing, delay=SECONDS, leave=False) as bar:
            for made in _in_threads(of_piece, pieces):
                bar.update()
                exponent = 0
                while sums and sums[-1][0] == exponent:
                    made = combine([sums.pop()[1], made])
                    exponent += 1
                sums.append((exponent, made))
                del made
        while len(sums) > 1:
            (_, last), (_, before) = sums.pop(), sums.pop()
            sums.append((0, combine([before, last])))
            del last, before
        return sums[0][1]

    def batches(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """See `Source`."""
        for piece in self._pieces():
            yield from self._frames(*piece, columns)

    def _pieces(self) -> Iterator[tuple[int, Any]]:
        """Row groups, each with the number of its first row; the whole where there are none to ask for."""
        try:
            fragments = list(self.dataset.get_fragments())
        except ValueError:  # a filtered dataset has none
            yield 0, self.dataset
            return
        first = 0
        for fragment in fragments:
            # what is in memory has no row groups
            split = hasattr(fragment, "split_by_row_group")
            for group in (fragment.split_by_row_group() if split else []) or [fragment]:
                yield first, group
                first += group.count_rows()

    def _frames(self, first: int, piece: Any, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        import pyarrow

        schema = self.dataset.schema
        # one file of a folder may lack a column that the others have
        whole = {} if piece is self.dataset else {"schema": schema}
        none = True
        for batch in piece.to_batches(
            columns=list(columns), batch_size=BATCH, batch_readahead=1, **whole
        ):
            if batch.num_rows:
                frame = batch.to_pandas()
                frame.index = pd.RangeIndex(first, first + len(frame))
                first += len(frame)
                none = False
                yield frame
        if none:
            kept = pyarrow.schema([schema.field(name) for name in columns])
            yield kept.empty_table().to_pandas()


def _in_threads(work: Callable[[Any], T], pieces: Sequence[Any]) -> Iterator[T]:
    """What ``work`` makes of each piece, in their order; few of them wait to be fetched."""
    workers = os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)
    waiting: deque = deque()
    try:
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also where Ctrl-C or a message to the learner ends it
        pool.shutdown(wait=True, cancel_futures=True)


class DaskSource:
    """The partitions of a Dask DataFrame: a task for each, and a tree of tasks that add."""

    def __init__(self, frame: Any):
        self.frame = frame
        self.names = tuple(frame.columns)

    def gather(self, work: Work, combine: Combine, columns: Sequence[str], doing: str) -> Any:
        """See `Source`; Dask's own dashboard shows how far it is."""
        import dask

        once = dask.delayed(work)  # travels to each worker once
        made = [_apply(once, part) for part in self.frame[list(columns)].to_delayed()]
        add = dask.delayed(combine, pure=True)
        while len(made) > 1:
            made = [add(made[i : i + FAN]) for i in range(0, len(made), FAN)]
        return dask.compute(made[0])[0]

    def batches(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """See `Source`."""
        first = 0
        for part in self.frame[list(columns)].to_delayed():
            rows = part.compute()
            rows.index = pd.RangeIndex(first, first + len(rows))
            first += len(rows)
            yield rows


def _apply(work: Any, part: Any) -> Any:
    import dask

    return dask.delayed(lambda work, part: work(part))(work, part)
