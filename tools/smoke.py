"""Does an installed course work? Run by tools/release.py in an environment that has nothing else.

python -I smoke.py FOLDER_OF_THE_ENVIRONMENT
"""

import subprocess
import sys
from pathlib import Path

import course
from course import load, mixedlm, translate
from course.data import DATA_SETS

environment = Path(sys.argv[1]).resolve()
assert Path(course.__file__).resolve().is_relative_to(environment), course.__file__

for name in DATA_SETS:
    assert len(load(name)) > 1000, name

pupils = load("pupils")
formula = "test_score ~ age + sex + (1|classroom) + (1|school)"
translation = translate(formula, pupils)
assert translation.exact
names = {"data": pupils}
exec(translation.code, names)

fit = mixedlm(formula, pupils).fit()
assert fit.converged
assert abs(fit.llf - names["result"].llf) < 1e-3, (fit.llf, names["result"].llf)

lessons = [sys.executable, "-I", "-m", "course", "lessons", environment / "my-work"]
subprocess.run(lessons, cwd=environment, check=True)
assert (environment / "my-work" / "00-start-here.ipynb").exists()

doctor = [sys.executable, "-I", "-m", "course", "doctor"]
raise SystemExit(subprocess.run(doctor, cwd=environment).returncode)
