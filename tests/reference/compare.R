# Likelihood-ratio tests by lme4's anova(), for tests/inference/test_compare.py.
#
#   Rscript tests/reference/compare.R
#
# Run from the repository's top. Writes tests/reference/compare.json. lme4 stops at a tight tolerance
# here, so that the statistic is that of the optimum.

suppressMessages({
  library(lme4)
  library(jsonlite)
})
here <- "tests/reference"
pupils <- read.csv("data/pupils.csv", na.strings = c("NA", ""), stringsAsFactors = TRUE)
control <- lmerControl(
  optimizer = "nloptwrap",
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 20000),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore"
)

pairs <- list(
  list(id = "school_variance", refit = FALSE,
       small = "test_score ~ age + sex + (1|classroom)",
       large = "test_score ~ age + sex + (1|classroom) + (1|school)"),
  list(id = "slope_and_covariance", refit = FALSE,
       small = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)",
       large = "test_score ~ age + sex + (age|classroom) + (1|school) + (1|province)"),
  list(id = "interaction", refit = TRUE,
       small = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)",
       large = "test_score ~ age * sex + (1|classroom) + (1|school) + (1|province)"),
  list(id = "fixed_and_random", refit = TRUE,
       small = "test_score ~ age + (1|classroom) + (1|school)",
       large = "test_score ~ age + sex + (1|classroom) + (1|school) + (1|province)")
)

describe <- function(pair) {
  fit <- function(text) lmer(as.formula(text), pupils, REML = TRUE, control = control)
  table <- suppressMessages(anova(fit(pair$small), fit(pair$large), refit = pair$refit))
  c(pair, list(
    n_params = table$npar, llf = table$logLik, AIC = table$AIC, BIC = table$BIC,
    chi2 = table$Chisq[2], df = table$Df[2], p_naive = table[["Pr(>Chisq)"]][2]
  ))
}

results <- list(
  versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4"))),
  pairs = lapply(pairs, describe)
)
writeLines(toJSON(results, auto_unbox = TRUE, digits = I(12), pretty = TRUE),
           file.path(here, "compare.json"))
