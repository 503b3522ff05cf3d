# Models with empty cells and repeated columns, and models without fixed effects, by lme4 and lmerTest.
#
#   Rscript tests/reference/aliased.R
#
# Run from the repository's top. Writes tests/reference/aliased.json. lme4 stops at a tight tolerance here, so
# that the values are those of the optimum.

suppressMessages({
  library(lmerTest)
  library(jsonlite)
})
here <- "tests/reference"
cells <- read.csv(file.path(here, "empty_cells.csv"), stringsAsFactors = TRUE)
baking <- read.csv(file.path(here, "baking.csv"), stringsAsFactors = TRUE)
baking$replicate <- factor(baking$replicate)
control <- lmerControl(
  optimizer = "nloptwrap",
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 20000),
  check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore"
)

models <- list(
  list(id = "two_way", formula = "y ~ f*h + (1|g)", smaller = "y ~ f + h + (1|g)"),
  list(id = "three_way", formula = "y ~ f*h*k + (1|g)", smaller = "y ~ f*h + k + (1|g)"),
  list(id = "pairs", formula = "y ~ (f + h + k)**2 + (1|g)", smaller = "y ~ f*h + (1|g)"),
  list(id = "slopes", formula = "y ~ f*h*x + (x|g)", smaller = "y ~ f*h + x + (x|g)"),
  list(id = "means", formula = "y ~ 0 + f:h + (1|g)", smaller = "y ~ f + h + (1|g)"),
  list(id = "repeated", formula = "y ~ x + m + one + k + (1|g)", smaller = "y ~ x + (1|g)"),
  list(id = "repeated_first", formula = "y ~ m + f*x + (1|g)", smaller = "y ~ x + (1|g)"),
  list(id = "baking", formula = "angle ~ recipe + temp + temperature + (1|recipe:replicate)",
       smaller = "angle ~ recipe + temp + (1|recipe:replicate)"),
  list(id = "no_effects", formula = "y ~ 0 + (1|g)"),
  list(id = "no_effects_slope", formula = "y ~ 0 + (0 + x|g)"),
  list(id = "no_effects_both", formula = "y ~ -1 + (x|g)"),
  list(id = "no_effects_crossed", formula = "y ~ 0 + (1|g) + (1|f)")
)

fit <- function(formula, data, reml) {
  suppressMessages(lmer(as.formula(gsub("**", "^", formula, fixed = TRUE)), data,
                        REML = reml, control = control))
}

describe <- function(model) {
  data <- if (model$id == "baking") baking else cells
  found <- list()
  for (method in c("REML", "ML")) {
    m <- fit(model$formula, data, method == "REML")
    found[[method]] <- list(log_likelihood = as.numeric(logLik(m)), n_parameters = attr(logLik(m), "df"),
                            sigma = sigma(m), sdcor = as.data.frame(VarCorr(m))$sdcor)
  }
  m <- fit(model$formula, data, TRUE)
  random <- ranef(m, condVar = FALSE)
  found$random_effects <- lapply(random, function(b) list(levels = rownames(b)[1:5], effects = as.list(head(b, 5))))
  found$fitted <- unname(fitted(m)[1:8])
  if (length(fixef(m))) {
    fixed <- fixef(m, add.dropped = TRUE)
    found$fixed_effects <- as.list(fixed)
    found$standard_errors <- as.list(sqrt(diag(as.matrix(vcov(m)))))
    found$vcov_sum_of_squares <- sum(as.matrix(vcov(m))^2)
    found$population <- unname(predict(m, re.form = NA)[1:8])
    # lmerTest stops where a main effect is left out and its interaction is not
    table <- tryCatch(suppressMessages(anova(m)), error = function(e) NULL)
    if (is.null(table)) message(model$id, ": no anova")
    if (!is.null(table)) found$anova <- lapply(split(table, rownames(table)), function(row) {
      list(sum_sq = row[["Sum Sq"]], num_df = row$NumDF, den_df = row$DenDF, F = row[["F value"]])
    })
    both <- anova(fit(model$smaller, data, FALSE), fit(model$formula, data, FALSE))
    found$ratio <- list(df = both$Df[2], chi2 = both$Chisq[2])
  }
  c(model, found)
}

results <- list(
  versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                  lmerTest = as.character(packageVersion("lmerTest"))),
  models = lapply(models, describe)
)
writeLines(toJSON(results, auto_unbox = TRUE, digits = I(12), pretty = TRUE, na = "null"),
           file.path(here, "aliased.json"))
