#!/usr/bin/env bash
# anova() of lmerTest is by type III: a factor is tested averaged over the factors that it interacts with, each
# level with the same weight, whatever level comes first. So it is for y ~ f * h. Written without the main
# effect of h, y ~ f + f:h, the model is the same (the same means, the same likelihood), but f is
# now tested at the first level of h alone, and its F changes when another level comes first.
#
# Version: lmerTest 3.1-3 with R 4.2.2 (Debian 12); newer ones may have another test.
#
# Source: the help page ?anova.lmerModLmerTest of lmerTest (type III: hypotheses that do not depend on the
# number of rows in each cell), and show_tests(), which prints them.
#
# Seen:
#   y ~ f * h:   F of f  51.49, with another level of h first  51.49
#   y ~ f + f:h: F of f  17.39, with another level of h first  19.60
set -euo pipefail

if ! Rscript -e 'stopifnot(requireNamespace("lmerTest", quietly = TRUE))' > /dev/null 2>&1; then
    echo 'This needs R with lmerTest: apt-get install r-base-core r-cran-lmertest'
    exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

( cd "$folder" && cat > finding.R && Rscript finding.R ) <<'R'
suppressMessages(library(lmerTest))
set.seed(2)
data <- data.frame(
  f = factor(sample(c("a", "b", "c"), 200, TRUE)),
  h = factor(sample(c("p", "q", "r"), 200, TRUE)),
  g = factor(rep(1:20, 10))
)
data$y <- rnorm(200) + as.numeric(data$f)
turned <- transform(data, h = relevel(h, "r"))

F_of_f <- function(formula, data) {
  anova(suppressMessages(lmer(formula, data)))["f", "F value"]
}
show <- function(formula) {
  found <- c(F_of_f(formula, data), F_of_f(formula, turned))
  cat(sprintf("%-12s F of f  %.2f, with another level of h first  %.2f\n",
              paste0(sub(" \\+ \\(1 \\| g\\)", "", deparse(formula)), ":"), found[1], found[2]))
  found
}
crossed <- show(y ~ f * h + (1 | g))
nested <- show(y ~ f + f:h + (1 | g))
quit(status = if (abs(diff(crossed)) < 1e-4 && abs(diff(nested)) > 0.1) 0 else 1)
R
