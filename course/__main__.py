"""The package on the command line: ``python -m course translate | fit | simulate | doctor``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from course.errors import CourseError

if TYPE_CHECKING:
    import pandas as pd

    from course.fit.generalised import MixedGLMFit
    from course.fit.model import MixedFit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 where the doctor found something, 2 for wrong input."""
    options = _parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):  # a terminal without σ shows a question mark
        sys.stdout.reconfigure(errors="replace")
    try:
        status = options.run(options) or 0
        for note in getattr(options, "notes", ()):  # beside the output, which may be a program
            print(f"note: {note}", file=sys.stderr)
        return status
    except CourseError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run_translate(options: argparse.Namespace) -> None:
    from course.translation.generalised import GeneralisedTranslation
    from course.translation.translate import translate

    translation = translate(
        options.formula, _read(options), _weights(options), options.family, options.link
    )
    generalised = translation if isinstance(translation, GeneralisedTranslation) else None
    if options.gee and generalised is None:
        raise CourseError("--gee is for --family binomial and poisson: --code prints the program")
    if options.code:
        print(translation.code, end="")
    elif options.gee and generalised is not None:
        print(generalised.gee_code, end="")
    elif options.latex:
        print(translation.latex)
    else:
        print(translation.explain())
        print(f"\nCode\n\n{translation.code}", end="")
        if generalised is not None:
            print(f"\nCode for GEE\n\n{generalised.gee_code}", end="")


def run_fit(options: argparse.Namespace) -> None:
    from course.interpretation.report import report

    fit = _fitted(options)
    print(report(fit) if options.report else fit.summary())


def _fitted(options: argparse.Namespace) -> MixedFit | MixedGLMFit:
    from course.fit.from_formula import mixedlm
    from course.fit.generalised_from_formula import mixedglm

    data, weights = _read(options), _weights(options)
    of_surveys = {
        name: value
        for name in ("strata", "replicate_weights", "replicate_method", "fay")
        if (value := getattr(options, name)) is not None
    }
    if options.scaling is not None:
        of_surveys["scaling"] = None if options.scaling == "none" else options.scaling
    if options.family != "gaussian":
        if options.ml:
            raise CourseError("--ml is for linear models: others are fitted by maximum likelihood")
        if of_surveys:
            name = next(iter(of_surveys)).replace("_", "-")
            raise CourseError(f"--{name} is for linear models, which take sampling weights")
        return mixedglm(options.formula, data, options.family, options.link, weights=weights).fit()
    if options.link is not None:
        raise CourseError("--link goes with --family binomial or poisson")
    model = mixedlm(options.formula, data, weights=weights, **of_surveys)
    return model.fit(reml=False) if options.ml else model.fit()


def _weights(options: argparse.Namespace) -> Any:
    """Prior weights, ``--weights w``; or those of a sample, ``--weights student=w --weights school=v``."""
    given = options.weights or []
    pairs = dict(text.split("=", 1) for text in given if "=" in text)
    if len(pairs) == len(given):
        return pairs or None
    if len(given) > 1:
        raise CourseError(
            "--weights COLUMN has prior weights, and stands alone; sampling weights are UNIT=COLUMN in each "
            "place, as in --weights student=W_FSTUWT --weights SCHOOLID=W_SCHGRNRABWT"
        )
    return given[0]


def run_simulate(options: argparse.Namespace) -> None:
    from course.data.files import write_table
    from course.simulate.schools import simulate_schools

    given = {
        name: value
        for name, value in vars(options).items()
        if name not in ("run", "command", "output") and value is not None
    }
    simulation = simulate_schools(**given)
    write_table(simulation.data, options.output)
    print(f"{len(simulation.data):,} rows to {options.output}")


def run_doctor(options: argparse.Namespace) -> int:
    from course import doctor

    return doctor.main()


def _read(options: argparse.Namespace) -> pd.DataFrame:
    from course.data.files import read_table
    from course.formula.plausible import needs_columns, read_formula

    read = partial(
        read_table,
        options.data,
        sheet=options.sheet,
        na_values=_na_values(options.na),
        catalog=options.catalog,
    )
    columns: Sequence = read().columns if needs_columns(options.formula) else ()
    formula, _ = read_formula(options.formula, columns)
    groups = {name for term in formula.random for name in term.group}
    data = read(labels=groups)
    options.notes = data.attrs.get("notes", [])
    return data


def _na_values(given: Sequence[str]) -> dict[str, list] | list:
    """``-9 99`` for all columns, ``age=99 sex=9`` for those named; each as the number and as the text."""
    of: dict[str, list] = {}
    for text in given:
        name, _, value = text.rpartition("=")
        both = of.setdefault(name, [])
        both.append(value)
        with suppress(ValueError):
            both.append(float(value))
    if len(of) > 1 and "" in of:
        raise CourseError(
            "--na takes values for all columns, as in -9 99, or NAME=VALUE in each place"
        )
    return of.get("", of)


class _Parser(argparse.ArgumentParser):
    """Wrong arguments get one line, as wrong formulas do."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (python -m course --help shows how)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m course", description="Mixed-effects models from lme4-style formulas."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable, words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        return added

    families = ("gaussian", "binomial", "poisson")
    translate = command("translate", run_translate, "a formula in words and as statsmodels code")
    fit = command("fit", run_fit, "fit a model and print its summary")
    for one in (translate, fit):
        one.add_argument(
            "formula", help="such as 'test_score ~ age + (age|classroom) + (1|school)'"
        )
        one.add_argument(
            "data",
            help="a file: CSV, Parquet, Feather, SPSS (.sav), Stata (.dta), SAS (.sas7bdat), "
            "R (.rds, .rda, .RData) or a workbook (.xlsx, .ods)",
        )
        one.add_argument(
            "--weights",
            action="append",
            metavar="COLUMN",
            help="prior weights: a row of weight w has the residual variance sigma^2 / w; with --family "
            "binomial the trials of proportions. Sampling weights, which fit takes: --weights "
            "student=W_FSTUWT --weights SCHOOLID=W_SCHGRNRABWT",
        )
        one.add_argument("--sheet", metavar="NAME", help="of a workbook; the first where left out")
        one.add_argument(
            "--family",
            choices=families,
            default="gaussian",
            help="of a number with a normal residual, yes or no, counts",
        )
        one.add_argument("--link", choices=("logit", "probit", "cloglog", "log"))
        one.add_argument(
            "--na",
            nargs="+",
            default=[],
            metavar="VALUE",
            help="more values that mean missing, after the file: -9 99 in all columns, or age=99 sex=9",
        )
        one.add_argument(
            "--catalog", metavar="FILE", help=".sas7bcat with the labels of a .sas7bdat"
        )
    either = translate.add_mutually_exclusive_group()
    either.add_argument("--code", action="store_true", help="print the code alone")
    either.add_argument(
        "--gee", action="store_true", help="print the program of GEE alone (with --family)"
    )
    either.add_argument("--latex", action="store_true", help="print the equation alone")
    fit.add_argument("--ml", action="store_true", help="maximum likelihood instead of REML")
    fit.add_argument(
        "--report", action="store_true", help="print the paragraph for a results section instead"
    )
    survey = fit.add_argument_group("beside sampling weights")
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

    simulate = command("simulate", run_simulate, "simulate pupils and write them to a file")
    simulate.add_argument("-o", "--output", required=True, help=".csv, .csv.gz or .parquet")
    simulate.add_argument("--seed", type=int, help="the same seed gives the same pupils")
    simulate.add_argument("--provinces", type=int, metavar="N")
    for name, parent in (
        ("schools", "province"),
        ("classrooms", "school"),
        ("students", "classroom"),
    ):
        simulate.add_argument(
            f"--{name}", type=_count, metavar="N", help=f"per {parent}; 2-8 for 2 to 8"
        )
    simulate.add_argument("--years", type=int, metavar="N")
    simulate.add_argument("--reshuffle", type=float, metavar="SHARE")
    simulate.add_argument("--residual-sd", type=float, metavar="SD")
    for name, example in (
        ("fixed-effects", "age=2 'sex[T.male]=-1'"),
        ("intercept-sd", "school=3 classroom=4"),
        ("slope-sd", "school=0.5"),
        ("correlation", "school=-0.3"),
        ("missing", "age=0.05"),
    ):
        simulate.add_argument(
            f"--{name}", nargs="+", action=_Pairs, metavar="NAME=VALUE", help=f"such as {example}"
        )
    simulate.add_argument("--labels", choices=("unique", "restarting"))
    simulate.add_argument("--label-type", choices=("text", "integer"))
    simulate.add_argument(
        "--family",
        choices=families,
        help="test scores, passed or not, days absent",
    )
    command("doctor", run_doctor, "check the installation")
    return parser


def _count(text: str) -> int | tuple[int, int]:
    low, dash, high = text.partition("-")
    return (int(low), int(high)) if dash else int(low)


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


if __name__ == "__main__":
    sys.exit(main())
