"""Runs cells inside the Python of the browser, and tells the page what comes of them.

The page asks by a file of JSON; what it is told are lines of JSON, written to ``/dev/page``. Text that is
printed does not come this way: the page sees what is written to the two streams.
"""

import ast
import builtins
import importlib
import json
import linecache
import logging
import sys
import traceback

PAGE = "/dev/page"
# In this order, so that the page can say what takes so long.
PACKAGES = [
    "numpy",
    "scipy.optimize",
    "pandas",
    "statsmodels.formula.api",
    "matplotlib.pyplot",
    "seaborn",
    "course",
]
LESSONS_IMPORT = ["course.exercises", "course.plots", "course.data", "IPython.display"]


def answer(path: str) -> None:
    """Do what the file asks for."""
    with open(path, encoding="utf-8") as file:
        request = json.load(file)
    try:
        ACTIONS[request.pop("do")](**request)
    except Exception as error:
        emit(kind="broken", message=f"{type(error).__name__}: {error}")


def emit(**message) -> None:
    """Tell the page."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    line = json.dumps(message, default=str) + "\n"
    with open(PAGE, "wb", buffering=0) as page:
        page.write(line.encode())


# ---- the session -----------------------------------------------------------------------------------------


def prepare() -> None:
    """Import what the lessons import, so that it is there once and for all."""
    for number, name in enumerate(PACKAGES):
        emit(kind="importing", name=name.partition(".")[0], number=number, of=len(PACKAGES))
        importlib.import_module(name)
    api = importlib.import_module("statsmodels_api")
    sys.modules["statsmodels.api"] = sys.modules["statsmodels"].api = api
    course = importlib.import_module("course")
    for name in course.__all__:
        getattr(course, name)
    for name in LESSONS_IMPORT:
        importlib.import_module(name)
    importlib.import_module("pandas").set_option("display.max_columns", 20)  # as in a notebook
    importlib.import_module("tqdm").tqdm.monitor_interval = 0  # no threads here
    logging.getLogger("matplotlib.font_manager").setLevel(
        logging.ERROR
    )  # other fonts stand in for those left out
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # a line is seen at once, not when the cell ends
    watch_checks()
    builtins.input = no_input
    wake()


def wake() -> None:
    """What a session that was kept has to do anew: chance must not repeat itself."""
    import os
    import random

    import numpy as np

    os.chdir(os.environ["PWD"])
    random.seed()
    np.random.seed()  # noqa: NPY002  (what a reader calls, not we)


def watch_checks() -> None:
    """Tell the page of every exercise whether the answer was right."""
    checks = importlib.import_module("course.exercises.check")
    judge = checks.judge

    def told(exercise, given, data):
        verdict = judge(exercise, given, data)
        emit(kind="verdict", exercise=exercise.id, right=verdict.right)
        return verdict

    checks.judge = told


def no_input(prompt: object = "") -> str:
    """``input`` cannot ask: Python has the page's attention only between cells."""
    raise RuntimeError(
        "input() cannot ask for anything on this page: write the value into the cell instead"
    )


# ---- a cell ----------------------------------------------------------------------------------------------


def cell(source: str, name: str) -> None:
    """Run a cell in ``__main__``; show what it shows, its last expression, its pictures, its error."""
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        show(run(source, file, sys.modules["__main__"].__dict__))
        show_pictures()
    except BaseException as error:  # also SystemExit: the session goes on
        show_error(error)


def run(source: str, file: str, names: dict) -> object:
    """The value of the last statement, if that is an expression that no semicolon ends."""
    tree = ast.parse(without_magics(source), file)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, file, "exec"), names)
    if last is None:
        return None
    value = eval(compile(last, file, "eval"), names)
    return None if source.rstrip().endswith(";") else value


def without_magics(source: str) -> str:
    """The source, if it is Python alone."""
    for line in source.splitlines():
        if line.startswith(("%", "!")):
            raise SyntaxError(
                f"{line.split()[0]} is a command of JupyterLab. On this page there is Python alone."
            )
    return source


def show(value: object) -> None:
    """The value of a cell, as a notebook shows it."""
    from IPython.display import display

    if value is not None:
        display(value)


def show_pictures() -> None:
    """What was drawn with pyplot and not yet shown."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        from IPython.display import display

        for number in pyplot.get_fignums():
            display(pyplot.figure(number))
        pyplot.close("all")


def show_error(error: BaseException) -> None:
    """The error, with the lines of the cell that led to it; apart from that, the whole way to it."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
    if isinstance(error, ModuleNotFoundError):
        error.add_note(
            "The Python on this page has the packages that lessons import. On your own machine "
            "there are more: make lab"
        )
    whole = traceback.TracebackException.from_exception(error)
    while whole.stack and whole.stack[0].filename == __file__:
        del whole.stack[0]
    everything = "".join(whole.format()).rstrip()
    whole.stack[:] = [frame for frame in whole.stack if frame.filename.startswith("<")]
    whole.__cause__ = whole.__context__ = None
    short = "".join(whole.format()).rstrip()
    if hasattr(error, "_render_traceback_"):  # a CourseError is its sentence, as in a notebook
        short = "\n".join(error._render_traceback_())
    elif not whole.stack:  # the cell is no Python, and no package has seen it
        everything = short
    emit(
        kind="error",
        name=type(error).__name__,
        message=str(error),
        traceback=short,
        everything=everything,
    )


ACTIONS = {"prepare": prepare, "wake": wake, "cell": cell}
