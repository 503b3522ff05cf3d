#!/usr/bin/env bash
# Eight pupils have no school. pandas writes the gap as an empty field, as it writes every gap.
# R's read.csv takes an empty field for NA in a column of numbers, but in a column of text for the
# label "", and lmer fits a thirteenth school, called nothing, made of pupils who have nothing in
# common. No row is reported missing. Labels that are numbers, or na.strings = c("", "NA"), give
# the twelve.
#
# Version: pandas 3.1.1, R 4.2.2 with lme4 1.1-31.
#
# Source: R's help page of read.table (blank fields are missing in logical, integer, numeric and
# complex fields); pandas' documentation of DataFrame.to_csv (na_rep is empty).
#
# Seen:
#   text labels:              13 schools, 120 pupils
#   numbers for labels:       12 schools, 112 pupils
#   text, na.strings given:   12 schools, 112 pupils
set -euo pipefail

if ! Rscript -e 'stopifnot(requireNamespace("lme4", quietly = TRUE))' > /dev/null 2>&1; then
    echo 'This needs R with lme4: apt-get install r-base-core r-cran-lme4'
    exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(numpy==2.4.6 pandas==3.1.1)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - "$folder/pupils.csv" <<'PYTHON'
import sys

import numpy as np
import pandas as pd

rng = np.random.default_rng(2)
number = np.repeat(np.arange(12.0), 10)
y = rng.normal(size=120) + rng.normal(size=12)[number.astype(int)]
data = pd.DataFrame({"y": y, "school": [f"school {n:.0f}" for n in number], "number": number})
data.loc[rng.choice(120, 8, replace=False), ["school", "number"]] = np.nan
data.to_csv(sys.argv[1], index=False)
PYTHON
( cd "$folder" && cat > finding.R && Rscript finding.R ) <<'R'
suppressMessages(library(lme4))
count <- function(what, data, formula) {
  fit <- suppressMessages(lmer(formula, data))
  cat(sprintf("%-25s %d schools, %d pupils\n", what, ngrps(fit), nobs(fit)))
  c(ngrps(fit), nobs(fit))
}
found <- c(
  count("text labels:", read.csv("pupils.csv"), y ~ 1 + (1 | school)),
  count("numbers for labels:", read.csv("pupils.csv"), y ~ 1 + (1 | number)),
  count("text, na.strings given:", read.csv("pupils.csv", na.strings = c("", "NA")), y ~ 1 + (1 | school))
)
stands <- all(found == c(13, 120, 12, 112, 12, 112))

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
