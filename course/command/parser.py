"""The words that each command takes, and what is said of wrong ones."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from course import __version__

FAMILIES = ("gaussian", "binomial", "poisson")
FILES = (
    "a file: CSV, Parquet, Feather, SPSS (.sav), Stata (.dta), SAS (.sas7bdat), R (.rds, .rda, .RData) or "
    "a workbook (.xlsx, .ods)"
)
# The commands about a fit: which function of `answers` answers, and what for.
ABOUT_A_FIT = {
    "fit": ("summary", "fit a model and print its summary"),
    "report": ("reported", "fit a model and write the paragraph for a paper"),
    "anova": ("tested", "test the terms of the fixed part"),
    "confint": ("intervals", "confidence intervals of all parameters"),
    "diagnose": ("diagnosed", "what stands out in a fit, why it matters, and what to do"),
}


class Parser(argparse.ArgumentParser):
    """Wrong arguments get one line, as wrong formulas do."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (python -m course --help shows how)\n")


def command_line() -> Parser:
    """The parser of ``python -m course``; what it returns has in ``run`` the function to call."""
    parser = Parser(
        prog="python -m course", description="Mixed-effects models from lme4-style formulas."
    )
    parser.add_argument("--version", action="version", version=f"course {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: str, words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=later(run))
        return added

    _translate(command("translate", "answers.translation", "a formula in words and as a program"))
    for name, (run, words) in ABOUT_A_FIT.items():
        one = command(name, f"answers.{run}", words)
        _formula_and_file(one)
        one.add_argument("--ml", action="store_true", help="maximum likelihood instead of REML")
        _survey(one)
        if name == "confint":
            one.add_argument("--method", metavar="NAME", help="profile, bootstrap or wald")
    _structure(command("structure", "answers.structured", "how the groups of a file lie"))
    _simulate(command("simulate", "others.simulate", "simulate pupils and write them to a file"))
    _lessons(command("lessons", "others.lessons", "a copy of the lessons to work in"))
    command("doctor", "others.doctor", "check the installation")
    return parser


def later(name: str) -> Callable[[argparse.Namespace], Any]:
    """A function of this wing that is imported when it is called: ``--help`` needs no pandas."""

    def run(options: argparse.Namespace) -> Any:
        module, _, function = name.partition(".")
        return getattr(import_module(f"course.command.{module}"), function)(options)

    return run


def _file(one: argparse.ArgumentParser) -> None:
    one.add_argument("data", help=FILES)
    one.add_argument("--sheet", metavar="NAME", help="of a workbook; the first where left out")
    one.add_argument(
        "--na",
        nargs="+",
        default=[],
        metavar="VALUE",
        help="more values that mean missing, after the file: -9 99 in all columns, or age=99 sex=9",
    )
    one.add_argument("--catalog", metavar="FILE", help=".sas7bcat with the labels of a .sas7bdat")
    one.add_argument(
        "-o", "--output", metavar="FILE", help="write the answer there: .csv, .json or .md"
    )


def _formula_and_file(one: argparse.ArgumentParser) -> None:
    one.add_argument("formula", help="such as 'test_score ~ age + (age|classroom) + (1|school)'")
    _file(one)
    one.add_argument(
        "--weights",
        action="append",
        metavar="COLUMN",
        help="prior weights: a row of weight w has the residual variance sigma^2 / w; with --family "
        "binomial the trials of proportions. Sampling weights, which a fit takes: --weights "
        "student=W_FSTUWT --weights SCHOOLID=W_SCHGRNRABWT",
    )
    one.add_argument(
        "--family",
        choices=FAMILIES,
        default="gaussian",
        help="of a number with a normal residual, yes or no, counts",
    )
    one.add_argument("--link", choices=("logit", "probit", "cloglog", "log"))


def _survey(one: argparse.ArgumentParser) -> None:
    survey = one.add_argument_group("beside sampling weights")
    survey.add_argument(
        "--scaling", choices=("size", "effective", "none"), help="of the weights below the top"
    )
    survey.add_argument("--strata", metavar="COLUMN", help="that the units at the top come from")
    survey.add_argument(
        "--replicate-weights", metavar="PATTERN", help="such as 'W_FSTURWT*', for standard errors"
    )
    survey.add_argument(
        "--replicate-method", metavar="NAME", help="how they were made: fay, brr, jackknife or jk2"
    )
    survey.add_argument("--fay", type=float, metavar="K", help="the share that units left out keep")


def _translate(one: argparse.ArgumentParser) -> None:
    _formula_and_file(one)
    either = one.add_mutually_exclusive_group()
    either.add_argument("--code", action="store_true", help="the program alone: it reads the file")
    either.add_argument("--gee", action="store_true", help="that of GEE alone (with --family)")
    either.add_argument("--latex", action="store_true", help="the equation alone")


def _structure(one: argparse.ArgumentParser) -> None:
    _file(one)
    one.add_argument(
        "--groups", nargs="+", metavar="COLUMN", help="those that hold labels; else a guess"
    )


def _lessons(one: argparse.ArgumentParser) -> None:
    one.add_argument("folder", help="made where it is not there; else brought up to date")
    one.add_argument(
        "--fresh",
        nargs="+",
        default=[],
        metavar="LESSON",
        help="start these afresh, such as 02; your work on them is kept in the folder earlier",
    )


def _simulate(one: argparse.ArgumentParser) -> None:
    one.add_argument("-o", "--output", required=True, help=".csv, .csv.gz or .parquet")
    one.add_argument("--seed", type=int, help="the same seed gives the same pupils")
    one.add_argument("--provinces", type=int, metavar="N")
    for name, parent in (
        ("schools", "province"),
        ("classrooms", "school"),
        ("students", "classroom"),
    ):
        one.add_argument(
            f"--{name}", type=_count, metavar="N", help=f"per {parent}; 2-8 for 2 to 8"
        )
    one.add_argument("--years", type=int, metavar="N")
    one.add_argument("--reshuffle", type=float, metavar="SHARE")
    one.add_argument("--residual-sd", type=float, metavar="SD")
    for name, example in (
        ("fixed-effects", "age=2 'sex[T.male]=-1'"),
        ("intercept-sd", "school=3 classroom=4"),
        ("slope-sd", "school=0.5"),
        ("correlation", "school=-0.3"),
        ("missing", "age=0.05"),
    ):
        one.add_argument(
            f"--{name}", nargs="+", action=_Pairs, metavar="NAME=VALUE", help=f"such as {example}"
        )
    one.add_argument("--labels", choices=("unique", "restarting"))
    one.add_argument("--label-type", choices=("text", "integer"))
    one.add_argument("--family", choices=FAMILIES, help="test scores, passed or not, days absent")


def _count(text: str) -> int | tuple[int, int]:
    low, dash, high = text.partition("-")
    try:
        return (int(low), int(high)) if dash else int(low)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of groups: write 5, or 2-8 for 2 to 8"
        ) from None


class _Pairs(argparse.Action):
    """``school=3 classroom=4`` to a dictionary."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        pairs = {}
        for text in values:
            name, equals, value = text.rpartition("=")
            try:
                pairs[name] = float(value)
            except ValueError:
                equals = ""
            if not equals:
                parser.error(f"argument {option_string}: '{text}' is not NAME=VALUE")
        setattr(namespace, self.dest, pairs)
