"""The report of `bench.py`: tables, figures of growth, and the picture."""

from __future__ import annotations

from statistics import median

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import seaborn as sns
from measure import DESIGN_MS, HERE, SLOW, SMALL_MS, Result, Size, When
from peers import LIMIT, Runs
from stored import Stored

SAME_LLF = 1e-6  # log-likelihood units: rounding
SHORT = 0.01  # and what the picture shows as another optimum
KEPT = "## Larger than memory"  # from here on, results.md is written by others

NOTES = f"""\
Seconds are of the processor, all threads together, though each package is told to use one: medians over
runs in which all took turns. They are compared within a problem, where it is said when it was measured.
Whoever needs more than {SLOW} s takes no second turn, and a process is stopped after {LIMIT} s. Loading
packages, reading files, making R's factors and a first small fit are not counted. "GB" is the most memory
that the package's process held, with data and all that it loads. "Short by" is mixedlm's log-likelihood
minus the other's; up to {SAME_LLF:g} is rounding, and shown as 0; above that, the other stopped short of
the optimum.

All fit by REML with default settings, except where maximum likelihood is said: gpboost has no REML. Its
default finds determinants by random vectors; its log-likelihood here is that of its estimates by its own
Cholesky factors, not the number that it reports, which can be above the maximum. It has no covariances of
intercepts and slopes, kamino-lme no slopes beside other terms, mixedlm-rs one grouping factor: each is
measured at what it has. interlace-lme goes without its extra scikit-sparse, which needs libraries of the
system; it and glmmTMB are measured with slopes at all three levels on 24,000 rows alone. lme-python takes
pandas by way of pyarrow; glmmTMB reckons standard errors of all parameters in the same call.

Pupils are simulated in classrooms in schools in provinces (`problems.py` has formulas and sizes). `age`
is centred where its slope varies, which helps the others: mixedlm does it inside. By hand, statsmodels
has no correlated effects below the top level, so there a larger model is compared with a smaller one.
"""


def table(result: Result) -> list[str]:
    """One problem: ours, then the others from the fastest on."""
    ours = result.ours
    lines = [
        f"## {result.title}",
        "",
        f"`{result.problem.formula}`; log-likelihood {ours.llf:.4f}; {result.when}",
        "",
        "| package | s (runs) | times as long | required | GB | short by |",
        "|---|---:|---:|---:|---:|---:|",
        f"| mixedlm, {result.problem.measured} | {_seconds(ours)} | 1 | | {ours.gigabytes:.2f} | |",
    ]
    for name in sorted(result.theirs, key=result.ratio):
        runs, required = result.theirs[name], result.problem.required.get(name)
        ratio = "" if runs.failed and not runs.stopped else f"**{result.ratio(name):.1f}**"
        cells = [
            name,
            _seconds(runs),
            f"> {ratio}" if runs.stopped else ratio,
            f"≥ {required:g}" if required else "",
            f"{runs.gigabytes:.2f}",
            _gap(result, name),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"{name}: {runs.note}." for name, runs in result.theirs.items() if runs.note]
    return [*lines, "", *[line for note in notes for line in (note, "")]]


def _seconds(runs: Runs) -> str:
    if runs.seconds:
        return f"{median(runs.seconds):.3g} ({len(runs.seconds)})"
    return f"> {LIMIT}" if runs.stopped else "failed"


def _gap(result: Result, name: str) -> str:
    if result.theirs[name].failed:
        return ""
    gain = result.gain(name)
    said = "0" if abs(gain) <= SAME_LLF else f"{gain:.1e}" if gain < 1 else f"**{gain:.1f}**"
    return said if result.problem.same_model else f"{said} (another model)"


def growing(grown: dict[int, tuple[float, float]], when: When, sizes: dict[int, Size]) -> list[str]:
    lines = [
        "## More pupils",
        "",
        "Three correlated slopes, `.fit()` of a data frame in memory: the fastest of some runs in which all "
        "sizes took turns, and the most memory of a process, with data, packages and what simulating took; "
        f"{when}.",
        "",
        "| pupils | classrooms | s | times as long | required | GB | required |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for number, size in sizes.items():
        seconds, memory = grown[number]
        provinces, schools, rooms, _ = size.sizes
        longer = (
            f"**{seconds / grown[size.than][0]:.1f}** those of {size.than:,}" if size.than else ""
        )
        cells = [
            f"{number:,}",
            f"{provinces * schools * rooms:,}",
            f"{seconds:.3g}",
            longer,
            f"≤ {size.growth:g}" if size.growth < float("inf") else "",
            f"{memory:.2f}",
            f"< {size.gigabytes:g}" if size.gigabytes < float("inf") else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def report(found: Stored, sizes: dict[int, Size], absent: dict[str, str]) -> str:
    about = found.about
    said = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        "# Speed",
        "",
        f"Written by `make bench`: {about['cores']} cores ({about['machine']}). {said}.",
        "",
        "![Seconds by problem and package](results.png)",
        "",
        NOTES,
        *[line for result in found.in_order for line in table(result)],
        *[line for name, why in absent.items() for line in (f"{name}: skipped, {why}.", "")],
    ]
    if found.small:
        split, when = found.small
        lines += [
            "## Small fits",
            "",
            f"A fit of 2,400 pupils is made of: formula and design {split['formula and design']:.1f} ms "
            f"(required < {DESIGN_MS}), fit {split['fit']:.1f} ms (together < {SMALL_MS}); {when}.",
            "",
        ]
    if found.grown:
        lines += growing(*found.grown, sizes)
    return "\n".join(lines)


def write(text: str, results: list[Result]) -> None:
    """The report, and the picture."""
    path = HERE / "results.md"
    _, heading, kept = path.read_text(encoding="utf-8").partition(KEPT)
    path.write_text(f"{text}\n{heading}{kept}", encoding="utf-8")
    picture(results)


# -- the picture --------------------------------------------------------------------------------


def picture(results: list[Result], columns: int = 2) -> None:
    """A panel for each problem, with packages by name: shapes tell them apart, and no colour needs to."""
    rows = [results[i : i + columns] for i in range(0, len(results), columns)]
    heights = [max(len(result.theirs) for result in row) + 4 for row in rows]
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(11, 0.25 * sum(heights)),
        sharex=True,
        squeeze=False,
        layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )
    for ax in axes.flat[len(results) :]:
        ax.set_visible(False)
    for ax, result in zip(axes.flat, results, strict=False):
        panel(ax, result)
    axes.flat[0].set_xscale("log")
    for ax in axes.flat[max(0, len(results) - columns) : len(results)]:
        ax.set_xlabel("time of one fit (s, logarithmic), and how many times ours")
    figure.suptitle(
        f"black: mixedlm    grey: the others    hollow: more than {SHORT} log-likelihood units short "
        f"of the optimum    arrow: stopped after {LIMIT} s",
        fontsize=10,
    )
    figure.savefig(HERE / "results.png", dpi=130)
    plt.close(figure)


def panel(ax: plt.Axes, result: Result) -> None:
    """Ours on top, the others below it from the fastest on, each at its seconds."""
    names = sorted((n for n in result.theirs if _shown(result.theirs[n])), key=result.ratio)
    mine = median(result.ours.seconds)
    ax.axvline(mine, color="0.8", linewidth=1, zorder=0)
    ax.plot(mine, 0, "o", color="black", markersize=8)
    grey = sns.color_palette("colorblind")[7]
    for row, name in enumerate(names, start=1):
        runs = result.theirs[name]
        seconds = LIMIT if runs.stopped else median(runs.seconds)
        short = result.problem.same_model and result.gain(name) > SHORT
        ax.plot([mine, seconds], [row, row], color="0.8", linewidth=1, zorder=0)
        ax.plot(
            seconds,
            row,
            ">" if runs.stopped else "D",
            color=grey,
            markerfacecolor="white" if short else grey,
            markersize=7,
        )
        ax.annotate(
            f"{'> ' if runs.stopped else ''}{_times(result.ratio(name))}",
            (seconds, row),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    ax.set_yticks(range(len(names) + 1), ["mixedlm", *names], fontsize=9)
    ax.set_ylim(len(names) + 0.6, -0.6)
    ax.set_title(_short(result), fontsize=10, loc="left")
    ax.tick_params(labelbottom=True)
    sns.despine(ax=ax, left=True)


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def _shown(runs: Runs) -> bool:
    return runs.stopped or not runs.failed


def _short(result: Result) -> str:
    return f"{result.problem.name.split(' (')[0]}\n{result.rows:,} rows"
