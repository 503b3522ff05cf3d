# Models whose rows count by weights in the likelihood, by glmmTMB.
#
#   Rscript tests/reference/survey.R
#
# Run from the repository's top; writes tests/reference/survey.json. In glmmTMB, and in no other program here, weights
# multiply each row's log-density given the random effects: the pseudo-likelihood of weights of the lowest level. For
# normal responses its Laplace approximation is exact. Each model is searched by two optimisers, and the best kept.

suppressMessages({
  library(glmmTMB)
  library(jsonlite)
})

# `every` k-th row; the weights are 0.5, 1, 1.5, ... 3.5, 0.5, ..., row by row.
models <- list(
  list(id = "slope", data = "data/exam.csv", every = 3,
       formula = "normexam ~ standLRT + (standLRT|school)", names = c("Intercept", "standLRT")),
  list(id = "nested", data = "data/pupils.csv", every = 2,
       formula = "test_score ~ age + (1|classroom) + (1|school)", names = c("Intercept", "age")),
  list(id = "independent", data = "data/pupils.csv", every = 2,
       formula = "test_score ~ age + (1|school) + (0 + age|school)", names = c("Intercept", "age"))
)

result <- function(model) {
  data <- read.csv(model$data, stringsAsFactors = TRUE)
  data <- data[seq(1, nrow(data), by = model$every), ]
  data$w <- 0.5 * (1 + (seq_len(nrow(data)) - 1) %% 7)
  fits <- lapply(c("nlminb", "BFGS"), function(method) {
    control <- if (method == "nlminb") glmmTMBControl(optCtrl = list(rel.tol = 1e-14, iter.max = 2000, eval.max = 2000))
      else glmmTMBControl(optimizer = optim, optArgs = list(method = "BFGS"), optCtrl = list(reltol = 1e-15, maxit = 2000))
    glmmTMB(as.formula(model$formula), data, weights = w, REML = FALSE, control = control)
  })
  fit <- fits[[which.max(sapply(fits, logLik))]]
  covariances <- lapply(VarCorr(fit)$cond, function(m) unname(matrix(as.numeric(m), nrow(m))))
  list(formula = model$formula, data = model$data, every = model$every,
       llf = as.numeric(logLik(fit)), fixed = as.list(setNames(unname(fixef(fit)$cond), model$names)),
       sigma = sigma(fit), covariances = unname(covariances))
}

values <- setNames(lapply(models, result), sapply(models, `[[`, "id"))
versions <- list(R = as.character(getRversion()), glmmTMB = as.character(packageVersion("glmmTMB")))
write_json(list(versions = versions, models = values), "tests/reference/survey.json", auto_unbox = TRUE, digits = NA,
           pretty = TRUE)
