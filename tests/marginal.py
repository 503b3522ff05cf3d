"""The covariance of all rows that a translation means, as MixedLM has it and as the formula says."""

import numpy as np
import pandas as pd
from running import made
from statsmodels.regression.mixed_linear_model import MixedLM

PSI = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.1], [-0.2, 0.1, 0.7]])
VARIANCES = [0.5, 3.0, 1.5, 0.25, 4.0, 2.5, 0.75]


def classes(schools: int, n=120) -> pd.DataFrame:
    """Rooms are numbered anew in each school; a class is one room of one school."""
    rng = np.random.default_rng(8)
    i = np.arange(n)
    data = pd.DataFrame(
        {
            "school": [f"S{k}" for k in i % schools],
            "room": [f"R{k}" for k in i // schools % 4],
            "province": np.where(i % schools < 2, "P0", "P1"),
            "age": rng.normal(10, 1, n),
            "income": rng.normal(40_000, 8_000, n),
            "sex": rng.choice(["female", "male"], n),
            "f": rng.choice(["k", "l", "m"], n),
            "grade": rng.integers(1, 4, n),
            "late": rng.random(n) < 0.4,
        }
    )
    data["class"] = data["school"] + data["room"]
    data["score"] = rng.normal(size=n) + data["school"].str[1:].astype(int)
    return data


def theirs(model, components: list[str]) -> np.ndarray:
    """V as MixedLM has it, with PSI for re_formula and VARIANCES for the components as listed."""
    V = np.eye(len(model.endog))
    assert sorted(model.exog_vc.names) == sorted(components)
    for g, label in enumerate(model.group_labels):
        rows = model.row_indices[label]
        here = np.zeros((len(rows), len(rows)))
        if model.k_re:
            Z = model.exog_re_li[g]
            here += Z @ PSI[: model.k_re, : model.k_re] @ Z.T
        for name, mats in zip(model.exog_vc.names, model.exog_vc.mats, strict=True):
            here += VARIANCES[components.index(name)] * mats[g] @ mats[g].T
        V[np.ix_(rows, rows)] += here
    return V


def same(frame: pd.DataFrame, by: list[str]) -> np.ndarray:
    codes = frame.groupby(by, sort=False, dropna=False).ngroup().to_numpy()
    return codes[:, None] == codes


def ours(frame: pd.DataFrame, terms: dict) -> np.ndarray:
    """V = I + sum of Z S Z', from the formula's meaning: rows of one group share its effects."""
    V, at = np.eye(len(frame)), 0
    for name, (by, columns) in terms.items():
        Z = np.column_stack([np.broadcast_to(c, len(frame)).astype(float) for c in columns])
        S = PSI[: Z.shape[1], : Z.shape[1]]
        if name != "re":
            S, at = np.array([[VARIANCES[at]]]), at + 1
        V += same(frame, by) * (Z @ S @ Z.T)
    return V


def agrees(t, frame: pd.DataFrame, terms: dict) -> MixedLM:
    """The model that the translation makes, once its V and its columns are what the formula says."""
    model = made(t, frame).model
    components = [name for name in terms if name != "re"]
    np.testing.assert_allclose(theirs(model, components), ours(frame, terms), rtol=1e-8, atol=1e-10)
    assert list(model.exog_names) == list(t.design.fixed_names)
    return model


# Three schools: MixedLM has a formula read anew in each group, for each component.
D = classes(3)
ONE, AGE, INCOME = 1.0, D["age"], D["income"] / 10_000  # the unit that MixedLM copes with
MALE = D["sex"] == "male"
