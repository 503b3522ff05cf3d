#!/usr/bin/env bash
# With prior weights the profile interval of a fixed effect by lme4 can be tens of times too narrow, with no error:
# here it is 0.07 standard errors wide, where it should be 3.9. The same model can be written without weights: the
# response, each predictor (the intercept is one) and each column of a random effect times the root of the weight. Its
# log-likelihood and estimates are the same, and its profile interval is as wide as it should be.
#
# Version: lme4 1.1-31 with R 4.2.2 (Debian 12); newer ones may be mended.
#
# Source: lme4 issue 192 (profiling fails with prior weights, open).
#
# Seen:
#   weights = w:  log-likelihood -481.989; slope 0.3060, SE 0.0350; profile interval 0.3059 to 0.3084
#   written out:  log-likelihood -481.989; slope 0.3060, SE 0.0350; profile interval 0.2373 to 0.3747
#   width in standard errors: 0.07 and 3.93
set -euo pipefail

if ! Rscript -e 'stopifnot(requireNamespace("lme4", quietly = TRUE))' > /dev/null 2>&1; then
    echo 'This needs R with lme4: apt-get install r-base-core r-cran-lme4'
    exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

( cd "$folder" && cat > finding.R && Rscript finding.R ) <<'R'
suppressMessages(library(lme4))
set.seed(15)
g <- factor(rep(1:40, each = 10))
x <- rnorm(400)
w <- rep_len(c(1, 2, 4), 400)
y <- 1 + 0.3 * x + rnorm(40, sd = 0.5)[g] + rnorm(400) / sqrt(w)
r <- sqrt(w)
data <- data.frame(y, x, g, w, r, yr = y * r, xr = x * r)

show <- function(what, fit, more = 0) {
  interval <- suppressWarnings(confint(profile(fit, which = "beta_", signames = FALSE)))[2, ]
  b <- coef(summary(fit))[2, ]
  cat(sprintf(
    "%-13s log-likelihood %.3f; slope %.4f, SE %.4f; profile interval %.4f to %.4f\n",
    what, logLik(fit) + more, b[1], b[2], interval[1], interval[2]
  ))
  unname(diff(interval) / b[2])
}
one <- show("weights = w:", lmer(y ~ x + (1 | g), data, weights = w, REML = FALSE))
other <- show("written out:", lmer(yr ~ 0 + r + xr + (0 + r | g), data, REML = FALSE), sum(log(w)) / 2)
cat(sprintf("width in standard errors: %.2f and %.2f\n", one, other))
stands <- one < 3 && abs(other - 3.92) < 0.1

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
