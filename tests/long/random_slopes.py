"""What does it cost to leave a random slope out, to keep it, or to test it? Writes random_slopes.md.

    python tests/long/random_slopes.py

Takes about half an hour on one core. 300 pupils lie in 6 provinces or in 30. The slope of age varies between
provinces with an SD of 0, 0.4 or 0.8 points per year, and its average is 0 or 1 point. Each data set is
analysed five ways; how often the average slope is significant at 5 % is a false positive rate where it is 0
and a power where it is 1. Lesson 07 shows the table.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from course import fixed_effects_table, mixedlm

N = 1000
PUPILS = 300
SDS = {"intercept": 3, "residual": 6}
GROUPS = (6, 30)
SLOPE_SDS = (0.0, 0.4, 0.8)
EFFECT = 1.0
KENWARD_ROGER = "always, Kenward-Roger"


def replicates(groups: int, slope_sd: float, n: int, seed: int) -> pd.DataFrame:
    """For every replicate and strategy: is the average slope significant where it is 0, and where it is 1?"""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), PUPILS // groups)
    age = rng.uniform(-2, 2, PUPILS)
    data = pd.DataFrame(
        {"province": codes.astype(str), "age10": age, "score": rng.normal(size=PUPILS)}
    )
    with_slope = mixedlm("score ~ age10 + (age10||province)", data).fit()
    without = mixedlm("score ~ age10 + (1|province)", data).fit()
    rows = []
    for _ in range(n):
        intercepts = rng.normal(0, SDS["intercept"], groups)[codes]
        slopes = rng.normal(0, slope_sd, groups)[codes]
        score = 60 + intercepts + slopes * age + rng.normal(0, SDS["residual"], PUPILS)
        larger, smaller = with_slope.refit(score), without.refit(score)
        # one new variance, so half of the naive p-value
        p_slope = stats.chi2.sf(2 * (larger.llf - smaller.llf), 1) / 2
        by_method = {"never": _row(smaller), "always": _row(larger)}
        by_method["slope if p < 0.05"] = by_method["always" if p_slope < 0.05 else "never"]
        by_method["slope if p < 0.20"] = by_method["always" if p_slope < 0.20 else "never"]
        by_method[KENWARD_ROGER] = _row(larger, df="kenward-roger")
        for strategy, row in by_method.items():
            # Adding the same slope to all pupils moves the estimate by that slope, and nothing else.
            for effect in (0.0, EFFECT):
                t = (row["estimate"] + effect) / row["std_error"]
                found = 2 * stats.t.sf(abs(t), row["df"]) < 0.05
                rows.append((strategy, effect, found))
    return pd.DataFrame(rows, columns=["strategy", "effect", "found"])


def _row(fit, df: str = "satterthwaite") -> pd.Series:
    return fixed_effects_table(fit, df=df).loc["age10"]


def table(n: int = N) -> pd.DataFrame:
    """Shares of significant tests in per cent, by what is true and by strategy."""
    shares = {}
    for groups in GROUPS:
        for slope_sd in SLOPE_SDS:
            one = replicates(groups, slope_sd, n, seed=1000 * groups + round(10 * slope_sd))
            found = 100 * one.groupby(["strategy", "effect"])["found"].mean()
            for effect, what in ((0.0, "false positives"), (EFFECT, "power")):
                shares[groups, slope_sd, what] = found.xs(effect, level="effect")
    columns = ["never", "slope if p < 0.05", "slope if p < 0.20", "always", KENWARD_ROGER]
    return pd.DataFrame(shares).T[columns].rename_axis(["provinces", "SD of slopes", "share of"])


def main() -> None:
    """Write the table beside this file."""
    found = table()
    header = [*found.index.names, *found.columns]
    lines = [
        "# What each rule for a random slope costs",
        "",
        f"How often, in per cent of {N:,} data sets, the average slope of age is significant at 5 %. Where "
        "it is "
        "0 this is the rate of false positives, where it is 1 point per year the power. The Monte-Carlo "
        "error is "
        f"at most {100 * np.sqrt(0.25 / N):.1f}, and {100 * np.sqrt(0.0475 / N):.1f} for a rate near 5 %. "
        "Written by "
        "`python tests/long/random_slopes.py`.",
        "",
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(
            f"| {' | '.join([*map(str, index), *(f'{value:.1f}' for value in row)])} |"
            for index, row in zip(found.index, found.to_numpy(), strict=True)
        ),
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
