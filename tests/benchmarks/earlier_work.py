"""What `earlier.py` has both builds do: prints processor seconds and numbers by name as JSON."""

import json
import sys
import time

import numpy as np
import pandas as pd

from course import bootstrap, confint, icc, influence, mixedlm, r2, report, simulate_schools

quick, first = "quick" in sys.argv, "first" in sys.argv
NESTED = "test_score ~ age + (age|classroom) + (1|school) + (1|province)"
SLOPES = "test_score ~ age + sex + (age|classroom) + (age|school) + (age|province)"


def pupils(sizes, varying):
    more = {"slope_sd": {"classroom": 1.0}, "correlation": {"classroom": 0.3}} if varying else {}
    return simulate_schools(*sizes, intercept_at=10, seed=1, **more).data


def ratings(share):
    """Students who rate lecturers, as many and as unevenly as in the InstEval data of R's lme4, or a share.

    Students rate mostly in one of 14 departments; a lecturer belongs to one, and some have many students.
    """
    rng = np.random.default_rng(1)
    students, lecturers, n = (int(share * size) for size in (2972, 1128, 73_421))
    department = rng.integers(0, 14, lecturers)
    popularity = rng.lognormal(0, 1, lecturers)
    home = rng.integers(0, 14, students)
    s, d = rng.integers(0, students, n), np.empty(n, dtype=int)
    for dept in range(14):
        here = (home[s] == dept).nonzero()[0]
        chance = popularity * np.where(department == dept, 1, 0.05)
        d[here] = rng.choice(lecturers, len(here), p=chance / chance.sum())
    service = rng.integers(0, 2, n)
    data = pd.DataFrame({"s": s, "d": d, "dept": department[d], "service": service})
    sd = {"s": (0.33, 0.1), "d": (0.5, 0.2), "dept": (0.1, 0.0)}
    data["y"] = 3.3 - 0.1 * service + 1.2 * rng.normal(size=n)
    for group, (intercept, slope) in sd.items():
        u = rng.normal(size=(2, data[group].max() + 1))[:, data[group]]
        data["y"] += intercept * u[0] + slope * u[1] * service
    return data


seconds, numbers = {}, {}


def measure(name, work, read=None, times=1):
    """The least of some times, and of those before: other work on the machine adds to what is short."""
    took = []
    for _ in range(times):
        start = time.process_time()
        found = work()
        took.append(time.process_time() - start)
    seconds[name] = min(*took, seconds.get(name, took[0]))
    if read is not None:
        numbers[name] = read(found)
    return found


data = pupils((20, 12, 5, 20) if not quick else (8, 4, 3, 10), True)
fit = measure("one fit", mixedlm(NESTED, data).fit, lambda fit: [fit.llf])
measure("bootstrap(n=100)", lambda: bootstrap(fit, 100, seed=1, progress=False), times=3)
if first:
    measure("bootstrap(n=1000)", lambda: bootstrap(fit, 1000, seed=1, progress=False))
    measure(
        'influence(fit, "classroom")',
        lambda: influence(fit, "classroom", progress=False),
        lambda found: found.to_numpy(dtype=float).ravel().tolist(),
    )
measure(
    'influence(fit, "school")',
    lambda: influence(fit, "school", progress=False),
    lambda found: found.to_numpy(dtype=float).ravel().tolist(),
)
by_ml = mixedlm(NESTED, data).fit(reml=False)  # the earlier build profiled ML whatever the fit was
measure(
    'confint(method="profile")',
    lambda: confint(by_ml, method="profile"),
    lambda found: found[["lower", "upper"]].to_numpy(dtype=float).ravel().tolist(),
)


def ask(fit):
    """What a fit is asked, of each kind once, since a fit keeps what it found."""
    for name, work in [
        ("Satterthwaite", lambda: fit.fixed_effects),
        ("icc", lambda: icc(fit)),
        ("r2", lambda: r2(fit)),
        ("predict", lambda: fit.predict(data.head(1000))),
        ("report", lambda: str(report(fit))),
        ("summary", lambda: str(fit.summary())),
    ]:
        measure(name, work)


for _ in range(3):
    ask(mixedlm(NESTED, data).fit())
large = pupils((20, 50, 8, 25) if not quick else (8, 4, 3, 10), False)
singular = mixedlm(SLOPES, large)
assert singular.problem  # the cross-products are not to be measured
end = measure("a singular fit of 200,000", singular.fit, lambda fit: [fit.llf])
numbers["evaluations of the singular fit"] = [end.estimates.evaluations]
crossed = ratings(1 if not quick else 0.1)
for name, terms in [
    ("crossed groups", "(1|s) + (1|d) + (1|dept)"),
    ("two crossed slopes", "(service|s) + (service|d)"),
]:
    measure(name, mixedlm("y ~ service + " + terms, crossed).fit, lambda fit: [fit.llf])
print(json.dumps([seconds, numbers]))
