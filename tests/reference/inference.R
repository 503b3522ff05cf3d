# Reference values of lmerTest and pbkrtest for tests of fixed effects, for tests/inference/test_infer.py.
#
#   Rscript tests/reference/inference.R
#
# Run from the repository's top; writes inference.json. pbkrtest has n x n matrices, so most models take
# a part of the rows: every k-th, or the first n.

suppressMessages({
  library(lme4)
  library(lmerTest)
  library(pbkrtest)
  library(jsonlite)
})
invisible(Sys.setlocale("LC_COLLATE", "C")) # levels in the order in which Python sorts text
here <- "tests/reference"

# `formula` is read by both languages. `wald`: R's names of coefficients and the values they are
# tested for jointly; `constraints` says the same in patsy's names. `names = FALSE`: patsy has
# other names for the coefficients, so that only the terms are compared.
pupils <- "data/pupils.csv"
years <- "data/pupils_three_years.csv"
exam <- "data/exam.csv"
scotssec <- "data/scotssec.csv"
small <- "tests/reference/one_level_singular.csv"
models <- list(
  pupils_nested = list(
    data = pupils, every = 3,
    formula = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)",
    wald = c(age = 3, sexmale = -1), constraints = "age = 3, sex[T.male] = -1"
  ),
  pupils_school_level = list(
    data = pupils, every = 4,
    formula = "test_score ~ age * sex + teacher_experience + school_resources + (1|school/classroom)",
    wald = c(teacher_experience = 0, school_resources = 1),
    constraints = "teacher_experience = 0, school_resources = 1"
  ),
  pupils_slope = list(
    data = pupils, every = 3,
    formula = "test_score ~ I(age - 10) + sex + (I(age - 10)|classroom) + (1|school)",
    wald = c("(Intercept)" = 60, "I(age - 10)" = 3.5),
    constraints = "Intercept = 60, I(age - 10) = 3.5"
  ),
  pupils_slopes_uncorrelated = list(
    data = pupils, first = 900,
    formula = "test_score ~ age + sex + (age||school) + (1|classroom)",
    wald = c(age = 3, sexmale = -1), constraints = "age = 3, sex[T.male] = -1"
  ),
  years_crossed = list(
    data = years, first = 600,
    formula = "test_score ~ age + sex + (1|student_id) + (1|classroom) + (1|school)",
    wald = c(age = 3, sexmale = -1), constraints = "age = 3, sex[T.male] = -1"
  ),
  years_few_schools = list(
    data = years, first = 300,
    formula = "test_score ~ age + school_resources + (age|school) + (1|student_id)",
    wald = c(age = 3, school_resources = 0), constraints = "age = 3, school_resources = 0"
  ),
  scotssec_crossed = list(
    data = scotssec, every = 5,
    formula = "attain ~ verbal + sex + social + (1|primary) + (1|second)",
    wald = c(sexM = 0, social = 0.1), constraints = "sex[T.M] = 0, social = 0.1"
  ),
  exam_slope = list(
    data = exam, every = 5,
    formula = "normexam ~ standLRT + (standLRT|school)",
    wald = c("(Intercept)" = 0.1, standLRT = 0.5), constraints = "Intercept = 0.1, standLRT = 0.5"
  ),
  exam_factor_by_covariate = list(
    data = exam, every = 5,
    formula = "normexam ~ standLRT * schgend + vr + (standLRT|school)",
    wald = c(schgendgirls = 0, "standLRT:schgendgirls" = 0),
    constraints = "schgend[T.girls] = 0, standLRT:schgend[T.girls] = 0"
  ),
  exam_factor_by_factor = list(
    data = exam, every = 6,
    formula = "normexam ~ intake * schgend + (1|school)",
    wald = c(schgendgirls = 0, schgendmixed = 0),
    constraints = "schgend[T.girls] = 0, schgend[T.mixed] = 0"
  ),
  exam_three_way = list(
    data = exam, every = 6,
    formula = "normexam ~ sex * intake * standLRT + (1|school)",
    wald = c(sexM = 0, standLRT = 0.5), constraints = "sex[T.M] = 0, standLRT = 0.5"
  ),
  exam_covariates_interact = list(
    data = exam, every = 6,
    formula = "normexam ~ standLRT * schavg + vr * schavg + (1|school)",
    wald = c(schavg = 0, "standLRT:schavg" = 0),
    constraints = "schavg = 0, standLRT:schavg = 0"
  ),
  exam_one_factor = list(
    data = exam, first = 1000,
    formula = "normexam ~ schgend + (1|school)",
    wald = c(schgendgirls = 0, schgendmixed = 0),
    constraints = "schgend[T.girls] = 0, schgend[T.mixed] = 0"
  ),
  exam_slopes_by_level = list(
    data = exam, every = 6, names = FALSE,
    formula = "normexam ~ intake:standLRT + (1|school)"
  ),
  exam_no_intercept = list(
    data = exam, every = 6, names = FALSE,
    formula = "normexam ~ 0 + schgend + standLRT + (1|school)"
  ),
  one_level_singular = list(
    data = small, first = 1000,
    formula = "y ~ x + (1|school) + (1|classroom)",
    wald = c("(Intercept)" = 0, x = 0), constraints = "Intercept = 0, x = 0"
  )
)

read_data <- function(model) {
  d <- read.csv(model$data, na.strings = c("NA", ""), stringsAsFactors = FALSE)
  rows <- if (is.null(model$every)) seq_len(min(model$first, nrow(d))) else seq(1, nrow(d), model$every)
  d <- d[rows, ]
  for (column in names(d)) if (is.character(d[[column]])) d[[column]] <- factor(d[[column]])
  d
}

# "(Intercept)" -> "Intercept", "standLRT:schgendgirls" -> "schgend[T.girls]:standLRT": patsy has
# factors first where numbers are columns and factors mixed, so parts are sorted on both sides
patsy_names <- function(names, d) {
  one <- function(part) {
    if (part == "(Intercept)") return("Intercept")
    for (column in colnames(d)[vapply(d, is.factor, NA)]) {
      at <- match(part, paste0(column, levels(d[[column]])))
      if (!is.na(at)) return(sprintf("%s[T.%s]", column, levels(d[[column]])[at]))
    }
    part
  }
  vapply(strsplit(names, ":", fixed = TRUE), function(p) {
    paste(sort(vapply(p, one, "")), collapse = ":")
  }, "")
}

f_columns <- c(
  sum_sq = "Sum Sq", mean_sq = "Mean Sq", num_df = "NumDF", den_df = "DenDF", F = "F value",
  p_value = "Pr(>F)"
)
t_columns <- c(
  estimate = "Estimate", std_error = "Std. Error", df = "df", t = "t value", p_value = "Pr(>|t|)"
)

by_row <- function(table, columns, names) {
  setNames(lapply(seq_len(nrow(table)), function(i) {
    lapply(columns, function(column) table[i, column])
  }), names)
}

describe <- function(model, data, reml, ddf) {
  fit <- suppressMessages(do.call(lmerTest::lmer, list(
    as.formula(model$formula), quote(data), REML = reml,
    control = lmerControl(optimizer = "bobyqa", calc.derivs = FALSE, optCtrl = list(
      rhobeg = 0.2, rhoend = 1e-9, maxfun = 20000
    ))
  )))
  tests <- anova(fit, type = 3, ddf = ddf)
  terms <- vapply(strsplit(rownames(tests), ":", fixed = TRUE), function(p) {
    paste(sort(p), collapse = ":")
  }, "")
  found <- list(
    log_likelihood = as.numeric(logLik(fit)),
    anova = by_row(as.data.frame(tests), f_columns, terms)
  )
  if (!isFALSE(model$names)) {
    names <- names(fixef(fit))
    table <- as.data.frame(coef(summary(fit, ddf = ddf)))
    found$fixed_effects <- by_row(table, t_columns, patsy_names(names, data))
    L <- diag(length(names))[match(names(model$wald), names), , drop = FALSE]
    joint <- contestMD(fit, L, rhs = unname(model$wald), ddf = ddf)
    found$wald <- by_row(as.data.frame(joint), f_columns, "joint")$joint
  }
  if (ddf == "Kenward-Roger" && !isFALSE(model$names)) { # from pbkrtest itself
    adjusted <- sqrt(diag(as.matrix(vcovAdj(fit))))
    stopifnot(isTRUE(all.equal(unname(adjusted), table[["Std. Error"]], tolerance = 1e-8)))
  }
  found
}

results <- lapply(names(models), function(id) {
  model <- models[[id]]
  data <- read_data(model)
  found <- list(
    satterthwaite = describe(model, data, TRUE, "Satterthwaite"),
    satterthwaite_ML = describe(model, data, FALSE, "Satterthwaite"),
    "kenward-roger" = describe(model, data, TRUE, "Kenward-Roger")
  )
  cat(sprintf("%-28s %5d rows %14.5f\n", id, nrow(data), found$satterthwaite$log_likelihood))
  definition <- model[setdiff(names(model), c("wald", "names"))]
  c(definition, list(rows = nrow(data)), found)
})
names(results) <- names(models)

packages <- c("lme4", "lmerTest", "pbkrtest", "Matrix", "jsonlite")
versions <- c(
  list(R = paste(R.version$major, R.version$minor, sep = ".")),
  lapply(setNames(nm = packages), function(p) as.character(packageVersion(p)))
)
json <- function(x) toJSON(x, digits = I(12), auto_unbox = TRUE, na = "null", null = "null")
lines <- vapply(names(results), function(id) sprintf('"%s": %s', id, json(results[[id]])), "")
writeLines(c(
  sprintf('{"versions": %s,', json(versions)), '"models": {', paste(lines, collapse = ",\n"), "}}"
), file.path(here, "inference.json"))
