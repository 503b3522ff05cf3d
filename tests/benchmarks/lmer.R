# Time lmer on a CSV file: Rscript lmer.R FILE FORMULA TIMES
# Prints JSON. Reading the file is not timed; text is made factors before the clock starts.

suppressMessages(library(lme4))
arguments <- commandArgs(trailingOnly = TRUE)
pupils <- read.csv(arguments[1], stringsAsFactors = TRUE)
warm <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy) # R compiles what it runs first

seconds <- numeric(as.integer(arguments[3]))
for (i in seq_along(seconds)) {
  seconds[i] <- system.time(
    fit <- suppressWarnings(lmer(as.formula(arguments[2]), pupils)) # complaints are printed below
  )[["elapsed"]]
}

blas <- sub("\\.so.*", "", basename(extSoftVersion()[["BLAS"]]))
complaints <- unlist(fit@optinfo$conv$lme4$messages)
cat(sprintf(
  '{"seconds": [%s], "llf": %.9f, "note": "%s", "R": "%s", "lme4": "%s", "blas": "%s"}\n',
  toString(sprintf("%.4f", seconds)), as.numeric(logLik(fit)),
  gsub('["\\\\\n]', " ", paste(complaints, collapse = "; ")),
  getRversion(), packageVersion("lme4"), blas
))
