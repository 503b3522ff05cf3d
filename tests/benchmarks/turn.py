"""One turn of one Python package at one problem, in a process of its own: `peers.py` starts it.

    python turn.py PACKAGE FORMULA FILE TIMES REML CALL

FILE is a pickled data frame, REML 1 or 0, CALL what statsmodels is called with, as JSON. A line of JSON comes
out: seconds of processor time, of all threads together, the log-likelihood, and what the package says of its
search. Each package first fits a small model that does not count: what runs first loads and compiles.
"""

from __future__ import annotations

import gc
import json
import re
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

NOT_CONVERGED = "says that it did not converge"


@dataclass
class Package:
    """How a package fits a formula to data, and what its result is asked."""

    fit: Callable[[str, pd.DataFrame, bool, dict], object]
    llf: Callable[[object], float]
    converged: Callable[[object], bool]


def parts(formula: str) -> tuple[str, list[tuple[str, str]]]:
    """The fixed part of a formula, and effects and group of each bar."""
    fixed, *bars = re.split(r"\s*\+\s*\(", formula)
    return fixed, [tuple(bar.rstrip(")").split("|")) for bar in bars]


def spelled_out(formula: str) -> str:
    """With the intercepts that `(x|g)` leaves unsaid, which some packages ask for."""
    return re.sub(r"\((?!1)", "(1 + ", formula)


# -- ours ---------------------------------------------------------------------------------------


def ours(formula: str, data: pd.DataFrame, reml: bool, _: dict) -> object:
    from course import mixedlm

    return mixedlm(formula, data).fit(reml=reml)


# -- the others ---------------------------------------------------------------------------------


def statsmodels_by_hand(_: str, data: pd.DataFrame, reml: bool, call: dict) -> object:
    """The call that one would write, whatever the formula."""
    import statsmodels.formula.api as smf

    return smf.mixedlm(data=data, **call).fit(reml=reml)


def rust(formula: str, data: pd.DataFrame, reml: bool, _: dict) -> object:
    import mixedlm

    return mixedlm.lmer(formula, data, REML=reml)


def lme_python(formula: str, data: pd.DataFrame, reml: bool, _: dict) -> object:
    import lme_python

    return lme_python.lmer(formula, data, reml=reml)


def kamino(formula: str, data: pd.DataFrame, reml: bool, _: dict) -> object:
    import kamino

    return kamino.lmer(spelled_out(formula), data, reml=reml)


def interlace(formula: str, data: pd.DataFrame, reml: bool, _: dict) -> object:
    import interlace

    fixed, bars = parts(spelled_out(formula))
    random = [f"({effects}|{group})" for effects, group in bars]
    return interlace.fit(fixed, data, random=random, method="REML" if reml else "ML")


def mixedlm_rs(formula: str, data: pd.DataFrame, reml: bool, _: dict) -> object:
    import mixedlm_rs

    fixed, ((effects, group),) = parts(formula)
    return mixedlm_rs.mixedlm(fixed, data, groups=group, re_formula=f"~{effects}").fit(reml=reml)


def gpboost(formula: str, data: pd.DataFrame, reml: bool, inversion: str) -> object:
    """Intercepts only: its slopes have no covariances, and it has no REML."""
    import patsy

    assert not reml
    fixed, bars = parts(formula)
    y, x = patsy.dmatrices(fixed, data, return_type="dataframe")
    groups = data[[group for _, group in bars]]
    model = gp_model(groups, inversion)
    return model.fit(y=y.to_numpy()[:, 0], X=x), y, x, groups


def gp_model(groups: pd.DataFrame, inversion: str) -> object:
    from gpboost import GPModel

    return GPModel(
        group_data=groups,
        likelihood="gaussian",
        num_parallel_threads=1,
        matrix_inversion_method=inversion,
    )


def gpboost_llf(found: tuple) -> float:
    """Of its estimates, by its Cholesky factors.

    By default its own number comes from random vectors, and can be above the maximum.
    """
    model, y, x, groups = found
    exact = gp_model(groups, "cholesky")
    residuals = y.to_numpy()[:, 0] - x.to_numpy() @ np.ravel(model.get_coef())[: x.shape[1]]
    return -exact.neg_log_likelihood(np.ravel(model.get_cov_pars()), residuals)


PACKAGES = {
    "ours": Package(ours, lambda fit: fit.llf, lambda fit: fit.converged),
    "ours, as statsmodels": Package(
        lambda *given: ours(*given).statsmodels, lambda fit: fit.llf, lambda fit: fit.converged
    ),
    "statsmodels by hand": Package(
        statsmodels_by_hand, lambda fit: fit.llf, lambda fit: fit.converged
    ),
    "mixedlm (Rust)": Package(rust, lambda fit: fit.logLik(), lambda fit: fit.converged),
    "lme-python": Package(lme_python, lambda fit: fit.log_likelihood, lambda fit: fit.converged),
    # kamino raises where its search fails.
    "kamino-lme": Package(kamino, lambda fit: fit.log_likelihood, lambda fit: True),
    "interlace-lme": Package(interlace, lambda fit: fit.llf, lambda fit: fit.converged),
    "mixedlm-rs": Package(mixedlm_rs, lambda fit: fit.llf, lambda fit: fit.converged),
    # gpboost prints its complaints, and its result has none.
    "gpboost": Package(
        lambda *given: gpboost(*given[:3], "default"), gpboost_llf, lambda fit: True
    ),
    "gpboost (Cholesky)": Package(
        lambda *given: gpboost(*given[:3], "cholesky"), gpboost_llf, lambda fit: True
    ),
}


def warm_up(package: Package, reml: bool) -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat([f"g{i}" for i in range(10)], 6)
    small = pd.DataFrame({"x": rng.normal(size=60), "g": groups, "h": np.roll(groups, 2)})
    small["y"] = 1 + rng.normal(size=10).repeat(6) + rng.normal(size=60)
    package.fit("y ~ x + (1|g)", small, reml, {"formula": "y ~ x", "groups": "g"})


def main() -> None:
    name, formula, file, times, reml, call = sys.argv[1:]
    warnings.simplefilter("ignore")  # statsmodels warns; whether it converged is asked
    package, data = PACKAGES[name], pd.read_pickle(file)
    warm_up(package, bool(int(reml)))
    seconds = []
    for _ in range(int(times)):
        gc.collect()
        start = time.process_time()
        fit = package.fit(formula, data, bool(int(reml)), json.loads(call))
        seconds.append(round(time.process_time() - start, 5))
    note = "" if package.converged(fit) else NOT_CONVERGED
    print(json.dumps({"seconds": seconds, "llf": float(package.llf(fit)), "note": note}))


if __name__ == "__main__":
    main()
