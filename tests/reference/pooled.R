# Plausible values and imputed data pooled by mice and mitml, for tests/fit/test_pooled.py.
#
#   Rscript tests/reference/pooled.R
#
# Run from the repository's top. Writes tests/reference/pooled.json. The data are twenty schools of
# data/exam.csv. Plausible values and imputations are made of quantiles, so that Python makes the same.

suppressMessages({
  library(lme4)
  library(lmerTest)
  library(mice)
  library(mitml)
  library(jsonlite)
})
here <- "tests/reference"
control <- lmerControl(
  optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 20000),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore"
)
exam <- read.csv("data/exam.csv", stringsAsFactors = TRUE)
exam <- exam[as.integer(as.character(exam$school)) <= 20, ]
row <- seq_len(nrow(exam))
spread <- function(prime) (row * sqrt(prime)) %% 1
noise <- lapply(c(2, 3, 5, 7, 11), function(prime) qnorm(spread(prime)))
plausible <- lapply(noise, function(z) transform(exam, score = normexam + 0.6 * z))
imputed <- lapply(noise, function(z) {
  transform(exam, score = normexam,
            standLRT = ifelse(spread(13) < 0.3, 0.6 * normexam + 0.8 * z, standLRT))
})

fit_all <- function(right, data, reml = TRUE) {
  formula <- as.formula(paste("score ~", right))
  # mitml updates the call, which has to hold its arguments themselves
  lapply(data, function(d) {
    do.call(lmer, list(formula = formula, data = d, REML = reml, control = control))
  })
}

# Every fit for itself, and what mice makes of Satterthwaite's degrees of freedom.
pooled <- function(right, data) {
  fits <- fit_all(right, data)
  tables <- lapply(fits, function(fit) coef(summary(fit)))
  column <- function(name) sapply(tables, function(t) t[, name])
  q <- column("Estimate")
  df <- column("df")
  m <- length(fits)
  within <- rowMeans(column("Std. Error")^2)
  between <- apply(q, 1, var)
  total <- within + (1 + 1 / m) * between
  complete <- rowMeans(df)
  list(
    right = right,
    names = rownames(q),
    estimate = unname(rowMeans(q)),
    std_error = unname(sqrt(total)),
    df_complete = unname(complete),
    df = sapply(seq_along(total), function(i) {
      mice:::barnard.rubin(m, between[i], total[i], complete[i])
    }),
    # mitml's own, with infinite degrees of freedom in complete data: estimate ... fmi
    mitml = unname(testEstimates(fits)$estimates),
    mitml_columns = colnames(testEstimates(fits)$estimates),
    # and with 18
    mitml_18 = unname(testEstimates(fits, df.com = 18)$estimates),
    sds = lapply(fits, function(fit) as.data.frame(VarCorr(fit))$sdcor)
  )
}

tested <- function(small, large, data, method, ...) {
  found <- testModels(fit_all(large, data), fit_all(small, data), method = method, ...)
  list(small = small, large = large, method = method, test = as.list(found$test[1, ]))
}

base <- "standLRT + (1 | school)"
more <- "standLRT + schgend + sex + (1 | school)"
one <- "standLRT + sex + (1 | school)"
slope <- "standLRT + (standLRT | school)"
describe <- function(data) {
  list(
    pooled = list(pooled(more, data), pooled(slope, data)),
    D1 = tested(base, more, data, "D1"),
    D1_30 = c(tested(base, more, data, "D1", df.com = 30), list(df_complete = 30)),
    D3 = list(
      tested(base, more, data, "D3", ariv = "positive"),
      tested(base, one, data, "D3", ariv = "positive"),
      tested(base, slope, data, "D3", ariv = "positive")
    )
  )
}
write_json(
  list(
    versions = c(list(R = as.character(getRversion())), lapply(
      c(lme4 = "lme4", lmerTest = "lmerTest", mice = "mice", mitml = "mitml"),
      function(name) as.character(packageVersion(name))
    )),
    rows = nrow(exam),
    plausible = describe(plausible),
    imputed = describe(imputed)
  ),
  file.path(here, "pooled.json"), auto_unbox = TRUE, digits = NA, pretty = 1
)
