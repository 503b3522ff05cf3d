# Models with more variances than the rows can tell apart, by lme4; see README.md.
#
#   Rscript tests/reference/shared.R
#
# Writes shared.csv, the data, and shared.json. Run from the repository's top. Of several optimisers the one
# with the highest log-likelihood counts. The split of the variances is another with each of them, but the
# covariance matrix of the response and the sums listed below are the same.

suppressMessages({
  library(lme4)
  library(jsonlite)
})
here <- "tests/reference"

# ---- data: 24 subjects, 9 rows each, on three days (f); sex belongs to the subject -------------

set.seed(20261129)
n <- 24
d <- expand.grid(row = 1:3, f = c("a", "b", "c"), g = sprintf("s%02d", 1:n))
s <- as.integer(factor(d$g))
d$g2 <- sub("s", "subject ", d$g)
d$sex <- ifelse(s %% 2 == 0, "man", "woman")
d$x <- round(rnorm(nrow(d)), 3)
own <- rnorm(n) * ifelse(seq_len(n) %% 2 == 0, 1.5, 0.8)
slope <- 0.6 * rnorm(n)
day <- matrix(0.9 * rnorm(3 * n), n)
d$y <- round(10 + d$x + own[s] + slope[s] * d$x + day[cbind(s, as.integer(d$f))] + rnorm(nrow(d)), 3)
d <- d[, c("g", "g2", "sex", "f", "x", "y")]
write.csv(d, file.path(here, "shared.csv"), row.names = FALSE, quote = FALSE)
d <- read.csv(file.path(here, "shared.csv"), stringsAsFactors = TRUE)

# ---- models: R's formula, Python's where it differs, and the sums that are known ----------------

# The covariance matrix of all effects with these names by a group, the terms of the group added up.
total <- function(v, group, effects) {
  terms <- v[sub("\\.[0-9]+$", "", names(v)) == group]
  sum <- matrix(0, length(effects), length(effects), dimnames = list(effects, effects))
  for (one in terms) {
    have <- intersect(effects, rownames(one))
    sum[have, have] <- sum[have, have] + one[have, have]
  }
  sum
}
i <- "(Intercept)"
models <- list(
  intercept_beside_levels = list(
    r = "y ~ x + (1 | g) + (0 + f | g)",
    sums = function(v) {
      both <- total(v, "g", c("fa", "fb", "fc")) + total(v, "g", i)[1]
      c(aa = both[1, 1], bb = both[2, 2], cc = both[3, 3], ab = both[1, 2], ac = both[1, 3], bc = both[2, 3])
    }
  ),
  intercept_in_two_terms = list(
    r = "y ~ x + (1 | g) + (x | g)",
    sums = function(v) c(intercept = total(v, "g", i)[1])
  ),
  sex_of_the_subject = list(
    r = "y ~ x + (x | g) + (0 + sex | g)",
    sums = function(v) diag(total(v, "g", c("sexman", "sexwoman"))) + total(v, "g", i)[1]
  ),
  slope_of_the_subject = list(
    r = "y ~ sex + (1 + sex | g) + (1 + sex | g:f)",
    sums = function(v) {
      sum <- function(group) {
        V <- total(v, group, c(i, "sexwoman"))
        V[2, 2] + 2 * V[1, 2]
      }
      c(g = sum("g"), gf = sum("g:f"))
    }
  ),
  two_names = list(
    r = "y ~ x + (1 | g) + (1 | g2)",
    sums = function(v) c(intercept = total(v, "g", i)[1] + total(v, "g2", i)[1])
  ),
  two_names_with_slopes = list(
    r = "y ~ x + (x | g) + (x | g2)",
    sums = function(v) {
      both <- total(v, "g", c(i, "x")) + total(v, "g2", c(i, "x"))
      c(intercept = both[1, 1], slope = both[2, 2], covariance = both[1, 2])
    }
  ),
  written_twice = list(
    r = "y ~ x + (1 | g) + (1 | g)",
    sums = function(v) c(intercept = total(v, "g", i)[1])
  ),
  nested_in_itself = list(
    r = "y ~ x + (1 | g) + (1 | g:sex) + (1 | g:f)",
    sums = function(v) c(intercept = total(v, "g", i)[1] + total(v, "g:sex", i)[1])
  ),
  intercept_above_another_grouping = list(
    r = "y ~ x + (1 | g) + (x | g) + (1 | g:f)",
    sums = function(v) c(intercept = total(v, "g", i)[1])
  )
)

# ---- fits --------------------------------------------------------------------------------------

optimisers <- list(
  list("bobyqa", list(maxfun = 1e5)), list("Nelder_Mead", list(maxfun = 1e5)), list("nloptwrap", list())
)
best_fit <- function(formula, reml) {
  fits <- lapply(optimisers, function(o) {
    suppressMessages(suppressWarnings(lmer(
      as.formula(formula), d,
      REML = reml,
      control = lmerControl(
        optimizer = o[[1]], optCtrl = o[[2]], check.nobs.vs.nRE = "ignore", calc.derivs = FALSE
      )
    )))
  })
  fits[[which.max(vapply(fits, function(f) as.numeric(logLik(f)), 0))]]
}
shown <- c(1:4, 9:12) # rows of two subjects

result <- function(model, reml) {
  fit <- best_fit(model$r, reml)
  root <- getME(fit, "Lambdat") %*% getME(fit, "Zt")
  V <- sigma(fit)^2 * (as.matrix(crossprod(root)) + diag(nrow(d)))
  v <- lapply(VarCorr(fit), function(m) m[, , drop = FALSE])
  fixed <- sqrt(diag(as.matrix(vcov(fit))))
  list(
    log_likelihood = as.numeric(logLik(fit)),
    n_parameters = attr(logLik(fit), "df"),
    sigma = sigma(fit),
    fixed = unname(fixef(fit)),
    std_error = unname(fixed),
    sums = as.list(model$sums(v)),
    rows = shown - 1,
    covariance = V[shown, shown]
  )
}
found <- lapply(models, function(m) {
  list(formula = m$r, REML = result(m, TRUE), ML = result(m, FALSE))
})
write_json(
  list(versions = list(R = R.version.string, lme4 = as.character(packageVersion("lme4"))), models = found),
  file.path(here, "shared.json"),
  auto_unbox = TRUE, digits = 10, pretty = TRUE
)
