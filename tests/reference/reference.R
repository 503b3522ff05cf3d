# Reference values from lme4 and lmerTest for the models in models.json; see README.md.
#
#   Rscript tests/reference/reference.R            every model
#   Rscript tests/reference/reference.R exam ...   these models; the others in reference.json stay
#
# Run from the repository's top.

suppressMessages({
  library(lme4)
  library(lmerTest)
  library(jsonlite)
})
invisible(Sys.setlocale("LC_COLLATE", "C")) # levels in the order in which Python sorts text
here <- "tests/reference"

# ---- data -------------------------------------------------------------------------------------

derived <- list(
  room = function(d) sub(".*[-_ /:.]", "", d$classroom), # the text after the last separator
  age_c = function(d) d$age - 10
)

# An empty field is a missing value, not a level; text becomes a factor.
read_data <- function(model) {
  d <- read.csv(model$data, na.strings = c("NA", ""), stringsAsFactors = FALSE)
  for (column in unlist(model$prepare)) d[[column]] <- derived[[column]](d)
  for (column in names(d)) if (is.character(d[[column]])) d[[column]] <- factor(d[[column]])
  d
}

# ---- names: R's to patsy's --------------------------------------------------------------------

# "(Intercept)" -> "Intercept", "age:sexmale" -> "age:sex[T.male]"
patsy_names <- function(names, d) {
  one <- function(part) {
    if (part == "(Intercept)") return("Intercept")
    if (part %in% colnames(d)) return(part)
    for (column in colnames(d)[vapply(d, is.factor, NA)]) {
      at <- match(part, paste0(column, levels(d[[column]])))
      if (!is.na(at)) return(sprintf("%s[T.%s]", column, levels(d[[column]])[at]))
    }
    stop("no patsy name for ", part)
  }
  parts <- strsplit(names, ":", fixed = TRUE)
  vapply(parts, function(p) paste(vapply(p, one, ""), collapse = ":"), "")
}

# The columns of a grouping, outermost first where the formula has a slash:
# lme4 writes (1|a/b) as "a" and "b:a", the formula's reader as "a" and "a:b".
group_columns <- function(lme4_name, model) {
  columns <- all.vars(str2lang(lme4_name))
  written <- gsub("\\s", "", model$r)
  if (length(columns) > 1 && !grepl(lme4_name, written, fixed = TRUE)) columns <- rev(columns)
  columns
}

# ---- the optimum ------------------------------------------------------------------------------

# The deviance is even in every column of Lambda: make the diagonals non-negative again.
flip_signs <- function(theta, effects_per_term) {
  at <- 0
  for (k in effects_per_term) {
    for (column in seq_len(k)) {
      rows <- at + seq_len(k - column + 1)
      if (theta[rows[1]] < 0) theta[rows] <- -theta[rows]
      at <- at + k - column + 1
    }
  }
  theta
}

# Each takes the deviance as a function of theta, a start and lower bounds.
optimisers <- list(
  nloptwrap_default = function(f, start, lower) {
    nloptwrap(start, f, lower, rep(Inf, length(start)))
  },
  nloptwrap_tight = function(f, start, lower) {
    nloptwrap(start, f, lower, rep(Inf, length(start)), control = list(
      xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 0, ftol_rel = 0, maxeval = 20000
    ))
  },
  bobyqa_default = function(f, start, lower) minqa::bobyqa(start, f, lower),
  bobyqa_tight = function(f, start, lower) {
    minqa::bobyqa(start, f, lower, control = list(
      rhobeg = 0.2, rhoend = 1e-10, npt = min(2 * length(start) + 1, 20), maxfun = 20000
    ))
  },
  Nelder_Mead_default = function(f, start, lower) Nelder_Mead(f, start, lower),
  nlminb = function(f, start, lower) {
    nlminb(start, f, lower = lower, control = list(
      eval.max = 20000, iter.max = 2000, rel.tol = 1e-14, x.tol = 1e-10
    ))
  },
  # No bounds: theta may change sign, so that 0 is not a wall.
  BFGS_unbounded = function(f, start, lower) {
    optim(start, f, method = "BFGS", control = list(reltol = 1e-15, maxit = 500))
  }
)

# The best theta over all optimisers and restarts, and how far each of them fell short.
find_optimum <- function(formula, data, reml) {
  parsed <- lFormula(formula, data, REML = reml)
  start <- parsed$reTrms$theta + 0 # a copy: lme4 writes into the vector itself
  lower <- parsed$reTrms$lower
  effects_per_term <- lengths(parsed$reTrms$cnms)
  deviance <- do.call(mkLmerDevfun, parsed)
  best <- list(theta = start, value = deviance(start))
  calls <- 0
  f <- function(theta) {
    calls <<- calls + 1
    deviance(as.double(theta))
  }
  consider <- function(theta) {
    theta <- flip_signs(theta, effects_per_term)
    value <- deviance(theta)
    if (value < best$value) best <<- list(theta = theta, value = value)
    value
  }
  run <- function(name, from) {
    calls <<- 0
    fit <- suppressWarnings(optimisers[[name]](f, from, lower))
    list(value = consider(fit$par), calls = calls)
  }

  first <- lapply(setNames(nm = names(optimisers)), run, from = start)
  set.seed(1)
  for (repeats in 1:3) {
    before <- best$value
    perturbed <- best$theta + rnorm(length(start), sd = 0.3)
    run("bobyqa_tight", pmax(perturbed, lower))
    run("BFGS_unbounded", best$theta + 1e-3)
    run("bobyqa_tight", best$theta)
    if (repeats > 1 && before - best$value < 1e-9) break
  }
  # A diagonal within a whisker of 0 is 0, unless that costs something.
  for (i in which(lower == 0 & best$theta < 1e-3)) {
    snapped <- replace(best$theta, i, 0)
    value <- deviance(snapped)
    if (value < best$value + 1e-9) best <- list(theta = snapped, value = value)
  }

  # Which bounded search got stuck, which stopped early: in units of the log-likelihood.
  short <- lapply(first, function(o) {
    list(short = signif(max(0, (o$value - best$value) / 2), 3), evaluations = o$calls)
  })
  list(theta = best$theta, optimisers = short)
}

# ---- what the fit says ------------------------------------------------------------------------

named <- function(values, names) setNames(as.list(unname(values)), names)

fixed_effects <- function(fit, names) {
  note <- character()
  tested <- withCallingHandlers(as_lmerModLmerTest(fit), warning = function(w) {
    note <<- c(note, conditionMessage(w))
    invokeRestart("muffleWarning")
  })
  table <- as.data.frame(coef(summary(tested, ddf = "Satterthwaite")))
  columns <- c(
    estimate = "Estimate", std_error = "Std. Error", df = "df", t = "t value", p_value = "Pr(>|t|)"
  )
  list(
    table = setNames(
      lapply(seq_along(names), function(i) {
        lapply(columns, function(column) table[i, column])
      }),
      names
    ),
    note = paste(note, collapse = "; ")
  )
}

variance_components <- function(fit, group_of, effect_of) {
  v <- as.data.frame(VarCorr(fit))
  lapply(seq_len(nrow(v)), function(i) {
    residual <- v$grp[i] == "Residual"
    list(
      group = if (residual) "Residual" else group_of[[v$grp[i]]],
      effect = if (residual) NA else effect_of(v$var1[i]),
      effect2 = if (is.na(v$var2[i])) NA else effect_of(v$var2[i]),
      vcov = v$vcov[i],
      sdcor = v$sdcor[i]
    )
  })
}

# The first five levels in full; of all levels the sums that any wrong one would change.
random_effects <- function(fit, data, groups, effect_of) {
  b <- as.data.frame(ranef(fit, condVar = TRUE))
  used <- data[rownames(model.frame(fit)), , drop = FALSE]
  lapply(groups, function(group) {
    its <- b[b$grpvar == group$lme4, ]
    labels <- getME(fit, "flist")[[group$lme4]]
    shown <- head(levels(labels), 5)
    rows <- match(shown, labels)
    plain <- function(x) if (is.factor(x)) as.character(x) else x
    by_effect <- function(what) {
      effects <- unique(as.character(its$term))
      setNames(lapply(effects, function(e) what(its[its$term == e, ])), effect_of(effects))
    }
    first <- function(column) function(e) e[match(shown, e$grp), column]
    list(
      levels = lapply(rows, function(row) {
        unname(lapply(group$columns, function(column) plain(used[[column]][row])))
      }),
      estimate = by_effect(first("condval")),
      sd = by_effect(first("condsd")),
      sum = by_effect(function(e) sum(e$condval)),
      sum_of_squares = by_effect(function(e) sum(e$condval^2)),
      sum_of_sds = by_effect(function(e) sum(e$condsd))
    )
  })
}

# For the first five rows of the fit: with all random effects, none, and those of one group only.
predictions <- function(fit, data, formula, groups) {
  rows <- match(rownames(model.frame(fit))[1:5], rownames(data))
  new <- data[rows, ]
  bars <- findbars(formula)
  one_group <- function(group) {
    its <- Filter(function(bar) deparse1(bar[[3]]) == group$lme4, bars)
    terms <- paste(sprintf("(%s)", vapply(its, deparse1, "")), collapse = "+")
    unname(predict(fit, new, re.form = as.formula(paste("~", terms))))
  }
  list(
    rows = rows - 1, # counted from 0 in the file
    all = unname(predict(fit, new, re.form = NULL)),
    none = unname(predict(fit, new, re.form = NA)),
    only = if (length(groups) > 1) lapply(groups, one_group) else setNames(list(), character())
  )
}

describe <- function(model, data, reml) {
  formula <- as.formula(model$r)
  found <- find_optimum(formula, data, reml)
  # lmerTest evaluates this call again; so it holds the values, not names of them.
  fit <- suppressMessages(do.call(lme4::lmer, list( # it would say that a fit is singular
    formula, quote(data),
    REML = reml, start = found$theta,
    control = lmerControl(optimizer = NULL, calc.derivs = FALSE)
  )))
  stopifnot(isTRUE(all.equal(getME(fit, "theta"), found$theta, check.names = FALSE)))

  names <- patsy_names(names(fixef(fit)), data)
  effect_of <- function(effects) patsy_names(effects, data)
  lme4_names <- base::names(fit@flist)
  groups <- lapply(setNames(nm = lme4_names), function(name) {
    list(lme4 = name, columns = group_columns(name, model), n_levels = ngrps(fit)[[name]])
  })
  base::names(groups) <- vapply(groups, function(g) paste(g$columns, collapse = ":"), "")
  # VarCorr calls the second term of a group "school.1"
  group_of <- setNames(
    base::names(groups)[attr(fit@flist, "assign")], base::names(VarCorr(fit))
  )
  fixed <- fixed_effects(fit, names)
  spread <- vapply(found$optimisers, `[[`, 0, "short")

  list(
    log_likelihood = as.numeric(logLik(fit)),
    criterion = -2 * as.numeric(logLik(fit)), # the deviance, or the REML criterion
    aic = AIC(fit), bic = BIC(fit), n_parameters = attr(logLik(fit), "df"), nobs = nobs(fit),
    theta = I(unname(found$theta)),
    sigma = sigma(fit),
    singular = isSingular(fit),
    fixed_effects = fixed$table,
    satterthwaite_note = fixed$note,
    fixed_vcov = apply(as.matrix(vcov(fit)), 1, named, names = names, simplify = FALSE) |>
      setNames(names),
    variance_components = variance_components(fit, group_of, effect_of),
    groups = lapply(groups, function(g) modifyList(g, list(columns = I(g$columns)))),
    random_effects = random_effects(fit, data, groups, effect_of),
    predictions = predictions(fit, data, formula, groups),
    sum_of_squares = list(fitted = sum(fitted(fit)^2), residual = sum(resid(fit)^2)),
    optimisers = found$optimisers,
    optimisers_disagree = max(spread) > 1e-6
  )
}

# ---- main -------------------------------------------------------------------------------------

# One line for each model and method, so that a change shows as the lines of its model.
write_results <- function(results, path) {
  json <- function(x) toJSON(x, digits = I(15), auto_unbox = TRUE, na = "null", null = "null")
  lines <- vapply(names(results), function(id) {
    methods <- vapply(c("REML", "ML"), function(m) {
      sprintf('  "%s": %s', m, json(results[[id]][[m]]))
    }, "")
    sprintf('"%s": {\n%s\n}', id, paste(methods, collapse = ",\n"))
  }, "")
  packages <- c("lme4", "lmerTest", "pbkrtest", "Matrix", "minqa", "nloptr", "numDeriv", "jsonlite")
  versions <- c(
    list(R = paste(R.version$major, R.version$minor, sep = ".")),
    lapply(setNames(nm = packages), function(p) as.character(packageVersion(p)))
  )
  writeLines(c(
    sprintf('{"versions": %s,', json(versions)), '"models": {',
    paste(lines, collapse = ",\n"), "}}"
  ), path)
}

main <- function(wanted) {
  models <- fromJSON(file.path(here, "models.json"), simplifyVector = FALSE)
  ids <- vapply(models, `[[`, "", "id")
  stopifnot(!anyDuplicated(ids), all(wanted %in% ids))
  path <- file.path(here, "reference.json")
  kept <- if (length(wanted) && file.exists(path)) {
    fromJSON(path, simplifyVector = FALSE)$models
  } else {
    list()
  }
  results <- kept[intersect(ids, names(kept))]
  for (model in models) {
    if (length(wanted) && !model$id %in% wanted) next
    data <- read_data(model)
    for (method in c("REML", "ML")) {
      result <- describe(model, data, reml = method == "REML")
      results[[model$id]][[method]] <- result
      cat(sprintf("%-32s %-4s %18.8f%s\n", model$id, method, result$log_likelihood,
                  if (result$singular) "  singular" else ""))
      for (name in names(result$optimisers)) {
        short <- result$optimisers[[name]]$short
        if (short > 1e-6) cat(sprintf("    %s stopped %.3g short\n", name, short))
      }
    }
    write_results(results[intersect(ids, names(results))], path)
  }
}

main(commandArgs(trailingOnly = TRUE))
