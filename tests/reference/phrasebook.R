# The values of R's side of the phrasebook, notebooks/phrasebook.ipynb.
#
#   Rscript tests/reference/phrasebook.R
#
# Run from the repository's top; writes data/phrasebook.json. Each call below is evaluated as it stands, and
# stored with its value, one number. The notebook looks a call up by its text.

suppressMessages({
  library(lme4)
  library(jsonlite)
})
invisible(Sys.setlocale("LC_COLLATE", "C")) # levels in the order in which Python sorts text
here <- "tests/reference"

# What the phrasebook shows as the R session that the calls belong to.
setup <- c(
  'library(lme4)',
  'library(lmerTest)',
  'pupils <- read.csv("data/pupils.csv", stringsAsFactors = TRUE)',
  'pupils$age10 <- pupils$age - 10',
  'pupils$room <- sub(".*-", "", pupils$classroom)',
  'years <- read.csv("data/pupils_three_years.csv", stringsAsFactors = TRUE)',
  'years$age10 <- years$age - 10',
  'pupils$third <- cut(pupils$age, c(0, 9, 11, 99), c("young", "middle", "old"), ordered_result = TRUE)',
  'for (k in 1:3) pupils[[paste0("PV", k, "TEST")]] <- pupils$test_score + k * sin(k * seq_len(nrow(pupils)))',
  'survey <- haven::read_sav("data/survey.sav", user_na = TRUE)',
  'tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 20000))',
  'm <- lmer(test_score ~ age10 + sex + school_resources + (age10 | school), pupils,
          control = tight)',
  'm_ml <- lmer(test_score ~ age10 + sex + school_resources + (age10 | school), pupils,
             REML = FALSE, control = tight)',
  'm2 <- lmer(test_score ~ age10 + sex + (1 | classroom) + (1 | school), pupils,
           control = tight)',
  'm3 <- lmer(test_score ~ age10 + sex + (1 | classroom) + (1 | school) + (1 | province), pupils,
           control = tight)',
  'm4 <- lmer(test_score ~ third + (1 | school), pupils, control = tight)',
  'pv <- lapply(1:3, function(k) update(m4, reformulate("age10 + (1 | school)", paste0("PV", k, "TEST"))))',
  'new <- data.frame(age10 = 1, sex = "male", school_resources = 0.5, school = c("P01-S1", "new"))',
  'g <- glmer((test_score > 60) ~ age10 + sex + (1 | school), pupils, family = binomial,
          control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 20000)))',
  'gt <- glmmTMB::glmmTMB((test_score > 60) ~ age10 + sex + (1 | school), pupils, family = binomial)'
)

# Random parts: the log-likelihood of lmer(test_score ~ age10 + sex + ..., data), REML.
formulas <- list(
  pupils = c(
    "(1|school)", "(age10|school)", "(0 + age10|school)", "(age10||school)",
    "(1|school) + (0 + age10|school)", "(sex|school)", 
    "(1|classroom) + (1|school)", "(1|school/classroom)", "(1|school) + (1|school:room)",
    "(1|school:room)", "(1|classroom) + (1|school) + (1|province)",
    "(1|province/school/classroom)", "(1|classroom) + (age10|school)",
    "(age10||classroom) + (age10|school)", "(age10|classroom) + (1|school)"
  ),
  years = c("(1|student_id) + (1|classroom) + (1|school)", "(1|student_id) + (1|classroom)")
)

calls <- c(
  # fixed effects
  'fixef(m)[["age10"]]',
  'fixef(m)[["sexmale"]]',
  'sqrt(vcov(m)["age10", "age10"])',
  'vcov(m)["(Intercept)", "sexmale"]',
  'coef(summary(m))["school_resources", "t value"]',
  'coef(summary(m))["school_resources", "df"]',
  'coef(summary(m))["school_resources", "Pr(>|t|)"]',
  'coef(summary(m, ddf = "Kenward-Roger"))["school_resources", "df"]',
  'coef(summary(m, ddf = "Kenward-Roger"))["school_resources", "Std. Error"]',
  # variances
  'VarCorr(m)$school["(Intercept)", "(Intercept)"]',
  'VarCorr(m)$school["age10", "age10"]',
  'VarCorr(m)$school["(Intercept)", "age10"]',
  'attr(VarCorr(m)$school, "stddev")[["age10"]]',
  'attr(VarCorr(m)$school, "correlation")["(Intercept)", "age10"]',
  'VarCorr(m3)$school[1, 1]',
  'VarCorr(m3)$classroom[1, 1]',
  'VarCorr(m3)$province[1, 1]',
  'sigma(m)',
  'sigma(m)^2',
  'sigma(update(m, weights = age))',
  'getME(m, "theta")[[1]]',
  'getME(m, "theta")[[2]]',
  'getME(m, "theta")[[3]]',
  'isSingular(m)',
  # random effects
  'ranef(m)$school["P01-S1", "(Intercept)"]',
  'ranef(m)$school["P01-S1", "age10"]',
  'ranef(m3)$classroom["P01-S1-C1", 1]',
  'sqrt(attr(ranef(m)$school, "postVar")[1, 1, 1])',
  'attr(ranef(m)$school, "postVar")[1, 2, 1]',
  'coef(m)$school["P01-S1", "age10"]',
  'coef(m)$school["P01-S1", "(Intercept)"]',
  # fitted and predicted values
  'fitted(m)[[1]]',
  'resid(m)[[1]]',
  'predict(m, re.form = NA)[[1]]',
  'predict(m, re.form = NULL)[[1]]',
  'predict(m, new, re.form = NA)[[1]]',
  'predict(m, new[1, ])[[1]]',
  'predict(m, new, allow.new.levels = TRUE)[[2]]',
  'predict(m3, re.form = ~ (1 | school))[[1]]',
  # likelihood and size
  'logLik(m)',
  'REMLcrit(m)',
  'AIC(m)',
  'BIC(m)',
  'logLik(m_ml)',
  'logLik(refitML(m))',
  'deviance(m_ml)',
  'AIC(m_ml)',
  'BIC(m_ml)',
  'attr(logLik(m_ml), "df")',
  'nobs(m)',
  'df.residual(m)',
  'ngrps(m)[["school"]]',
  'ngrps(m3)[["classroom"]]',
  # matrices
  'model.matrix(m)[1, "sexmale"]',
  'ncol(getME(m, "X"))',
  'getME(m, "Z")[1, "P01-S1"]',
  'ncol(getME(m, "Z"))',
  'nrow(model.frame(m))',
  'getME(m, "y")[[1]]',
  # tests
  'anova(m)["school_resources", "F value"]',
  'anova(m, ddf = "Kenward-Roger")["school_resources", "F value"]',
  'anova(m, ddf = "Kenward-Roger")["school_resources", "DenDF"]',
  'contestMD(m, rbind(c(0, 1, 0, 0), c(0, 0, 1, 0)))[["F value"]]',
  'anova(m2, m3, refit = FALSE)[["Chisq"]][2]',
  'anova(m2, m3, refit = FALSE)[["Pr(>Chisq)"]][2]',
  'anova(m2, m3)[["Chisq"]][2]',
  'ranova(m3)["(1 | province)", "LRT"]',
  'drop1(m)["sex", "F value"]',
  'lme4:::drop1.merMod(m_ml, test = "Chisq")["sex", "LRT"]',
  'anova(update(m, . ~ . - sex), m)[["Chisq"]][2]',
  'as.data.frame(emmeans::emmeans(m, "sex", lmer.df = "satterthwaite"))[2, "emmean"]',
  'as.data.frame(emmeans::emmeans(m, "sex", lmer.df = "satterthwaite"))[2, "lower.CL"]',
  'as.data.frame(pairs(emmeans::emmeans(m, "sex")))[1, "SE"]',
  'as.data.frame(emmeans::emtrends(m, ~ 1, "age10", lmer.df = "satterthwaite"))[1, "age10.trend"]',
  'clubSandwich::coef_test(m, "CR2")["age10", "SE"]',
  # means of ordered factors, scaled predictors
  'fixef(m4)[["third.L"]]',
  'fixef(m4)[["third.Q"]]',
  'fixef(update(m4, contrasts = list(third = "contr.treatment")))[["thirdold"]]',
  'fixef(update(m4, . ~ scale(age) + (1 | school)))[["scale(age)"]]',
  # files of SPSS
  'sum(is.na(survey$age))',
  'sum(haven::as_factor(survey$sex) == "male", na.rm = TRUE)',
  'nlevels(haven::as_factor(survey$books))',
  'sum(haven::zap_labels(survey$sex) == 2, na.rm = TRUE)',
  # plausible values, imputed data
  'mitml::testEstimates(pv)$estimates["age10", "Estimate"]',
  'mitml::testEstimates(pv)$estimates["age10", "Std.Error"]',
  'mitml::testModels(pv, lapply(pv, update, . ~ . - age10), method = "D3")$test[1, "F.value"]',
  # Stata
  'logLik(lmer(test_score ~ age10 + (age10 || school), pupils, REML = FALSE, control = tight))',
  'logLik(lmer(test_score ~ age10 + (age10 | school), pupils, control = tight))',
  'logLik(lmer(test_score ~ age10 + (1 | school) + (1 | school:classroom), pupils, REML = FALSE, control = tight))',
  'logLik(lmer(test_score ~ age10 + (1 | school) + (1 | sex:school), pupils, REML = FALSE, control = tight))',
  # SPSS
  'logLik(lmer(test_score ~ age10 + (age10 || school), pupils, control = tight))',
  'logLik(lmer(test_score ~ age10 + (1 | school) + (1 | classroom), pupils, control = tight))',
  # intervals
  'confint(m, "age10", method = "Wald")[1, 1]',
  'confint(m, "age10", method = "profile", quiet = TRUE)[1, 1]',
  'confint(m, "sd_(Intercept)|school", method = "profile", oldNames = FALSE, quiet = TRUE)[1, 1]',
  'confint(m, "sd_(Intercept)|school", method = "profile", oldNames = FALSE, quiet = TRUE)[1, 2]',
  'confint(m, "sigma", method = "profile", oldNames = FALSE, quiet = TRUE)[1, 2]',
  'confint(m, "age10", method = "boot", nsim = 200, seed = 1, quiet = TRUE)[1, 1]',
  # again
  'fixef(update(m, . ~ . - sex))[["age10"]]',
  'fixef(refit(m, pupils$test_score + 10))[[1]]',
  'length(simulate(m, nsim = 1, seed = 1)[[1]])',
  'sd(bootMer(m, sigma, nsim = 200, seed = 1)$t)',
  'cooks.distance(influence(m, "school"))[[1]]',
  'dfbeta(influence(m, "school"))[1, "age10"]',
  'dfbetas(influence(m, "school"))[1, "age10"]',
  # shares
  'with(as.data.frame(VarCorr(m3)), sum(vcov[grp != "Residual"]) / sum(vcov))',
  'with(as.data.frame(VarCorr(m3)), vcov[grp == "school"] / sum(vcov))',
  'var(predict(m3, re.form = NA)) / (var(predict(m3, re.form = NA)) + sum(as.data.frame(VarCorr(m3))$vcov))',
  # yes or no
  'exp(fixef(g)[["age10"]])',
  'exp(glmmTMB::fixef(gt)$cond[["age10"]])',
  'sqrt(vcov(gt)$cond["age10", "age10"])',
  'attr(VarCorr(g)$school, "stddev")[["(Intercept)"]]',
  'attr(VarCorr(update(g, nAGQ = 7))$school, "stddev")[["(Intercept)"]]',
  'as.numeric(logLik(g))',
  'predict(g, type = "response")[[1]]',
  'predict(g, type = "response", re.form = NA)[[1]]',
  'anova(update(g, . ~ . - sex), g)[2, "Chisq"]'
)

session <- globalenv() # where update(), refit() and the like look for what a call names
run <- function(text) eval(str2lang(text), session)
for (line in setup) suppressMessages(run(line))
value <- function(call) {
  found <- suppressWarnings(suppressMessages(run(call)))
  if (length(found) != 1 || !(is.numeric(found) || is.logical(found))) {
    stop(call, " is not one number")
  }
  if (is.logical(found)) found else as.numeric(found)
}
log_likelihoods <- lapply(setNames(nm = names(formulas)), function(data) {
  lapply(setNames(nm = formulas[[data]]), function(random) {
    formula <- as.formula(paste("test_score ~ age10 + sex +", random))
    as.numeric(logLik(lme4::lmer(formula, session[[data]], control = session$tight)))
  })
})
values <- lapply(setNames(nm = calls), value)

packages <- c("lme4", "glmmTMB", "lmerTest", "pbkrtest", "haven", "mitml", "jsonlite")
write_json(
  list(
    versions = c(
      list(R = paste(R.version$major, R.version$minor, sep = ".")),
      lapply(setNames(nm = packages), function(p) as.character(packageVersion(p)))
    ),
    setup = setup, log_likelihoods = log_likelihoods, calls = values
  ),
  "data/phrasebook.json",
  auto_unbox = TRUE, digits = I(12), pretty = TRUE
)
