# The best optimum of lme4's deviance over many searches; reference.R and published.R source this.

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
  of_theta <- do.call(mkLmerDevfun, parsed)
  deviance <- function(theta) { # a search without bounds may run so far out that it fails
    value <- tryCatch(of_theta(as.double(theta)), error = function(e) NaN)
    if (is.finite(value)) value else 1e10
  }
  best <- list(theta = start, value = deviance(start))
  calls <- 0
  f <- function(theta) {
    calls <<- calls + 1
    deviance(theta)
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

# R's version and those of these packages.
versions_of <- function(packages) {
  c(
    list(R = paste(R.version$major, R.version$minor, sep = ".")),
    lapply(setNames(nm = packages), function(p) as.character(packageVersion(p)))
  )
}

# Numbers with all their digits.
json <- function(x) {
  jsonlite::toJSON(x, digits = I(15), auto_unbox = TRUE, na = "null", null = "null")
}
