# The best of lme4's optimisers on the problems of stress.py: Rscript stress.R FOLDER
suppressMessages({library(lme4); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
cases <- fromJSON(file.path(folder, "cases.json"))
best <- function(formula, data, reml) {
  found <- -Inf
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
    if (!is.null(fit)) found <- max(found, as.numeric(logLik(fit)))
  }
  if (is.finite(found)) found else NA
}
found <- lapply(seq_len(nrow(cases)), function(i) {
  data <- read.csv(file.path(folder, paste0(cases$seed[i], ".csv")))
  list(seed = cases$seed[i], llf = best(as.formula(cases$formula[i]), data, cases$reml[i]))
})
write(toJSON(found, auto_unbox = TRUE, digits = NA, na = "null"), file.path(folder, "found.json"))
