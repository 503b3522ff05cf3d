#!/usr/bin/env bash
# (x || g) is lme4's way to ask for effects without covariances. For a number x it splits into
# (1 | g) and (0 + x | g). For a factor f it splits by terms and not by columns: (1 | g) and
# (0 + f | g), and the latter has a column for each level with all their covariances. Instead of
# two parameters there are four, one more than in the correlated model (f | g), whose likelihood
# it has: one of the four cannot be known.
#
# Version: lme4 1.1-31 with R 4.2.2.
#
# Source: lme4's help page of expandDoubleVerts (the bar is split by terms, so factors stay
# correlated).
#
# Seen:
#   (f | g):   3 parameters, log-likelihood -385.183
#   (f || g):  4 parameters, log-likelihood -385.183
#   (x || g):  2 parameters, log-likelihood -385.188
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
g <- rep(1:20, each = 10)
f <- factor(rep(c("a", "b"), 100))
data <- data.frame(f = f, x = as.numeric(f == "b"), g = factor(g))
t <- rnorm(200)
data$y <- 2 + t + rnorm(20)[g] + rnorm(200) + rnorm(20)[g] * data$x

formulas <- list("(f | g)" = y ~ f + (f | g), "(f || g)" = y ~ f + (f || g), "(x || g)" = y ~ x + (x || g))
found <- sapply(names(formulas), function(name) {
  fit <- suppressMessages(suppressWarnings(lmer(formulas[[name]], data)))
  cat(sprintf(
    "%-10s %d parameters, log-likelihood %.3f\n", paste0(name, ":"), length(getME(fit, "theta")), logLik(fit)
  ))
  c(length(getME(fit, "theta")), logLik(fit))
})
stands <- all(found[1, ] == c(3, 4, 2)) && abs(found[2, 1] - found[2, 2]) < 1e-3

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
