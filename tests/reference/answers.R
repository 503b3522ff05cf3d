# What R says of generalised fits: emmeans' means, contrasts and slopes on both scales, Wald's tests of terms,
# intervals by profile, shares of variance by performance and by the formulas of Nakagawa et al. (2017).
#
#   Rscript tests/reference/answers.R
#
# Run from the repository's top. Writes tests/reference/answers.json.

suppressMessages({
  library(lme4)
  library(glmmTMB)
  library(emmeans)
  library(performance)
  library(jsonlite)
})
invisible(Sys.setlocale("LC_COLLATE", "C"))
here <- "tests/reference"
emm_options(msg.interaction = FALSE, msg.nesting = FALSE)
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e5, rhoend = 1e-9), tolPwrss = 1e-10,
                        check.conv.grad = "ignore", check.conv.hess = "ignore")

models <- list(
  list(id = "slope", data = "exam", formula = "above ~ standLRT * schgend + (standLRT|school)", family = "binomial",
       link = "logit", at = "standLRT", factor = "schgend", places = c(-1, 0.5)),
  list(id = "nested", data = "passed", formula = "passed ~ age + sex + (1|school) + (1|classroom)", family = "binomial",
       link = "logit", at = "age", factor = "sex", places = c(9, 11), profile = TRUE),
  list(id = "probit", data = "passed", formula = "passed ~ age + sex + (1|school)", family = "binomial",
       link = "probit", at = "age", factor = "sex", places = c(9, 11)),
  list(id = "cloglog", data = "passed", formula = "passed ~ age + sex + (1|school)", family = "binomial",
       link = "cloglog", at = "age", factor = "sex", places = c(9, 11)),
  list(id = "trials", data = "rooms", formula = "cbind(passed, failed) ~ teacher_experience + school_resources + (1|school)",
       family = "binomial", link = "logit", at = "teacher_experience", factor = NULL, places = c(5, 20)),
  list(id = "counts", data = "absences", formula = "days_absent ~ age10 * sex + offset(log(school_days)) + (1|school) + (1|classroom)",
       family = "poisson", link = "log", at = "age10", factor = "sex", places = c(-1, 1)),
  list(id = "rows", data = "absences", formula = "days_absent ~ age + offset(log(school_days)) + (1|school) + (1|row)",
       family = "poisson", link = "log", at = "age", factor = NULL, places = c(9, 11))
)

read_data <- function(name) {
  if (name == "exam") {
    data <- read.csv("data/exam.csv")
    data$above <- as.integer(data$normexam > 0)
    return(data)
  }
  data <- read.csv(file.path(here, "generalised", paste0(name, ".csv")))
  data$row <- seq_len(nrow(data))
  if (!is.null(data$age)) data$age10 <- data$age - 10
  data
}

fit_of <- function(model, data, contrasts = NULL, formula = model$formula) {
  family <- do.call(model$family, list(link = model$link))
  call <- list(as.formula(formula), quote(data), family = family)
  if (!is.null(contrasts)) call$contrasts <- contrasts
  # beside a link that is not canonical glmer takes expected second derivatives in Laplace's approximation,
  # glmmTMB those of the rows
  # and of these counts glmer's search stops a little short, which its standard errors show
  if (model$link != "logit") return(suppressMessages(do.call(glmmTMB, call)))
  suppressMessages(suppressWarnings(do.call(glmer, c(call, list(control = control)))))
}
beta_of <- function(fit) if (inherits(fit, "glmmTMB")) fixef(fit)$cond else fixef(fit)
vcov_of <- function(fit) as.matrix(if (inherits(fit, "glmmTMB")) vcov(fit)$cond else vcov(fit))
variances_of <- function(fit) if (inherits(fit, "glmmTMB")) VarCorr(fit)$cond else VarCorr(fit)

plain <- function(table, names) {
  table <- as.data.frame(table)
  lapply(setNames(nm = intersect(names, names(table))), function(n) table[[n]])
}

means_of <- function(fit, data, model) {
  if (is.null(model$factor)) return(NULL)
  two <- function(object) {
    lapply(c(link = "link", response = "response"), function(type) {
      table <- as.data.frame(summary(object, infer = c(TRUE, TRUE), type = type))
      at <- which(names(table) == "SE")
      low <- grep("LCL$|lower.CL", names(table))
      list(label = as.character(table[[1]]), estimate = table[[at - 1]], std_error = table$SE,
           lower = table[[low]], upper = table[[low + 1]], p_value = table$p.value)
    })
  }
  means <- emmeans(fit, model$factor, data = data, df = Inf)
  list(means = two(means), contrasts = two(contrast(means, "pairwise", adjust = "none")))
}

slopes_of <- function(fit, data, model) {
  # with an offset emtrends stops, or adds the offset to the slope
  if (is.null(model$factor) || grepl("offset", model$formula)) return(NULL)
  spec <- as.formula(paste("~", paste(c(model$at, model$factor), collapse = "|")))
  lapply(c(link = "link", response = "response"), function(type) {
    at <- setNames(list(model$places), model$at)
    arguments <- list(fit, spec, var = model$at, at = at, data = data)
    if (type == "response") arguments$regrid <- "response"
    table <- as.data.frame(do.call(emtrends, arguments))
    columns <- c(model$factor, model$at)
    list(labels = lapply(table[columns], as.character), estimate = table[[paste0(model$at, ".trend")]],
         std_error = table$SE)
  })
}

# Wald's tests of the terms beside all others, factors in contrasts that sum to 0
terms_of <- function(model, data) {
  labels <- Filter(function(n) is.character(data[[n]]), intersect(c("sex", "schgend"), all.vars(as.formula(model$formula))))
  for (name in labels) data[[name]] <- factor(data[[name]])
  contrasts <- if (length(labels)) setNames(rep(list("contr.sum"), length(labels)), labels)
  fit <- fit_of(model, data, contrasts)
  beta <- beta_of(fit)
  V <- vcov_of(fit)
  assign <- attr(model.matrix(fit), "assign")
  terms <- attr(terms(fit), "term.labels")
  lapply(setNames(nm = terms), function(term) {
    own <- which(assign == which(terms == term))
    list(chi2 = drop(beta[own] %*% solve(V[own, own], beta[own])), df = length(own))
  })
}

# by hand: variances of a row on the scale of the link
shares_of <- function(fit, model, data) {
  per_row <- function(fitted) sapply(names(variances_of(fitted)), function(group) {
    S <- variances_of(fitted)[[group]]
    Z <- model.matrix(fitted)[, colnames(S), drop = FALSE]
    mean(rowSums((Z %*% S) * Z))
  })
  between <- per_row(fit)
  fixed <- var(drop(model.matrix(fit) %*% beta_of(fit)))
  if (model$family == "binomial") {
    row <- c(logit = pi^2 / 3, probit = 1, cloglog = pi^2 / 6)[[model$link]]
  } else {
    right <- sub(".*?(offset.*)", "\\1", model$formula)
    null <- fit_of(model, data, formula = paste("days_absent ~ 1 +", right))
    offset <- log(data$school_days)
    lambda <- mean(exp(offset + fixef(null)[[1]] + sum(unlist(VarCorr(null))) / 2))
    row <- log1p(1 / lambda)
  }
  own <- names(between) == "row"
  total <- fixed + sum(between) + row
  list(groups = as.list(between), fixed = fixed, row = row, marginal = fixed / total,
       conditional = (fixed + sum(between[!own])) / total)
}

results <- lapply(models, function(model) {
  data <- read_data(model$data)
  fit <- fit_of(model, data)
  cat(sprintf("%-10s %14.6f\n", model$id, as.numeric(logLik(fit))))
  intervals <- if (isTRUE(model$profile)) {
    found <- suppressMessages(suppressWarnings(confint(fit, method = "profile", oldNames = FALSE, quiet = TRUE)))
    list(names = rownames(found), lower = found[, 1], upper = found[, 2])
  }
  theirs <- if (model$family == "binomial") suppressWarnings(r2_nakagawa(fit))
  alike <- if (model$family == "binomial") suppressWarnings(icc(fit))
  c(model, list(
    loglik = as.numeric(logLik(fit)), names = names(beta_of(fit)), estimate = unname(beta_of(fit)),
    std_error = unname(sqrt(diag(vcov_of(fit)))),
    marginal_means = means_of(fit, data, model), slopes = slopes_of(fit, data, model), terms = terms_of(model, data),
    intervals = intervals, shares = shares_of(fit, model, data),
    performance = list(marginal = unname(theirs$R2_marginal), conditional = unname(theirs$R2_conditional),
                       icc = unname(alike$ICC_adjusted))
  ))
})

packages <- c("lme4", "glmmTMB", "emmeans", "performance", "insight")
versions <- c(
  list(R = as.character(getRversion())),
  lapply(setNames(nm = packages), function(p) as.character(packageVersion(p)))
)
writeLines(toJSON(list(versions = versions, models = results), auto_unbox = TRUE, digits = I(12), na = "null", null = "null",
  pretty = FALSE), file.path(here, "answers.json"))
