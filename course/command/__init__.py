"""The commands of ``python -m course``: what each reads, does, prints and writes.

**In**: the words of a command line. **Out**: text on the screen, or a table in a file. `answers` has what
the commands about a model say, `reading` the file that they are about, `writing` what ``--output`` makes of
an answer, `others` the commands without a model, `parser` the words that each takes. Knows nothing of how
models are fitted.
"""

from course.command.parser import command_line

__all__ = ["command_line"]
