# lme4's values for the formulas in published.json, as published, and the data they are fitted to;
# see README.md.
#
#   Rscript tests/reference/published.R               every model
#   Rscript tests/reference/published.R cake-01 ...   these; the others stay as they are
#
# Run from the repository's top.

suppressMessages({
  library(lme4)
  library(splines)
  library(jsonlite)
})
here <- "tests/reference"
source(file.path(here, "helpers", "optimum.R")) # the optimisers, find_optimum(), versions_of(), json()
source(file.path(here, "helpers", "simulated.R")) # simulated

# ---- data -------------------------------------------------------------------------------------

# What the CSV file does not say: which columns are factors, their levels in order.
factors_of <- function(d) {
  lapply(Filter(is.factor, d), function(column) {
    list(levels = I(levels(column)), ordered = is.ordered(column))
  })
}

# A data set that its package does not export by name.
from <- function(package, name) {
  found <- new.env()
  data(list = name, package = package, envir = found)
  found[[name]]
}

write_data <- function(name, described) {
  d <- if (described$package == "simulated") {
    simulated[[described$r]]()
  } else {
    eval(str2lang(described$r))
  }
  d <- droplevels(as.data.frame(d)) # of nlme's groupedData only the table
  path <- file.path(here, "published", paste0(name, ".csv"))
  write.csv(d, path, row.names = FALSE, na = "", quote = vapply(d, is.factor, NA) |> which())
  factors_of(d)
}

# The file as the tests read it: R fits what stands there.
read_data <- function(name, factors) {
  path <- file.path(here, "published", paste0(name, ".csv"))
  classes <- setNames(rep("character", length(factors)), names(factors))
  d <- read.csv(path, na.strings = "", check.names = FALSE, colClasses = classes)
  for (column in names(factors)) {
    its <- factors[[column]]
    d[[column]] <- factor(d[[column]], levels = unlist(its$levels), ordered = its$ordered)
  }
  d
}

# ---- what the fit says ------------------------------------------------------------------------

random_effects <- function(fit) {
  components <- VarCorr(fit)
  groups <- names(fit@flist)[attr(fit@flist, "assign")] # VarCorr calls a second term "g.1"
  Map(function(group, its) {
    correlation <- unname(attr(its, "correlation"))
    list(
      group = group, effects = I(rownames(its)), sd = I(unname(attr(its, "stddev"))),
      correlation = I(correlation[lower.tri(correlation)])
    )
  }, groups, components) |> unname()
}

fixed_effects <- function(fit) {
  estimates <- fixef(fit, add.dropped = TRUE) # NA: the column was aliased
  errors <- sqrt(diag(as.matrix(vcov(fit))))[names(estimates)]
  lapply(setNames(nm = names(estimates)), function(name) {
    if (is.na(estimates[[name]])) NA else I(c(estimates[[name]], errors[[name]]))
  })
}

describe <- function(model, data) {
  formula <- as.formula(if (is.null(model$lme4)) model$formula else model$lme4)
  reml <- model$method == "REML"
  found <- find_optimum(formula, data, reml)
  fit <- lmer(
    formula, data, REML = reml, start = found$theta,
    control = lmerControl(optimizer = NULL, calc.derivs = FALSE)
  )
  stopifnot(isTRUE(all.equal(getME(fit, "theta"), found$theta, check.names = FALSE)))
  short <- vapply(found$optimisers, `[[`, 0, "short")
  fixed_part <- drop(getME(fit, "X") %*% fixef(fit)) + getME(fit, "offset")
  list(
    log_likelihood = as.numeric(logLik(fit)), sigma = sigma(fit), nobs = nobs(fit),
    singular = isSingular(fit), fixed_effects = fixed_effects(fit),
    random_effects = random_effects(fit),
    fitted = I(unname(head(fitted(fit), 5))), fixed_part = I(unname(head(fixed_part, 5))),
    stopped_short = as.list(short[short > 1e-6])
  )
}

# lme4 refuses some formulas: then its message is the result.
describe_or_refuse <- function(model, data) {
  tryCatch(
    suppressMessages(suppressWarnings(describe(model, data))),
    error = function(e) list(refused = conditionMessage(e))
  )
}

# ---- main -------------------------------------------------------------------------------------

by_name <- function(values) {
  lines <- vapply(names(values), function(n) sprintf("%s: %s", json(n), json(values[[n]])), "")
  paste(lines, collapse = ",\n")
}

write_results <- function(datasets, results, path) {
  versions <- versions_of(c("lme4", "Matrix", "minqa", "nloptr", "jsonlite"))
  writeLines(c(
    sprintf('{"versions": %s,', json(versions)),
    '"datasets": {', by_name(datasets), "},",
    '"models": {', by_name(results), "}}"
  ), path)
}

tell <- function(model, result) {
  cat(model$id, model$method, model$formula, "\n   ",
      if (is.null(result$refused)) {
        c(format(result$log_likelihood, digits = 10), if (result$singular) "singular",
          if (length(result$stopped_short)) json(result$stopped_short))
      } else {
        c("REFUSED", result$refused)
      }, "\n")
}

main <- function(wanted) {
  listed <- fromJSON(file.path(here, "published.json"), simplifyVector = FALSE)
  names(listed$models) <- vapply(listed$models, `[[`, "", "id")
  stopifnot(!anyDuplicated(names(listed$models)), all(wanted %in% names(listed$models)))
  path <- file.path(here, "published_values.json")
  results <- if (length(wanted) && file.exists(path)) {
    fromJSON(path, simplifyVector = FALSE)$models
  } else {
    list()
  }

  datasets <- Map(function(name, described) {
    factors <- write_data(name, described)
    of_r <- !described$package %in% "simulated"
    list(
      package = described$package,
      version = if (of_r) as.character(packageVersion(described$package)),
      licence = if (of_r) packageDescription(described$package)$License else "MIT",
      factors = if (length(factors)) factors else setNames(list(), character())
    )
  }, names(listed$datasets), listed$datasets)

  asked <- Filter(function(m) !length(wanted) || m$id %in% wanted, listed$models)
  for (models in split(asked, vapply(asked, `[[`, "", "data"))) {
    data <- read_data(models[[1]]$data, datasets[[models[[1]]$data]]$factors)
    for (model in models) {
      results[[model$id]] <- describe_or_refuse(model, data)
      tell(model, results[[model$id]])
    }
    write_results(datasets, results[intersect(names(listed$models), names(results))], path)
  }
}

main(commandArgs(trailingOnly = TRUE))
