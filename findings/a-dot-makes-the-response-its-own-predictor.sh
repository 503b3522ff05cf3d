#!/usr/bin/env bash
# In R's formulas a dot on the right means all other columns: lm(log(y) ~ ., data) leaves y and
# log(y) out of them. lmer expands the dot a second time, in its model frame, where log(y) is a
# column like any other: the response becomes its own predictor, with a coefficient of 1, and the
# residual SD is 0 but for rounding. There is no warning of it.
#
# Version: lme4 1.1-31 with R 4.2.2 (Debian 12).
#
# Source: seen here, with formulas of a list of published models.
#
# Seen:
#   lm:   (Intercept) x
#   lmer: (Intercept) `log(y)` x
#   coefficient of log(y) in a model of log(y): 1.000; residual SD below 1e-6: TRUE
set -euo pipefail

if ! Rscript -e 'stopifnot(requireNamespace("lme4", quietly = TRUE))' > /dev/null 2>&1; then
    echo 'This needs R with lme4: apt-get install r-base-core r-cran-lme4'
    exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

( cd "$folder" && cat > finding.R && Rscript finding.R ) <<'R'
suppressMessages(library(lme4))
set.seed(1)
data <- data.frame(x = rnorm(60), g = factor(rep(1:6, 10)))
data$y <- exp(1 + data$x + rnorm(6)[data$g] + rnorm(60))

plain <- lm(log(y) ~ . - g, data)
mixed <- suppressWarnings(suppressMessages(lmer(log(y) ~ . - g + (1 | g), data)))
cat("lm:  ", names(coef(plain)), "\n")
cat("lmer:", names(fixef(mixed)), "\n")
own <- fixef(mixed)["`log(y)`"]
cat(sprintf(
  "coefficient of log(y) in a model of log(y): %.3f; residual SD below 1e-6: %s\n",
  own, sigma(mixed) < 1e-6
))
stands <- !is.na(own) && abs(own - 1) < 1e-6

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
