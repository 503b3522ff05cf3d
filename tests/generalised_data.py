"""Small made-up data of yes or no and of counts, and fits of them that several tests share."""

from functools import cache

import numpy as np
import pandas as pd

from course import MixedGLMFit, mixedglm


@cache
def pupils(n: int = 400, seed: int = 1) -> pd.DataFrame:
    """Pupils in classrooms in schools, who also took one of seven tests: passed, of trials, days absent."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"age": rng.normal(10, 2, n), "sex": rng.choice(["girl", "boy"], n)})
    data["school"] = rng.integers(0, 12, n)
    data["classroom"] = data.school * 10 + rng.integers(0, 3, n)
    data["test"] = rng.integers(0, 7, n)
    data["teacher"] = data.school * 10 + rng.integers(0, 4, n)
    data["trials"] = rng.integers(1, 5, n)
    data["days"] = rng.integers(10, 60, n)
    u, v, w = rng.normal(size=12), rng.normal(size=200), rng.normal(size=7)
    eta = (
        0.3 * (data.age - 10) + 0.8 * u[data.school] + 0.6 * v[data.classroom] + 0.5 * w[data.test]
    )
    chance = 1 / (1 + np.exp(-eta))
    data["passed"] = np.where(rng.random(n) < chance, "yes", "no")
    data["right"] = rng.binomial(data.trials, chance)
    data["wrong"] = data.trials - data.right
    data["share"] = data.right / data.trials
    data["absent"] = rng.poisson(0.05 * data.days * np.exp(eta))
    data["row"] = np.arange(n)
    return data


@cache
def fit(
    formula: str, family: str = "binomial", link: str | None = None, nagq: int = 1
) -> MixedGLMFit:
    """One fit to `pupils`."""
    return mixedglm(formula, pupils(), family, link).fit(nagq)
