"""The package on the command line: ``python -m course COMMAND``; the commands are in ``course/command/``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from course.command import command_line
from course.errors import CourseError

if TYPE_CHECKING:
    from course.command.answers import Answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 where the doctor found something, 2 for wrong input."""
    options = command_line().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):  # a terminal without σ shows a question mark
        sys.stdout.reconfigure(errors="replace")
    try:
        said = options.run(options)
        for note in getattr(options, "notes", ()):  # beside the output, which may be a program
            print(f"note: {note}", file=sys.stderr)
        if isinstance(said, int):
            return said
        if said is not None:
            _give(said, options.output)
        return 0
    except CourseError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _give(answer: Answer, output: str | None) -> None:
    """Print an answer, or write it to a file and say so."""
    from course.command.writing import write

    print(write(answer, output) if output else answer.text)


if __name__ == "__main__":
    sys.exit(main())
