"""What `earlier.py` has both builds do: prints processor seconds and numbers by name as JSON."""

import json
import sys
import time

from course import bootstrap, confint, icc, influence, mixedlm, r2, report, simulate_schools

quick, first = "quick" in sys.argv, "first" in sys.argv
NESTED = "test_score ~ age + (age|classroom) + (1|school) + (1|province)"
SLOPES = "test_score ~ age + sex + (age|classroom) + (age|school) + (age|province)"


def pupils(sizes, varying):
    more = {"slope_sd": {"classroom": 1.0}, "correlation": {"classroom": 0.3}} if varying else {}
    return simulate_schools(*sizes, intercept_at=10, seed=1, **more).data


seconds, numbers = {}, {}


def measure(name, work, read=None):
    start = time.process_time()
    found = work()
    seconds[name] = time.process_time() - start
    if read is not None:
        numbers[name] = read(found)
    return found


data = pupils((20, 12, 5, 20) if not quick else (8, 4, 3, 10), True)
fit = measure("one fit", mixedlm(NESTED, data).fit, lambda fit: [fit.llf])
measure("bootstrap(n=100)", lambda: bootstrap(fit, 100, seed=1, progress=False))
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
measure(
    'confint(method="profile")',
    lambda: confint(fit),
    lambda found: found[["lower", "upper"]].to_numpy(dtype=float).ravel().tolist(),
)
for name, work in [
    ("Satterthwaite", lambda: fit.fixed_effects),
    ("icc", lambda: icc(fit)),
    ("r2", lambda: r2(fit)),
    ("predict", lambda: fit.predict(data.head(1000))),
    ("report", lambda: str(report(fit))),
    ("summary", lambda: str(fit.summary())),
]:
    measure(name, work)
large = pupils((20, 50, 8, 25) if not quick else (8, 4, 3, 10), False)
singular = mixedlm(SLOPES, large)
assert singular.problem  # the cross-products are not to be measured
end = measure("a singular fit of 200,000", singular.fit, lambda fit: [fit.llf])
numbers["evaluations of the singular fit"] = [end.estimates.evaluations]
print(json.dumps([seconds, numbers]))
