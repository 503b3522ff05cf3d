# Adjusted means, contrasts and slopes by emmeans, cluster-robust tests by clubSandwich.
#
#   Rscript tests/reference/means.R
#
# Run from the repository's top. Writes tests/reference/means.json. lme4 stops at a tight tolerance here, so
# that the values are those of the optimum. Formulas are read by both languages.

suppressMessages({
  library(lmerTest)
  library(emmeans)
  library(clubSandwich)
  library(jsonlite)
})
invisible(Sys.setlocale("LC_COLLATE", "C")) # levels in the order in which Python sorts text
here <- "tests/reference"
emm_options(lmerTest.limit = 1e5, pbkrtest.limit = 1e5, msg.interaction = FALSE, msg.nesting = FALSE)
control <- lmerControl(
  optimizer = "nloptwrap",
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 20000),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore"
)

means <- function(factor, ...) list(call = "means", factor = factor, options = list(...))
contrasts_of <- function(factor, kind, ...) list(call = "contrasts", factor = factor, kind = kind, options = list(...))
slopes <- function(predictor, ...) list(call = "slopes", factor = predictor, options = list(...))

# `every`: only each k-th row. A label in `by` and in `at` is a label of R and of Python.
models <- list(
  list(
    id = "cake", data = "tests/reference/baking.csv",
    formula = "angle ~ recipe * temperature + (1|recipe:replicate)",
    calls = list(
      means("recipe"), means("recipe", df = "kenward-roger"), means("recipe:temperature"),
      means("temperature", by = "recipe", level = 0.9),
      contrasts_of("recipe", "pairwise", adjust = "tukey", df = "kenward-roger"),
      contrasts_of("recipe", "pairwise", adjust = "holm"),
      contrasts_of("temperature", "pairwise", adjust = "tukey", by = "recipe"),
      contrasts_of("temperature", "polynomial", adjust = "none"),
      contrasts_of("temperature", "consecutive", adjust = "bonferroni", level = 0.99),
      contrasts_of("temperature", "reference", adjust = "holm"),
      contrasts_of("temperature", "consecutive", adjust = "holm", at = list(temperature = c("t175", "t195", "t225")))
    )
  ),
  list(
    id = "cake_line", data = "tests/reference/baking.csv",
    formula = "angle ~ recipe * temp + (1|recipe:replicate)",
    calls = list(
      means("recipe", at = list(temp = 200)), means("recipe:temp", at = list(temp = c(180, 210))),
      contrasts_of("recipe", "pairwise", adjust = "tukey", at = list(temp = 200)),
      slopes("temp"), slopes("temp", by = "recipe"), slopes("temp", by = "recipe", df = "kenward-roger")
    )
  ),
  list(
    id = "unbalanced", data = "data/pupils.csv", every = 4,
    formula = "test_score ~ age * sex + teacher_experience + school_resources + (1|classroom) + (1|school)",
    calls = list(
      means("sex"), means("sex", df = "kenward-roger"), means("sex", weights = "observed"),
      means("sex", at = list(age = 12)), means("sex", by = "age", at = list(age = c(8, 10, 12))),
      contrasts_of("sex", "pairwise", at = list(age = 9), df = "kenward-roger"),
      slopes("age"), slopes("age", weights = "observed"), slopes("age", by = "sex", df = "kenward-roger"),
      slopes("teacher_experience")
    )
  ),
  list(
    id = "logarithm", data = "data/pupils.csv", every = 4,
    formula = "test_score ~ log(age) * sex + poly(teacher_experience, 2) + (1|school)",
    calls = list(
      means("sex"), slopes("age"), slopes("age", by = "sex", at = list(age = 8)),
      slopes("teacher_experience", at = list(teacher_experience = 5))
    )
  ),
  list(
    id = "factors", data = "data/exam.csv", every = 5,
    formula = "normexam ~ intake * schgend + standLRT * schgend + sex + (1|school)",
    calls = list(
      means("schgend"), means("schgend", weights = "observed"), means("intake:schgend"),
      means("intake", df = "kenward-roger", weights = "observed"),
      contrasts_of("schgend", "pairwise", adjust = "tukey", weights = "observed"),
      contrasts_of("intake", "pairwise", adjust = "tukey", by = "schgend"),
      contrasts_of("intake:sex", "pairwise", adjust = "none"),
      contrasts_of("schgend", "reference", adjust = "bonferroni", at = list(standLRT = 1)),
      slopes("standLRT", by = "schgend"), slopes("standLRT", weights = "observed")
    )
  ),
  list(
    id = "numbers_as_factors", data = "data/pupils.csv", every = 4,
    formula = "test_score ~ factor(grade) + male * age + (1|school)",
    calls = list(
      means("grade"), means("grade", weights = "observed"), means("male"), slopes("age"), slopes("age", by = "male"),
      contrasts_of("grade", "polynomial", adjust = "none")
    )
  ),
  list(
    id = "offset", data = "data/pupils.csv", every = 4,
    formula = "test_score ~ sex + offset(3 * age) + (1|school)",
    calls = list(means("sex"), contrasts_of("sex", "pairwise"))
  ),
  list(
    id = "empty_cells", data = "tests/reference/empty_cells.csv",
    formula = "y ~ f * h + k + x + (1|g)",
    calls = list(
      means("f:h"), means("f"), means("h"), means("k"), means("f", at = list(h = c("p", "r"))), contrasts_of("k", "pairwise"),
      contrasts_of("f", "pairwise", by = "h", adjust = "none"), slopes("x")
    )
  ),
  list(
    id = "repeated", data = "tests/reference/empty_cells.csv",
    formula = "y ~ x + m + f + (1|g)",
    calls = list(means("f"), contrasts_of("f", "pairwise", adjust = "tukey"))
  )
)

read_data <- function(model) {
  d <- read.csv(model$data, na.strings = c("NA", ""), stringsAsFactors = TRUE)
  if (!is.null(model$every)) d <- d[seq(1, nrow(d), model$every), ]
  if (model$id == "cake" || model$id == "cake_line") d$replicate <- factor(d$replicate)
  if (model$id == "numbers_as_factors") {
    d$male <- as.numeric(d$sex == "male")
    d$grade <- floor(d$age / 2)
  }
  d
}

KINDS <- c(pairwise = "pairwise", reference = "trt.vs.ctrl1", consecutive = "consec", polynomial = "poly")

ask <- function(fit, data, one) {
  o <- one$options
  arguments <- list(
    lmer.df = if (is.null(o$df)) "satterthwaite" else o$df, data = data,
    weights = if (identical(o$weights, "observed")) "proportional" else "equal"
  )
  if (!is.null(o$at)) arguments$at <- o$at
  level <- if (is.null(o$level)) 0.95 else o$level
  names <- rev(strsplit(one$factor, ":", fixed = TRUE)[[1]]) # emmeans turns the first one fastest
  if (one$call == "slopes") {
    arguments <- c(list(fit, if (is.null(o$by)) ~1 else o$by, var = one$factor), arguments)
    grid <- do.call(emtrends, c(arguments, list(delta.var = 1e-6 * diff(range(data[[one$factor]])))))
    table <- summary(grid, infer = TRUE, level = level, adjust = "none")
  } else {
    grid <- do.call(emmeans, c(list(fit, names, by = o$by), arguments))
    if (one$call == "means") table <- summary(grid, infer = TRUE, level = level, adjust = "none")
    else {
      adjust <- if (is.null(o$adjust)) "holm" else o$adjust
      grid <- contrast(grid, KINDS[[one$kind]])
      table <- summary(grid, infer = TRUE, level = level, adjust = adjust)
    }
  }
  table <- as.data.frame(table)
  at <- which(names(table) == "SE") - 1 # the estimate; before it stand the labels
  labels <- table[seq_len(at - 1)]
  columns <- c(estimate = at, std_error = at + 1, df = at + 2, lower = at + 3, upper = at + 4, t = at + 5, p_value = at + 6)
  list(labels = lapply(labels, as.character), values = lapply(columns, function(i) table[[i]]))
}

results <- lapply(models, function(model) {
  data <- read_data(model)
  fit <- suppressMessages(do.call(lmerTest::lmer, list(as.formula(model$formula), quote(data), control = control)))
  calls <- lapply(model$calls, function(one) c(one, suppressMessages(ask(fit, data, one))))
  cat(sprintf("%-20s %14.5f\n", model$id, as.numeric(logLik(fit))))
  c(model[setdiff(names(model), "calls")], list(calls = calls))
})

# -- cluster-robust standard errors --------------------------------------------------------------

robust <- list(
  list(id = "school", data = "data/pupils.csv", every = 4, cluster = "school",
       formula = "test_score ~ age + sex + teacher_experience + (1|classroom) + (1|school)"),
  list(id = "province", data = "data/pupils.csv", every = 4, cluster = "province",
       formula = "test_score ~ age * sex + (age|school)"),
  list(id = "exam", data = "data/exam.csv", every = 5, cluster = "school",
       formula = "normexam ~ standLRT * schgend + (standLRT|school)")
)
clustered <- lapply(robust, function(model) {
  data <- read_data(model)
  fit <- suppressMessages(do.call(lme4::lmer, list(as.formula(model$formula), quote(data), control = control)))
  tests <- lapply(c(CR0 = "CR0", CR2 = "CR2"), function(type) {
    found <- coef_test(fit, vcov = vcovCR(fit, cluster = data[[model$cluster]], type = type), test = "Satterthwaite")
    list(names = names(fixef(fit)), estimate = found$beta, std_error = found$SE, df = found$df_Satt, p_value = found$p_Satt)
  })
  cat(sprintf("%-20s %14.5f\n", model$id, as.numeric(logLik(fit))))
  c(model, tests)
})

packages <- c("lme4", "lmerTest", "pbkrtest", "emmeans", "clubSandwich")
versions <- c(
  list(R = as.character(getRversion())),
  lapply(setNames(nm = packages), function(p) as.character(packageVersion(p)))
)
writeLines(toJSON(list(versions = versions, models = results, robust = clustered),
  auto_unbox = TRUE, digits = I(12), na = "null", pretty = FALSE
), file.path(here, "means.json"))
