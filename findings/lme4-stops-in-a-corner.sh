#!/usr/bin/env bash
# lmer reports an SD of intercepts of exactly 0 and says that the fit is singular. Singular it is,
# but the corner is the wrong one: the same criterion, at a point where intercepts have an SD of
# 0.15 and are tied to the slopes, is lower by 0.70. The default optimiser ran into the bound at 0
# and stayed there; its code of convergence is 0, and no warning of convergence comes. Started
# elsewhere, lmer finds the better fit.
#
# Version: lme4 1.1-31 with R 4.2.2 (Debian 12); newer ones may stop elsewhere.
#
# Source: lme4 issue 17 (a false estimate of 0, closed) and the help page ?convergence of lme4
# (try other optimisers, restart).
#
# Seen:
#   lmer:           SD of intercepts 0.000, of slopes 0.480; REML criterion 115.520; convergence code 0
#   lmer, restart:  SD of intercepts 0.150, of slopes 0.463; REML criterion 114.817; convergence code 0
set -euo pipefail

if ! Rscript -e 'stopifnot(requireNamespace("lme4", quietly = TRUE))' > /dev/null 2>&1; then
    echo 'This needs R with lme4: apt-get install r-base-core r-cran-lme4'
    exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

( cd "$folder" && cat > finding.R && Rscript finding.R ) <<'R'
suppressMessages(library(lme4))
set.seed(94)
g <- rep(1:8, each = 5)
x <- rnorm(40)
invisible(rnorm(40)) # a predictor that is not used
data <- data.frame(x = x, g = factor(g))
data$y <- 1 + x + 0.3 * rnorm(8)[g] + 0.2 * rnorm(8)[g] * x + rnorm(40)

show <- function(what, fit) {
  sd <- attr(VarCorr(fit)$g, "stddev")
  cat(sprintf(
    "%-15s SD of intercepts %.3f, of slopes %.3f; REML criterion %.3f; convergence code %d\n",
    what, sd[1], sd[2], REMLcrit(fit), fit@optinfo$conv$opt
  ))
  REMLcrit(fit)
}
warned <- FALSE
note <- function(w) {
  warned <<- TRUE
  invokeRestart("muffleWarning")
}
plain <- withCallingHandlers(suppressMessages(lmer(y ~ x + (x | g), data)), warning = note)
again <- suppressMessages(lmer(y ~ x + (x | g), data, start = c(0.2, 0.5, 0.1)))
gap <- show("lmer:", plain) - show("lmer, restart:", again)
stands <- gap > 0.1 && !warned

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
