# The best of lme4's optimisers on the problems of stress.py: Rscript stress.R FOLDER
suppressMessages({library(lme4); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
cases <- fromJSON(file.path(folder, "cases.json"))
# The log-likelihood at lme4's theta by dense algebra, every predictor centred: lme4's own has lost digits
# where a predictor is far from 0, and the best of three is then the luckiest rounding.
again <- function(fit, reml) {
  y <- getME(fit, "y") - mean(getME(fit, "y"))
  X <- getME(fit, "X")
  if ("(Intercept)" %in% colnames(X)) X[, -1] <- sweep(X[, -1, drop = FALSE], 2, colMeans(X[, -1, drop = FALSE]))
  ZL <- as.matrix(t(getME(fit, "Lambdat") %*% getME(fit, "Zt")))
  root <- chol(diag(length(y)) + tcrossprod(ZL))
  y <- backsolve(root, y, transpose = TRUE)
  QR <- qr(backsolve(root, X, transpose = TRUE), tol = 1e-14)
  df <- length(y) - reml * ncol(X)
  r2 <- sum(qr.resid(QR, y)^2)
  value <- 2 * sum(log(diag(root))) + df * (1 + log(2 * pi * r2 / df))
  if (reml) value <- value + 2 * sum(log(abs(diag(qr.R(QR)))))
  -value / 2
}
best <- function(formula, data, reml) {
  found <- c(llf = -Inf, again = NA)
  # tight, since lme4 stops early, too
  tight <- list(
    nloptwrap = list(xtol_abs = 1e-10, ftol_abs = 1e-10, maxeval = 20000),
    bobyqa = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 20000),
    Nelder_Mead = list(FtolAbs = 1e-10, FtolRel = 1e-15, XtolRel = 1e-10, maxfun = 20000)
  )
  for (optimizer in names(tight)) {
    control <- lmerControl(
      optimizer = optimizer, optCtrl = tight[[optimizer]], calc.derivs = FALSE,
      check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.nobs.vs.rankZ = "ignore",
      check.rankX = "ignore", check.scaleX = "ignore", check.nlev.gtr.1 = "ignore"
    )
    fit <- tryCatch(
      suppressMessages(suppressWarnings(lmer(formula, data, REML = reml, control = control))),
      error = function(e) NULL
    )
    if (is.null(fit) || logLik(fit) <= found["llf"]) next
    dense <- tryCatch(again(fit, reml), error = function(e) NA)
    found <- c(llf = as.numeric(logLik(fit)), again = dense)
  }
  if (is.finite(found["llf"])) found else c(llf = NA, again = NA)
}
found <- lapply(seq_len(nrow(cases)), function(i) {
  data <- read.csv(file.path(folder, paste0(cases$seed[i], ".csv")))
  c(list(seed = cases$seed[i]), best(as.formula(cases$formula[i]), data, cases$reml[i]))
})
write(toJSON(found, auto_unbox = TRUE, digits = NA, na = "null"), file.path(folder, "found.json"))
