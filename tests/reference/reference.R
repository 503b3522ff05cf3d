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
source(file.path(here, "helpers", "optimum.R")) # the optimisers, find_optimum(), versions_of(), json()

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
  lines <- vapply(names(results), function(id) {
    methods <- vapply(c("REML", "ML"), function(m) {
      sprintf('  "%s": %s', m, json(results[[id]][[m]]))
    }, "")
    sprintf('"%s": {\n%s\n}', id, paste(methods, collapse = ",\n"))
  }, "")
  versions <- versions_of(c(
    "lme4", "lmerTest", "pbkrtest", "Matrix", "minqa", "nloptr", "numDeriv", "jsonlite"
  ))
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
