"""Replicates shared out over an executor: in any order, with the same results in the same order.

A worker that dies takes its replicates with it; they are run again. Whatever is finished is handed on at
once (``keep``), so that somebody can put it away before anything else happens.
"""

from __future__ import annotations

import logging
import pickle
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from course.errors import CourseError

if TYPE_CHECKING:
    from tqdm import tqdm

CHUNK = 25  # replicates that travel together: what they need is sent once for each of these
WAITING = 256  # chunks handed to an executor at a time, so that a million replicates fill no memory
RETRIES = 2
Work = Callable[[range], list]
Keep = Callable[[range, list], None]


def run_in_chunks(
    work: Work,
    n: int,
    executor: Executor | None,
    progress: bool,
    label: str,
    *,
    size: int = CHUNK,
    together: int = 1,
    done: Collection[int] = (),
    keep: Keep | None = None,
    retries: int = RETRIES,
) -> list[Any]:
    """The results of ``work`` for replicates 0 to n - 1 without those done, in this order.

    What is still waiting is cancelled when anything goes wrong, Ctrl-C included; what is finished by
    then has been kept.

    Parameters
    ----------
    work : callable
        Takes a range of replicates and returns a list as long.
    n : int
        Number of replicates.
    executor : concurrent.futures.Executor or None
        Where they run; one after another in this process for None. It is not shut down. A process pool
        that breaks because a worker died is replaced by another like it.
    progress : bool
        Whether to show a progress bar on stderr.
    label : str
        What the bar says.
    size : int
        Replicates that travel together, at most; an eighth of all, at most.
    together : int
        How many replicates one call of ``work`` is to have where all are run in this process. On an
        executor calls have multiples of it. A range begins with a multiple of it.
    done : collection of int
        Replicates that need not be run.
    keep : callable, optional
        Called in this process with each range that is finished, and its results.
    retries : int
        How often replicates are run again that were lost with their worker.

    Returns
    -------
    list

    Raises
    ------
    CourseError
        Where the executor is none, has been shut down, or cannot be sent the work, and where the same
        replicates lost their worker more than ``retries`` times. What ``work`` raises comes through.
    """
    from tqdm import tqdm

    if not (executor is None or isinstance(executor, Executor)):
        raise CourseError(
            "executor= takes a concurrent.futures.Executor such as ProcessPoolExecutor(2), or "
            f"client.get_executor() of Dask, not a {type(executor).__name__}"
        )
    done = {i for i in done if i < n}
    calls = max(1, round(min(size, -(-n // 8)) / together))
    chunks = ranges_to_run(n, done, calls * together)
    found: dict[int, Any] = {}

    def finished(chunk: range, results: list) -> None:
        found.update(zip(chunk, results, strict=True))
        if keep is not None:
            keep(chunk, results)

    with tqdm(
        total=n, initial=len(done), desc=label, unit="fit", disable=not progress, dynamic_ncols=True
    ) as bar:
        if executor is None:
            _run_here(work, chunks, together, finished, bar)
        else:
            _run_on(executor, work, chunks, finished, bar, retries)
    return [found[i] for i in sorted(found)]


def ranges_to_run(n: int, done: set[int], size: int) -> Iterator[range]:
    """The replicates to be run, as ranges of at most ``size``."""
    first = 0
    while first < n:
        if first in done:
            first += 1
            continue
        last = first + 1
        while last < min(first + size, n) and last not in done:
            last += 1
        yield range(first, last)
        first = last


def _run_here(
    work: Work, chunks: Iterator[range], together: int, finished: Keep, bar: tqdm
) -> None:
    for chunk in chunks:
        results: list = []
        try:
            for i in range(0, len(chunk), together):
                call = chunk[i : i + together]
                results += work(call)
                bar.update(len(call))
        finally:  # also after Ctrl-C
            if results:
                finished(chunk[: len(results)], results)


def _run_on(
    executor: Executor,
    work: Work,
    chunks: Iterator[range],
    finished: Keep,
    bar: tqdm,
    retries: int,
) -> None:
    _can_travel(work, executor)
    pool, broken = executor, False
    todo, lost = deque(chunks), Counter[int]()
    waiting: dict[Future, range] = {}
    # Not concurrent.futures.wait: Ctrl-C in it can leave a future locked, and the pool waits for ever.
    done: SimpleQueue[Future] = SimpleQueue()
    try:
        while todo or waiting:
            while todo and not broken and len(waiting) < WAITING:
                try:
                    with _undisturbed():
                        future = pool.submit(work, todo[0])
                        waiting[future] = todo.popleft()
                        future.add_done_callback(done.put)
                except BrokenExecutor:
                    broken = True
                except RuntimeError as error:
                    if "thread" in str(error):  # can't start new thread
                        raise CourseError(
                            "this Python can start no threads, as in a browser: leave executor= out"
                        ) from error
                    raise CourseError(
                        "the executor takes no more work: call this inside its `with` block"
                    ) from error
            if waiting:
                future = done.get()
                chunk = waiting.pop(future)
                try:
                    results = future.result()  # raises what the worker raised
                except Exception as error:
                    if not _worker_died(error):
                        raise
                    broken |= isinstance(error, BrokenExecutor)
                    lost[chunk.start] += 1
                    if lost[chunk.start] > retries:
                        raise _given_up(chunk, lost[chunk.start]) from error
                    todo.append(chunk)
                else:
                    finished(chunk, results)
                    bar.update(len(chunk))
            if broken and not waiting:
                logging.getLogger("course").warning(
                    "A worker process died; what it was at is run again in a new pool."
                )
                pool, broken = _another(pool), False
    finally:
        # first all are stopped, so that none goes on while those that are finished are kept
        # (a broken pool ends its futures itself, and stumbles over one that is cancelled meanwhile)
        left = [(f, chunk) for f, chunk in waiting.items() if broken or not f.cancel()]
        for future, chunk in left:
            if future.done() and future.exception() is None:
                finished(chunk, future.result())
        if pool is not executor:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C waits for the end of this: amid a submission it can leave a pool locked for ever."""
    main = threading.current_thread() is threading.main_thread()
    # other threads are never interrupted, and None is a handler that Python cannot put back
    if not main or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    pressed: list[tuple] = []
    usual = signal.signal(signal.SIGINT, lambda *what: pressed.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed and callable(usual):
        usual(*pressed[0])


def _can_travel(work: Work, executor: Executor) -> None:
    """Refuse what no other process can be sent, before it fails there."""
    if not isinstance(executor, ProcessPoolExecutor):
        return
    try:
        pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise CourseError(
            f"this cannot be sent to another process ({error}): use a function that is defined with "
            "def at the top of a module, or functools.partial of one"
        ) from error


def _worker_died(error: Exception) -> bool:
    # Dask's name for it; dask itself may not be installed
    return (
        isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker"
    )


def _given_up(chunk: range, times: int) -> CourseError:
    where = f"replicate {chunk[0]}"
    if len(chunk) > 1:
        where = f"replicates {chunk[0]} to {chunk[-1]}"
    return CourseError(
        f"a worker died {times} times with {where}: out of memory, perhaps, or a function that "
        "other processes cannot import because it is defined in a notebook (put it into a module). "
        "Try with fewer workers, or executor=None"
    )


def _another(pool: Executor) -> Executor:
    """A pool like the one that broke: Python lets nobody use that again."""
    if not isinstance(pool, ProcessPoolExecutor):
        raise CourseError(
            f"a worker of the {type(pool).__name__} died and it takes no more work: make another and "
            "call this again"
        )
    made: Any = pool  # how a pool was made is not public; this has been so since Python 3.7
    return ProcessPoolExecutor(
        made._max_workers, made._mp_context, made._initializer, made._initargs
    )
