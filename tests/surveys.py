"""Small surveys with whole weights, and the same with as many copies of rows and units as these say."""

import numpy as np
import pandas as pd

BY_ROW = {"pupil|school": "w", "school": "v"}


def made(schools=12, rooms=3, pupils=6, seed=1):
    """Pupils in rooms in schools, with whole weights at each level."""
    rng = np.random.default_rng(seed)
    room = np.repeat(np.arange(schools * rooms), pupils)
    school = room // rooms
    x = rng.standard_normal(room.size)
    y = 10 + 2 * x + (1 + 0.5 * x) * rng.standard_normal(schools)[school]
    y += rng.standard_normal(schools * rooms)[room] + rng.standard_normal(room.size)
    return pd.DataFrame(
        {
            "y": y,
            "x": x,
            "school": [f"s{j}" for j in school],
            "room": [f"r{k}" for k in room],
            "w": rng.integers(1, 4, room.size),
            "u": rng.integers(1, 4, schools * rooms)[room],
            "v": rng.integers(1, 4, schools)[school],
            "stratum": np.where(school % 2, "A", "B"),
        }
    )


def copied(data, rows=None, units=()):
    """The same with as many copies of rows, and of whole units under new labels, as the weights say."""
    for unit, weight in units:
        parts = []
        for label, part in data.groupby(unit, sort=False):
            for copy in range(int(part[weight].iloc[0])):
                inside = [name for name in ("school", "room") if part[name].nunique() >= 1]
                inner = inside[inside.index(unit) :]
                relabelled = {name: part[name] + f"-{label}{copy}" for name in inner}
                parts.append(part.assign(**relabelled))
        data = pd.concat(parts, ignore_index=True)
    return data if rows is None else data.loc[data.index.repeat(data[rows])]
