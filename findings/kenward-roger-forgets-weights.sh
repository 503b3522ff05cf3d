#!/usr/bin/env bash
# With prior weights lmer fits the right model, and Kenward and Roger's degrees of freedom are those of another one:
# pbkrtest takes every row's residual variance for sigma^2, where it is sigma^2 / w. In 60 groups it finds 82 degrees
# of freedom in place of 54. The same model can be written without weights: the response, each predictor (the
# intercept is one) and each column of a random effect times the root of the weight. The log-likelihood, the estimates
# and Satterthwaite's degrees of freedom are then what they were; Kenward and Roger's are not.
#
# Version: pbkrtest 0.5.2, lmerTest 3.1-3, lme4 1.1-31 with R 4.2.2 (Debian 12); newer ones may know of the weights.
#
# Source: the function get_SigmaG of pbkrtest, which adds sigma^2 on the diagonal, the same for every row.
#
# Seen:
#   weights = w:       log-likelihood -952.325; Satterthwaite: SE 0.0501, df 42.0; Kenward-Roger: SE 0.0505, df 82.3
#   written out:       log-likelihood -952.325; Satterthwaite: SE 0.0501, df 42.0; Kenward-Roger: SE 0.0503, df 54.1
set -euo pipefail

if ! Rscript -e 'stopifnot(requireNamespace("lmerTest", quietly = TRUE), requireNamespace("pbkrtest", quietly = TRUE))' > /dev/null 2>&1; then
    echo 'This needs R with lmerTest and pbkrtest: apt-get install r-base-core r-cran-lmertest r-cran-pbkrtest'
    exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

( cd "$folder" && cat > finding.R && Rscript finding.R ) <<'R'
suppressMessages({
  library(lme4)
  library(lmerTest)
})
set.seed(15)
g <- factor(rep(1:60, each = 10))
x <- rnorm(600)
w <- rep_len(c(0.2, 1, 4), 600)
y <- 1 + 0.3 * x + rnorm(60, sd = 0.5)[g] + rnorm(60, sd = 0.3)[g] * x + rnorm(600) / sqrt(w)
r <- sqrt(w)
data <- data.frame(y, x, g, w, r, yr = y * r, xr = x * r)

show <- function(what, fit, more = 0) {
  of <- function(ddf) coef(summary(fit, ddf = ddf))[2, c("Std. Error", "df")]
  kr <- of("Kenward-Roger")
  sat <- of("Satterthwaite")
  cat(sprintf(
    "%-18s log-likelihood %.3f; Satterthwaite: SE %.4f, df %.1f; Kenward-Roger: SE %.4f, df %.1f\n",
    what, logLik(fit) + more, sat[1], sat[2], kr[1], kr[2]
  ))
  c(sat[2], kr[2])
}
one <- show("weights = w:", lmer(y ~ x + (x | g), data, weights = w))
other <- show("written out:", lmer(yr ~ 0 + r + xr + (0 + r + xr | g), data), sum(log(w)) / 2)
stands <- abs(one[1] / other[1] - 1) < 0.01 && one[2] > 1.4 * other[2]

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
