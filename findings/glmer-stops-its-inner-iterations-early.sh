#!/usr/bin/env bash
# glmer's standard errors and log-likelihood depend on a tolerance that nobody sets. At each step of its
# search it looks for the most likely random effects, and stops when the penalised deviance changes by
# less than 1e-7 of itself (tolPwrss). The log-determinant in Laplace's approximation is off by the root of
# that, and the standard errors come from differences of such deviances. With tolPwrss = 1e-13 the same
# call says something else; the help page (?glmerControl) does not tell that results depend on it.
#
# Version: lme4 1.1-31 with R 4.2.2 (Debian 12).
#
# Source: ?glmerControl, "tolPwrss: the tolerance for declaring convergence in the penalized iteratively
# weighted residual sum-of-squares step. Defaults to 1e-7."
#
# Seen:
#   tolPwrss 1e-07  log-likelihood -1055.33051; x 0.4236, standard error 0.06616
#   tolPwrss 1e-12  log-likelihood -1055.32848; x 0.4245, standard error 0.06806
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
school <- sample(40, 2000, TRUE)
room <- school * 10 + sample(4, 2000, TRUE)
x <- rnorm(2000, 3)
u <- rnorm(40)
v <- rnorm(440, sd = 0.7)
data <- data.frame(x, school = factor(school), room = factor(room))
data$y <- rbinom(2000, 1, plogis(-2.5 + 0.5 * x + u[school] + v[room]))

quiet <- list(check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")
at <- function(tolerance) {
  control <- do.call(glmerControl, c(list(optimizer = "bobyqa", tolPwrss = tolerance), quiet))
  fit <- glmer(y ~ x + (x | school) + (1 | room), data, binomial, control = control)
  cat(sprintf(
    "tolPwrss %-6g log-likelihood %.5f; x %.4f, standard error %.5f\n",
    tolerance, as.numeric(logLik(fit)), fixef(fit)[["x"]], sqrt(vcov(fit)[2, 2])
  ))
  fit
}
usual <- at(1e-7)
tight <- at(1e-12)
apart <- abs(sqrt(vcov(usual)[2, 2] / vcov(tight)[2, 2]) - 1)
stands <- apart > 0.003

cat(if (stands) "The surprise stands.\n" else "The behaviour has changed.\n")
quit(status = !stands)
R
