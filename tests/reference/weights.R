# Models with prior weights by lme4, lmerTest, pbkrtest, clubSandwich and nlme.
#
#   Rscript tests/reference/weights.R
#
# Run from the repository's top; writes tests/reference/weights.json. Each model is searched by several optimisers at
# tight tolerances, and the best optimum is kept.
#
# pbkrtest and lme4's profiles of fixed effects forget the weights, and clubSandwich refuses them. These are given the
# same model without weights: y and every column of X and Z times the root of the weight. The script stops unless lme4's
# deviance is the same for both.

suppressMessages({
  library(lme4)
  library(lmerTest)
  library(clubSandwich)
  library(nlme)
  library(jsonlite)
})
here <- "tests/reference"
source(file.path(here, "helpers/optimum.R"))

# `every` k-th row; the weights are scale * (1, 1.5, 2, ... 4, 1, 1.5, ...), row by row. `twin` is the formula of the
# model without weights, in which r is the root of the weight and a column x times r is x_r.
models <- list(
  list(id = "nested", data = "data/pupils.csv", every = 3, scale = 1,
       formula = "test_score ~ age + sex + (1|classroom) + (1|school)",
       twin = "test_score_r ~ 0 + r + sexmale_r + age_r + (0 + r|classroom) + (0 + r|school)",
       names = c("Intercept", "sex[T.male]", "age")),
  list(id = "crossed", data = "data/scotssec.csv", every = 5, scale = 0.01,
       formula = "attain ~ verbal + (1|primary) + (1|second)",
       twin = "attain_r ~ 0 + r + verbal_r + (0 + r|primary) + (0 + r|second)",
       names = c("Intercept", "verbal")),
  list(id = "slope", data = "data/exam.csv", every = 5, scale = 1,
       formula = "normexam ~ standLRT + (standLRT|school)",
       twin = "normexam_r ~ 0 + r + standLRT_r + (0 + r + standLRT_r|school)",
       names = c("Intercept", "standLRT")),
  list(id = "slope_and_nested", data = "data/pupils.csv", every = 2, scale = 400,
       formula = "test_score ~ age + (1|school) + (age||classroom)",
       twin = "test_score_r ~ 0 + r + age_r + (0 + r|school) + (0 + r|classroom) + (0 + age_r|classroom)",
       names = c("Intercept", "age")),
  list(id = "singular", data = "tests/reference/zero_classroom.csv", every = 1, scale = 2,
       formula = "y ~ x + (1|classroom) + (1|school)",
       twin = "y_r ~ 0 + r + x_r + (0 + r|classroom) + (0 + r|school)",
       names = c("Intercept", "x")),
  list(id = "offset", data = "data/exam.csv", every = 4, scale = 0.5,
       formula = "normexam ~ schavg + offset(0.4 * standLRT) + (1|school)",
       twin = "normexam_r ~ 0 + r + schavg_r + offset(0.4 * standLRT_r) + (0 + r|school)",
       names = c("Intercept", "schavg"))
)
GROUPS <- c("school", "classroom", "primary", "second")

data_of <- function(model) {
  data <- read.csv(model$data)
  data <- data[seq(1, nrow(data), model$every), ]
  for (g in intersect(GROUPS, names(data))) data[[g]] <- factor(data[[g]])
  data$w <- model$scale * (1 + (seq_len(nrow(data)) - 1) %% 7 / 2)
  data$r <- sqrt(data$w)
  if (model$id == "nested") data$sexmale <- 1 * (data$sex == "male")
  for (x in names(data)[sapply(data, is.numeric)]) data[[paste0(x, "_r")]] <- data$r * data[[x]]
  data
}

quiet <- list(check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")
controls <- list(
  do.call(lmerControl, c(list(optimizer = "nloptwrap", optCtrl = list(
    xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 0, ftol_rel = 0, maxeval = 20000)), quiet)),
  do.call(lmerControl, c(list(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 20000)), quiet)),
  do.call(lmerControl, c(list(optimizer = "nloptwrap", optCtrl = list(
    algorithm = "NLOPT_LN_NELDERMEAD", xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 20000)), quiet))
)
best <- function(formula, data, reml, weighted = TRUE) {
  fits <- lapply(controls, function(control) {
    suppressMessages(
      if (weighted) lmerTest::lmer(as.formula(formula), data, REML = reml, control = control, weights = w)
      else lmerTest::lmer(as.formula(formula), data, REML = reml, control = control)
    )
  })
  fits[[which.max(sapply(fits, logLik))]]
}

table_of <- function(tests) list(std_error = unname(tests[, "Std. Error"]), df = unname(tests[, "df"]))

describe <- function(model) {
  data <- data_of(model)
  found <- list(nobs = nrow(data))
  for (method in c("REML", "ML")) {
    reml <- method == "REML"
    m <- best(model$formula, data, reml)
    twin <- best(model$twin, data, reml, weighted = FALSE)
    stopifnot(abs(logLik(m) - logLik(twin) - sum(log(data$w)) / 2) < 1e-6)
    variances <- as.data.frame(VarCorr(m))
    order_of_names <- match(model$names, sub("sexmale", "sex[T.male]", sub("[(]Intercept[)]", "Intercept", names(fixef(m)))))
    result <- list(
      log_likelihood = as.numeric(logLik(m)), aic = AIC(m), sigma = sigma(m),
      random = variances, fixed = unname(fixef(m)[order_of_names]),
      satterthwaite = table_of(coef(summary(m))[order_of_names, , drop = FALSE])
    )
    if (reml) {
      result$kenward_roger <- table_of(coef(summary(twin, ddf = "Kenward-Roger")))
      result$type_three <- as.list(anova(m)[, c("Sum Sq", "Mean Sq", "NumDF", "DenDF", "F value", "Pr(>F)")])
      b <- ranef(m, condVar = TRUE)
      result$blups <- lapply(b, function(one) list(levels = rownames(one)[1:6], effects = as.list(head(one, 6))))
      result$conditional_variances <- lapply(b, function(one) {
        V <- attr(one, "postVar")
        if (is.list(V)) V <- V[[1]]
        V[1, 1, 1:6]
      })
      result$fitted <- unname(fitted(m)[1:6])
      result$resid <- unname(resid(m)[1:6])
      result$pearson <- unname(resid(m, type = "pearson")[1:6])
      result$population <- unname(predict(m, re.form = NA)[1:6])
      if (model$id %in% c("slope", "nested")) {
        robust <- coef_test(twin, vcov = "CR2", cluster = data$school)
        result$robust <- list(std_error = robust$SE, df = robust$df_Satt)
      }
      if (model$id == "slope") {
        school <- levels(data$school)[3]
        less <- best(model$formula, subset(data, school != levels(data$school)[3]), TRUE)
        result$without <- list(school = as.integer(school), fixed = unname(fixef(less)), sigma = sigma(less))
      }
    } else {
      smaller <- best(sub("~ [a-z_A-Z]+", "~ 1", model$formula), data, FALSE)
      if (length(model$names) == 2) result$chi2 <- anova(smaller, m)$Chisq[2]
      if (model$id %in% c("slope", "singular")) {
        profiled <- suppressWarnings(profile(twin, signames = FALSE, devtol = 1e-7, delta = 0.1, maxpts = 400))
        interval <- suppressWarnings(confint(profiled, level = 0.95))
        result$profile <- list(names = rownames(interval), lower = unname(interval[, 1]), upper = unname(interval[, 2]))
      }
    }
    found[[method]] <- result
  }
  found
}

# nlme says the variance 1 / w by itself: another program for a model of one level
by_nlme <- function() {
  data <- data_of(models[[3]])
  m <- lme(normexam ~ standLRT, data, random = ~ standLRT | school, weights = varFixed(~ 1 / w),
           control = lmeControl(tolerance = 1e-12, msTol = 1e-12, opt = "optim", reltol = 1e-12, maxIter = 500, msMaxIter = 500))
  list(log_likelihood = as.numeric(logLik(m)), sigma = m$sigma, fixed = unname(fixef(m)),
       std_error = unname(sqrt(diag(vcov(m)))), normalized = unname(resid(m, type = "normalized")[1:6]))
}

written <- list(
  versions = versions_of(c("lme4", "lmerTest", "pbkrtest", "clubSandwich", "nlme")),
  models = setNames(lapply(models, function(model) {
    c(model[c("data", "every", "scale", "formula", "names")], describe(model))
  }), sapply(models, `[[`, "id")),
  nlme = by_nlme()
)
writeLines(json(written), file.path(here, "weights.json"))
