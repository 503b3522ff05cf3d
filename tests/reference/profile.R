# Profile confidence intervals by lme4 for some of the models in models.json, and intervals by nlme.
#
#   Rscript tests/reference/profile.R
#
# Run from the repository's top; writes tests/reference/profile.json.

suppressMessages({
  library(lme4)
  library(jsonlite)
})
here <- "tests/reference"
known <- read_json(file.path(here, "models.json"))
names(known) <- vapply(known, function(m) m$id, "")

# id -> data, formula
of <- function(id) list(data = known[[id]]$data, formula = known[[id]]$r)
models <- list(
  pupils_1c_1s_1p = of("pupils_1c_1s_1p"),
  pupils_agec_c_1s = list(
    data = "data/pupils.csv",
    formula = "test_score ~ age_c + sex + (age_c|classroom) + (1|school)"
  ),
  exam = of("exam"),
  scotssec_empty = of("scotssec_empty"),
  zero_school = of("zero_school"),
  zero_classroom = of("zero_classroom"),
  zero_slope_uncorrelated = of("zero_slope_uncorrelated"),
  correlation_plus_one = of("correlation_plus_one")
)

read_data <- function(path) {
  d <- read.csv(path, na.strings = c("NA", ""), stringsAsFactors = TRUE)
  if ("age" %in% names(d)) d$age_c <- d$age - 10
  d
}

control <- lmerControl(
  optimizer = "bobyqa",
  optCtrl = list(maxfun = 1e5, rhoend = 1e-9),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore"
)

# Small steps (delta, in zeta), so that splines through the points add no error of their own: the
# smaller ones where profiles bend sharply. Where a fit is singular lme4 may fail to take its first
# step if that is small, and for sd_, cor_ and sigma of correlation_plus_one whatever its size.
fine <- c("zero_classroom", "zero_slope_uncorrelated")

# Rows: parameters under lme4's names (sd_.., cor_.., sigma, fixed); lower, upper; and some points
# of each profile: value, zeta.
one <- function(id) {
  model <- models[[id]]
  fit <- lmer(as.formula(model$formula), read_data(model$data), control = control)
  delta <- if (id %in% fine) 0.05 else 0.2
  seconds <- system.time(
    suppressWarnings(
      profiled <- profile(fit, signames = FALSE, devtol = 1e-7, delta = delta, maxpts = 400)
    )
  )[["elapsed"]]
  interval <- suppressWarnings(confint(profiled, level = 0.95))
  points <- as.data.frame(profiled)
  message(id, ": ", round(seconds, 1), " s")
  list(
    data = model$data,
    formula = model$formula,
    intervals = apply(interval, 1, function(row) unname(row), simplify = FALSE),
    points = lapply(split(points, points$.par), function(p) {
      p <- p[abs(p$.zeta) < 3.2, ]
      list(value = p$.focal, zeta = p$.zeta)
    })
  )
}

results <- lapply(setNames(names(models), names(models)), one)

# Wald intervals of SDs on the log scale and of correlations on Fisher's: nlme
suppressMessages(library(nlme))
exam <- read_data("data/exam.csv")
by_nlme <- nlme::lme(normexam ~ standLRT, exam, ~ standLRT | school,
  method = "REML", control = nlme::lmeControl(msTol = 1e-10, tolerance = 1e-10)
)
wald <- nlme::intervals(by_nlme, which = "var-cov")

write_json(
  list(
    versions = list(
      R = R.version.string, lme4 = as.character(packageVersion("lme4")),
      nlme = as.character(packageVersion("nlme"))
    ),
    models = results,
    wald_exam = list(
      random = wald$reStruct$school, names = rownames(wald$reStruct$school),
      sigma = as.numeric(wald$sigma)
    )
  ),
  file.path(here, "profile.json"),
  digits = 10, auto_unbox = TRUE, na = "null", pretty = FALSE
)
