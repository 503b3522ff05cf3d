# Generalised models by lme4's glmer, and by glmmTMB where the link is not the canonical one.
#
#   Rscript tests/reference/generalised.R
#
# Run from the repository's top. Writes tests/reference/generalised.json, and the data of lme4 that it needs to
# tests/reference/generalised/. Formulas are read by both languages. glmer stops at a tight tolerance of
# its inner iterations, and the best of several optimisers counts, each started where the one before ended.

suppressMessages({
  library(lme4)
  library(glmmTMB)
  library(jsonlite)
})
invisible(Sys.setlocale("LC_COLLATE", "C")) # levels in the order in which Python sorts text
here <- "tests/reference"

keep <- function(name, columns) {
  frame <- get(data(list = name, package = "lme4", envir = environment()))[columns]
  path <- file.path(here, "generalised", paste0(tolower(name), ".csv.gz"))
  connection <- gzfile(path, "w")
  write.csv(frame, connection, row.names = FALSE, quote = FALSE)
  close(connection)
}
keep("cbpp", c("herd", "period", "incidence", "size"))
keep("grouseticks", c("INDEX", "TICKS", "BROOD", "YEAR", "LOCATION", "cHEIGHT"))
keep("VerbAgg", c("r2", "id", "item", "Anger", "Gender", "btype", "situ"))
keep("Arabidopsis", c("popu", "gen", "rack", "nutrient", "amd", "status", "total.fruits"))

small <- function(name) file.path(here, "generalised", paste0(name, ".csv.gz"))
models <- list(
  list(id = "cbpp", data = small("cbpp"), family = "binomial",
       formula = "cbind(incidence, size - incidence) ~ factor(period) + (1|herd)"),
  list(id = "cbpp_rows", data = small("cbpp"), family = "binomial",
       formula = "cbind(incidence, size - incidence) ~ factor(period) + (1|herd) + (1|row)"),
  list(id = "cbpp_nagq_5", data = small("cbpp"), family = "binomial", nagq = 5,
       formula = "cbind(incidence, size - incidence) ~ factor(period) + (1|herd)"),
  list(id = "cbpp_nagq_25", data = small("cbpp"), family = "binomial", nagq = 25,
       formula = "cbind(incidence, size - incidence) ~ factor(period) + (1|herd)"),
  list(id = "cbpp_rates", data = small("cbpp"), family = "poisson",
       formula = "incidence ~ factor(period) + offset(log(size)) + (1|herd)"),
  list(id = "cbpp_probit", data = small("cbpp"), family = "binomial", link = "probit", by = "glmmTMB",
       formula = "cbind(incidence, size - incidence) ~ factor(period) + (1|herd)"),
  list(id = "cbpp_cloglog", data = small("cbpp"), family = "binomial", link = "cloglog", by = "glmmTMB",
       formula = "cbind(incidence, size - incidence) ~ factor(period) + (1|herd)"),
  list(id = "grouseticks", data = small("grouseticks"), family = "poisson",
       formula = "TICKS ~ factor(YEAR) + cHEIGHT + (1|BROOD) + (1|INDEX) + (1|LOCATION)"),
  list(id = "arabidopsis", data = small("arabidopsis"), family = "poisson",
       formula = "total.fruits ~ factor(nutrient)*amd + factor(rack) + status + (factor(nutrient)|gen) + (1|popu) + (1|row)"),
  list(id = "exam", data = "data/exam.csv", family = "binomial",
       formula = "(normexam > 0.0043) ~ standLRT + sex + (standLRT|school)"),
  list(id = "pupils", data = "data/pupils.csv", family = "binomial",
       formula = "(test_score > 65) ~ age + sex + (age||school) + (1|classroom)"),
  list(id = "verbagg", data = small("verbagg"), family = "binomial",
       formula = "r2 ~ I((Anger - 20) / 10) * Gender + btype * situ + (1|id) + (1|item)"),
  list(id = "verbagg_slopes", data = small("verbagg"), family = "binomial",
       formula = "r2 ~ I((Anger - 20) / 10) + Gender + btype + situ + (situ|id) + (1|item)"),
  list(id = "chem97", data = "data/chem97.csv.gz", family = "binomial",
       formula = "(score == 10) ~ gcsecnt + (gcsecnt|school) + (1|lea)")
)

# deviance of glmer at its best: from several optimisers, each from where the last one ended
best <- function(formula, frame, family, nagq) {
  checks <- list(check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore",
                 check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore", check.scaleX = "ignore")
  controls <- list(
    list("bobyqa", list(rhobeg = 2e-2, rhoend = 1e-7, maxfun = 1e5)),
    list("nloptwrap", list(xtol_abs = 1e-9, ftol_abs = 1e-10, maxeval = 1e4)),
    list("bobyqa", list(rhobeg = 1e-3, rhoend = 1e-8, maxfun = 1e5))
  )
  fit <- NULL
  for (control in controls) {
    control <- do.call(glmerControl, c(list(optimizer = control[[1]], optCtrl = control[[2]],
                                            tolPwrss = 1e-11), checks))
    start <- if (!is.null(fit)) list(theta = getME(fit, "theta"), fixef = fixef(fit))
    next_fit <- tryCatch(
      suppressWarnings(glmer(formula, frame, family, control = control, start = start, nAGQ = nagq)),
      error = function(e) NULL
    )
    if (is.null(next_fit)) next
    if (is.null(fit) || logLik(next_fit) >= logLik(fit) - 1e-7) fit <- next_fit
  }
  fit
}

patsy_name <- function(name) {
  name <- sub("(Intercept)", "Intercept", name, fixed = TRUE)
  name
}

# The log-likelihood at the estimates of a fit, with inner iterations that go on to the end. While it searches
# glmer stops them earlier, at a relative change of the penalised deviance; log|A| may be off by its root then.
log_likelihood <- function(fit, formula, frame, family, nagq) {
  control <- glmerControl(tolPwrss = 1e-13, check.conv.singular = "ignore", check.nobs.vs.nRE = "ignore",
                          check.nobs.vs.nlev = "ignore")
  tight <- tryCatch({
    deviance <- glmer(formula, frame, family, control = control, nAGQ = nagq, devFunOnly = TRUE)
    -deviance(c(getME(fit, "theta"), fixef(fit))) / 2
  }, error = function(e) NULL) # rounding may not let it get that far
  if (is.null(tight)) as.numeric(logLik(fit)) else tight
}

of_glmer <- function(fit, log_likelihood) {
  effects <- ranef(fit, condVar = TRUE)
  list(
    by = "lme4",
    log_likelihood = log_likelihood,
    aic = AIC(fit) + 2 * (as.numeric(logLik(fit)) - log_likelihood),
    bic = BIC(fit) + 2 * (as.numeric(logLik(fit)) - log_likelihood),
    deviance = deviance(fit),
    fixed = data.frame(name = patsy_name(names(fixef(fit))), estimate = unname(fixef(fit)),
                       std_error = unname(sqrt(diag(as.matrix(vcov(fit)))))),
    variances = as.data.frame(VarCorr(fit)),
    random = lapply(effects, function(b) {
      first <- seq_len(min(6, nrow(b)))
      V <- attr(b, "postVar")
      if (is.list(V)) { # of several terms of one grouping, which are not correlated
        sds <- sapply(V, function(one) sqrt(apply(one, 3, diag)))
      } else {
        sds <- apply(V, 3, function(one) sqrt(diag(as.matrix(one))))
        sds <- if (is.matrix(sds)) t(sds) else matrix(sds)
      }
      list(levels = rownames(b)[first], effects = patsy_name(names(b)),
           means = unname(as.matrix(b))[first, , drop = FALSE], sds = unname(sds)[first, , drop = FALSE])
    }),
    fitted = unname(fitted(fit))[1:5],
    pearson = unname(residuals(fit, "pearson"))[1:5],
    deviance_residuals = unname(residuals(fit, "deviance"))[1:5],
    population = unname(predict(fit, re.form = NA, type = "response"))[1:5]
  )
}

of_glmmTMB <- function(fit) {
  list(
    by = "glmmTMB", log_likelihood = as.numeric(logLik(fit)),
    fixed = data.frame(name = patsy_name(names(fixef(fit)$cond)), estimate = unname(fixef(fit)$cond),
                       std_error = unname(sqrt(diag(vcov(fit)$cond)))),
    sds = unname(sapply(VarCorr(fit)$cond, function(V) attr(V, "stddev")))
  )
}

versions <- list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                 glmmTMB = as.character(packageVersion("glmmTMB")))
only <- commandArgs(TRUE)
path <- file.path(here, "generalised.json")
results <- if (file.exists(path) && length(only)) fromJSON(path, simplifyVector = FALSE)$models else list()
for (model in models) {
  if (length(only) && !(model$id %in% only)) next
  frame <- read.csv(model$data, stringsAsFactors = TRUE)
  frame$row <- factor(seq_len(nrow(frame)))
  family <- if (is.null(model$link)) get(model$family)() else get(model$family)(link = model$link)
  formula <- as.formula(model$formula)
  started <- proc.time()[["user.self"]]
  if (identical(model$by, "glmmTMB")) {
    found <- of_glmmTMB(glmmTMB(formula, frame, family))
  } else {
    nagq <- if (is.null(model$nagq)) 1 else model$nagq
    fit <- best(formula, frame, family, nagq)
    found <- of_glmer(fit, log_likelihood(fit, formula, frame, family, nagq))
  }
  results[[model$id]] <- c(model[setdiff(names(model), c("id", "by"))], found)
  write_json(list(versions = versions, models = results), path, digits = 12, auto_unbox = TRUE, pretty = TRUE,
             matrix = "rowmajor")
  cat(model$id, found$log_likelihood, proc.time()[["user.self"]] - started, "s\n")
}
