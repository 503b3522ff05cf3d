# One turn of an R package at one problem: Rscript turn.R PACKAGE FORMULA FILE TIMES REML
# FILE is CSV, REML 1 or 0. Prints JSON as turn.py does. Reading the file is not timed, nor is the first fit, of a
# small model: R compiles what it runs first. Text is made factors before the clock starts.

arguments <- commandArgs(trailingOnly = TRUE)
formula <- as.formula(arguments[2])
reml <- arguments[5] == "1"
suppressMessages(library(lme4))
fitter <- switch(arguments[1],
  lme4 = function(formula, data) lmer(formula, data, REML = reml),
  glmmTMB = function(formula, data) glmmTMB::glmmTMB(formula, data, REML = reml)
)
complaints <- function(fit) {
  if (inherits(fit, "merMod")) return(unlist(fit@optinfo$conv$lme4$messages))
  c(
    if (fit$fit$convergence != 0) fit$fit$message,
    if (!isTRUE(fit$sdr$pdHess)) "the Hessian is not positive definite"
  )
}

pupils <- read.csv(arguments[3], stringsAsFactors = TRUE)
warm <- suppressMessages(fitter(Reaction ~ Days + (Days | Subject), sleepstudy))
seconds <- numeric(as.integer(arguments[4]))
for (i in seq_along(seconds)) {
  taken <- system.time(
    fit <- suppressMessages(suppressWarnings(fitter(formula, pupils))) # complaints are printed below
  )
  seconds[i] <- taken[["user.self"]] + taken[["sys.self"]]
}
cat(sprintf(
  '{"seconds": [%s], "llf": %.9f, "note": "%s"}\n',
  toString(sprintf("%.4f", seconds)), as.numeric(logLik(fit)),
  gsub('["\\\\\n]', " ", paste(complaints(fit), collapse = "; "))
))
