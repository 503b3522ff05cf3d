"""Can a scale with a floor and a ceiling make slopes that differ between schools? Writes capstone_worlds.md.

    python tests/long/capstone_worlds.py

Takes a minute or two. In every world the schools have the same slopes, on a scale without ends; then this
scale is cut into the six grades of the A-level results of 1997, with as many candidates in each grade as
there really are. The final model of lesson 11 is fitted to both, and the lesson shows the table.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from course import load, mixedlm, simulate_responses

N = 40
SAME_SLOPES = "score ~ gcsecnt + gender + age + gcse_school + log2_size + (1|school) + (1|lea)"
FINAL = (
    "score ~ bs(gcsecnt, df=4) + gender + age + gcse_school + log2_size"
    " + (gcsecnt + gender|school) + (1|lea)"
)


def candidates() -> pd.DataFrame:
    """The candidates, with the mean of their school and the logarithm of its size."""
    data = load("chem97")
    size = data["school"].map(data["school"].value_counts())
    mean = data.groupby("school")["gcsecnt"].transform("mean")
    return data.assign(gcse_school=mean, log2_size=np.log2(size / 20))


def found(fit) -> dict[str, float]:
    """What the lesson asks of every world, by the names of its table."""
    parts = fit.variance_components
    school = parts[parts["group"] == "school"].set_index(["effect", "effect2"])["sdcor"]
    return {
        "SD of the slope of GCSE": school["gcsecnt", None],
        "SD of the gap men − women": school["gender[T.M]", None],
        "correlation intercept, slope": school["Intercept", "gcsecnt"],
    }


def worlds(n: int = N, seed: int = 11) -> pd.DataFrame:
    """Smallest, median and largest of what was found in so many worlds, without ends and graded."""
    data = candidates()
    final = mixedlm(FINAL, data).fit()
    cumulated = data["score"].value_counts(normalize=True).sort_index().cumsum().to_numpy()[:-1]
    rows = {"without ends": [], "graded": []}
    for endless in simulate_responses(mixedlm(SAME_SLOPES, data).fit(), n=n, seed=seed):
        grades = 2 * np.searchsorted(np.quantile(endless, cumulated), endless)
        rows["without ends"].append(found(final.refit(endless)))
        rows["graded"].append(found(final.refit(grades)))
    summaries = {"smallest": "min", "median": "median", "largest": "max"}
    return pd.DataFrame(
        {
            (name, word): getattr(pd.DataFrame(one), function)()
            for name, one in rows.items()
            for word, function in summaries.items()
        }
    )


def main() -> None:
    """Write the table beside this file."""
    table = worlds()
    lines = [
        "# What floor and ceiling can do alone",
        "",
        f"The final model of lesson 11 in {N} worlds in which all schools have the same slopes, on a scale "
        "without "
        "ends and cut into grades. Written by `python tests/long/capstone_worlds.py`.",
        "",
        f"| answer | {' | '.join(f'{name}, {word}' for name, word in table)} |",
        f"|---|{'--:|' * table.shape[1]}",
        *(
            f"| {name} | {' | '.join(f'{value:.2f}' for value in row)} |"
            for name, row in zip(table.index, table.to_numpy(), strict=True)
        ),
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
