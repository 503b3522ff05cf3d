# %% [markdown] tags=["workshop"]
# # Glossary
#
# The words of the lessons, in plain words. Each lesson links here where it first uses one.

# %% [markdown] tags=["workshop"]
# ### adaptive quadrature
# An integral as a weighted sum over a few points, placed where most of it lies. In a model of yes or no
# it integrates over the effect of each group: `fit(nagq=9)` takes nine points. The fewer and smaller
# the answers of a group, the more it gains over the [Laplace approximation](#Laplace-approximation).
#
# ### AIC
# Akaike's information criterion: -2 times the log-likelihood plus 2 for every estimated number. The
# smaller AIC is better. Only fits to the same rows can be compared, and REML fits only where their
# fixed effects are the same.
#
# ### bias
# How far the average of the estimates from many data sets lies from the truth. Each single estimate may
# be far off although the bias is 0.
#
# ### BIC
# Bayesian information criterion: like [AIC](#AIC), but each estimated number costs the logarithm of the
# number of rows in place of 2. So it prefers smaller models.
#
# ### bitwise OR
# What Python's bar `|` computes between two whole numbers: both are written with zeros and ones,
# and the result has a one wherever either has one. Patsy, which reads the formulas of statsmodels,
# hands the bar over to Python, so there `1 | school` is a number and no random intercept.
#
# ### BLUP
# Best linear unbiased prediction: the value a model predicts for one random effect, for example for
# the intercept of one school. In the simplest model it is the school's own deviation, times a
# weight below 1 (see [shrinkage](#shrinkage)).
#
# ### ceiling effect
# What happens where a scale ends: someone who could have reached more still gets the highest value. Near
# the ceiling groups seem more alike and slopes flatter than they are. At the lower end it is called a floor
# effect.
#
# ### centring
# Counting a predictor from another zero, for example age from ten years. The lines stay where they
# are; the intercept becomes their height at the new zero.
#
# ### chi-squared
# The distribution of a sum of squares of standard normal values, with as many
# [degrees of freedom](#degrees-of-freedom) as there are squares. Likelihood-ratio statistics follow it where
# groups are many.
#
# ### Cholesky factor
# The "square root" of a matrix: a triangle of numbers which, multiplied by its own mirror image (its
# transpose), gives the matrix. Of the products of a regression's columns, its last number is the root
# of the residual sum of squares.
#
# ### cluster-robust standard error
# A standard error of ordinary regression that allows for residuals of one group being alike. It
# needs many groups, and says nothing about the groups themselves.
#
# ### compound symmetry
# A covariance structure in which any two rows of a group have the same covariance, and all rows the
# same variance. A random intercept alone makes it.
#
# ### conditional odds ratio
# The [odds](#odds) ratio of two rows of the same groups, as a mixed model estimates it. It is further from
# 1 than the [marginal](#marginal-odds-ratio) one, and both are right: they compare different
# pairs of rows.
#
# ### conditional R-squared
# The share of the variance that fixed and random effects account for together. It speaks of the
# groups in the data, not of new ones.
#
# ### confidence interval
# The values of a coefficient that are compatible with the data. If a study were repeated many times,
# about 95 of 100 such intervals would hold the truth (see [coverage](#coverage)). It says how well a
# number is known, and not how far groups differ.
#
# ### contextual effect
# How much two rows with the same value of a predictor differ if the mean of their groups differs by 1:
# the slope between groups minus the slope within them.
#
# ### convergence
# A search for the best estimates has converged when its own rule for stopping is met. It need not
# have reached the optimum, and a converged fit of a wrong model is still wrong.
#
# ### Cook's distance
# How far all fixed effects together move when a row, or a whole group, is left out. Above 1 is a lot. See
# [influence](#influence).
#
# ### covariance
# To what extent two quantities rise and fall together: above 0 if one tends to be high where the other
# is high, below 0 if it tends to be low there. Divided by the two SDs it is the correlation, between −1
# and 1.
#
# ### covariance structure
# What a model says about the variances and covariances of its random effects: which of them are
# free, which are 0 and which are equal. (x|g) leaves all free, (x||g) sets the covariances to 0.
#
# ### coverage
# How often an interval holds the truth, over many data sets. A 95 % interval promises 95 %.
#
# ### cross-level interaction
# A fixed effect that says how the slope of a predictor at one level depends on a predictor of a
# level above it: the slope of age depending on the resources of the school.
#
# ### crossed
# Two grouping factors are crossed when neither is nested in the other: some pupils were in several
# classrooms, and each classroom held several pupils. Not every pair has to occur.
#
# ### degrees of freedom
# On how many independent pieces of information a standard error rests. Few mean wide tails of the t
# distribution. In a mixed model every coefficient has its own: few for a predictor of provinces,
# many for one of pupils. Abbreviation: df.
#
# ### design effect
# How many times more pupils a study needs because pupils of one group are alike: 1 + (n − 1) times
# the correlation of two pupils of one group, with n pupils in a group. For questions about whole
# groups.
#
# ### deviance
# Minus twice the log-likelihood, so that smaller is better. As a function of the variances alone,
# with the fixed effects at their best for each, it is called profiled; a fit is its lowest point.
#
# ### effective number
# How many independent pupils the pupils of a study are worth for a question about whole groups:
# their number divided by the [design effect](#design-effect).
#
# ### exposure
# For how long, or out of how many, something was counted: school days, pupils, hours. Its logarithm is an
# [offset](#offset) of a model of counts, whose effects are then about rates.
#
# ### false positive rate
# How often a test finds an effect where there is none: a false alarm. A test at the 5 % level promises
# 5 %.
#
# ### fixed effect
# A coefficient that is the same for everybody, such as the average slope of age. It is read as in
# ordinary regression.
#
# ### fraction of missing information
# How much of what complete data would say about an estimate is lost, because scores are uncertain or
# values are missing. Abbreviation: fmi. It differs between the effects of one fit, and is not the share
# of missing values.
#
# ### GEE
# Generalised estimating equations: a regression for averages over all groups (see [marginal odds
# ratio](#marginal-odds-ratio)), with standard errors that allow for rows of one group being alike.
# It needs many groups, and says nothing about any single one.
#
# ### generalised linear mixed model
# A mixed model of a response that is not a number with a normal residual, but a yes or no, or a count.
# Fixed and random effects are added on the scale of a [link](#link), and chance does the rest.
# Abbreviation: GLMM.
#
# ### grouping factor
# A column whose labels put rows into groups: `school`, `classroom`. It is to the right of the bar
# in `(1|school)`.
#
# ### Hessian
# The curvature of the likelihood where a search ended, in all directions. Sharp curvature means precise
# estimates; where it is flat, or bends the wrong way, something is not determined by the data.
#
# ### heteroscedastic
# Said of residuals whose spread is not the same everywhere: larger for larger fitted values, say, or for boys
# than for girls. The opposite is homoscedastic.
#
# ### influence
# How much the estimates change when some rows, or one whole group, are left out.
#
# ### interaction
# A product of two predictors in the fixed part, `age * sex`: the slope of one then depends on the value of
# the other. Beside it, the coefficient of `sex` is the difference where age is 0.
#
# ### intercept-slope correlation
# Whether groups that score high where the predictor is zero also have steep slopes. It belongs to
# that zero: count the predictor from elsewhere, and it changes, although no line has moved.
#
# ### intraclass correlation
# The share of the variance that lies between groups, once the fixed effects are accounted for. It is
# also the correlation of two rows of the same group. Abbreviation: ICC. (Some programs call it the
# adjusted ICC, and an unadjusted one has the variance of the fixed part in its denominator, too.)
#
# ### Kenward-Roger
# A t- or F-test of fixed effects that corrects the standard error as well as the degrees of freedom. It
# exists for REML fits. It is worth its time where groups are few, since it still counts them where a variance
# is estimated at 0, and [Satterthwaite](#Satterthwaite)'s method does not.
#
# ### Laplace approximation
# A quick way to find the likelihood of a model of yes or no, or of counts. The integral over the random
# effects is computed as if what is known of each effect were normal. It is rough where groups have few
# rows and answers are yes or no.
#
# ### latent scale
# The scale of a score that nobody has seen: whoever is above 0 on it says yes. With the logit a
# row's own part has the variance π²/3 on this scale, whatever the data.
#
# ### level
# Two meanings, both common. A *level of the data*: pupils, classrooms, schools, provinces. A
# *level of a factor*: one of its labels, such as the school P1-S2.
#
# ### likelihood-ratio test
# Compares a model with a smaller one that is a special case of it. The statistic is twice the
# difference of their log-likelihoods. ML where the fixed parts differ; for a variance, mind that it
# cannot be negative.
#
# ### link
# The function of a mean on whose scale effects add up: the [logit](#logit) of a probability, the logarithm
# of an expected count. It keeps probabilities between 0 and 1 and counts above 0.
#
# ### log-likelihood
# A number that says how well a model with its estimates fits the data; a fit makes it as large as
# it can. It means something only beside that of another fit to the same rows.
#
# ### logit
# The logarithm of the [odds](#odds): 0 for a probability of one half, 2.2 for 0.9, −2.2 for 0.1. Effects of
# a logistic model are differences of logits.
#
# ### marginal odds ratio
# The [odds](#odds) ratio of the shares of a whole population, averaged over its groups. GEE estimates it;
# `fit.predict(random="average")` has the shares. Nearer to 1 than the
# [conditional](#conditional-odds-ratio) one.
#
# ### marginal R-squared
# The share of the variance that the fixed effects alone account for.
#
# ### missing at random
# Whether a value is missing depends only on what is in the model, such as age or earlier scores, and not on
# the missing value itself. Responses that are missing in this way do no harm to a mixed model; predictors
# may.
#
# ### ML
# Maximum likelihood: the variances and fixed effects that make the data most likely. It makes
# variances too small where groups are few (see [REML](#REML)), and it is the one to use for
# comparing models with different fixed effects.
#
# ### Monte-Carlo error
# How far the result of a simulation may be off because it has a limited number of replicates. It
# falls with the square root of their number, and says nothing about the errors of one study.
#
# ### multiple imputation
# Filling each gap several times with drawn values instead of once with a guess, analysing each of the
# tables, and pooling the results by [Rubin's rules](#Rubin's-rules).
#
# ### nested
# Classrooms are nested in schools when every classroom belongs to exactly one school.
#
# ### normal score
# A value in place of a rank: where a normal distribution has that rank. Normal scores keep the
# order and stretch the ends of a scale.
#
# ### observation-level effect
# A random effect with one level for each row. In a model of counts it takes up
# [overdispersion](#overdispersion); in a linear model it would be the same as the residual.
#
# ### odds
# A probability divided by one minus that probability: 0.8 / 0.2 is 4, or 4 to 1. An odds ratio of 2
# doubles the odds, which takes 0.5 to 0.67 and 0.9 to 0.95.
#
# ### odds ratio
# By what factor the [odds](#odds) differ between two rows. What it does to a probability depends on
# where one starts. It may be [conditional](#conditional-odds-ratio) or
# [marginal](#marginal-odds-ratio).
#
# ### offset
# What is added to the linear predictor as it is, without a coefficient, as the logarithm of an
# [exposure](#exposure) is.
#
# ### overdispersion
# Counts, or so many of so many, that vary more than their distribution allows, because rows differ by more
# than the predictors say. Standard errors are then too small; an effect of each row, `(1|row)`, allows for
# it.
#
# ### p-value
# How often data at least as far from the hypothesis as these would occur if it were true. It is not the
# probability that the hypothesis is true.
#
# ### parametric bootstrap
# Draw new responses from a fitted model, fit again, and repeat: the spread of the new estimates
# shows how uncertain the first ones are. Its intervals are too narrow where groups are few.
#
# ### partial pooling
# Estimating each group from its own rows and from all the others, by a weight that the data decide.
# It lies between one estimate for all (pooling) and one for each (no pooling).
#
# ### plausible value
# A draw from the distribution of a student's true score, given the few tasks that the student sat and
# the questionnaire. Each analysis is made once for every plausible value, and the results are pooled.
#
# ### Poisson distribution
# The distribution of a count of things that happen independently of each other, at a constant rate.
# Its variance equals its mean.
#
# ### power
# How often a study finds an effect that is there: the share of such studies whose p-value falls
# below the level of the test. It belongs to a design, a true effect and true variances.
#
# ### prediction interval
# A range for one new row, such as the score of a new pupil. It holds the scatter of rows, and the
# differences of all groups that are new; so it is wider than an interval for a mean.
#
# ### profile interval
# All values of a parameter that a likelihood-ratio test would not reject. It need not be symmetric,
# and for a standard deviation it may end at 0. Right where groups are many; too narrow where they are few.
#
# ### Q-Q plot
# Values in order, against those that a normal distribution would have at the same places. On a
# straight line: normal.
#
# ### random effect
# The deviation of one group from the average, seen as a draw from a normal distribution with
# mean 0. Its variance is estimated; its value is predicted (see [BLUP](#BLUP)).
#
# ### random intercept
# A random effect that moves a whole group up or down: some schools score higher, whoever the pupil.
#
# ### random slope
# A random effect that turns the line of a group: in some schools a year of age makes more
# difference than in others.
#
# ### rate ratio
# By what factor a rate, such as days missed per school day, differs between two rows. The
# exponential of a coefficient in a model of counts.
#
# ### reference level
# The level of a factor with which all others are compared: its own coefficient is part of the intercept. The
# first in alphabetical order, unless you say otherwise: `C(sex, Treatment("male"))`.
#
# ### REML
# Restricted maximum likelihood: estimates variances while allowing for the fixed effects that were
# estimated too, as dividing by *n* − 1 does for an ordinary variance. The default in lme4,
# statsmodels and this course.
#
# ### replicate
# One simulated data set with its fit. A simulation study has many, each with a seed of its own.
#
# ### replicate weight
# One of several sets of weights, each the sample once more with some of its schools weighing more
# and others less. How much an estimate moves from set to set gives its standard error.
#
# ### residual
# What is left of a score once all effects are taken off: what is special to this row.
#
# ### response
# The column to the left of `~`: what the model explains, here the test score.
#
# ### RMSE
# Root mean squared error: how far an estimate lies from the truth, typically. Bias and scatter both
# count.
#
# ### Rubin's rules
# How results from several plausible values or imputed tables become one: the estimate is the mean of
# the estimates, its variance the mean of their squared standard errors plus the variance between
# the estimates, times 1 + 1/m.
#
# ### sampling weight
# How many units of the population a sampled one stands for: one divided by its chance of being drawn.
# Not a weight in the sense of `lmer`, where a row with more weight is a more exact measurement.
#
# ### Satterthwaite
# A method that finds the degrees of freedom of each fixed effect from how well the variance of its
# estimate is known. The default of lmerTest and of this course.
#
# ### score interval
# All values of an SD for which the observed scatter of the groups would not be unusual. Its distribution is
# known for few groups, too, so that it keeps its promise there; `confint` takes it by default.
#
# ### sensitivity analysis
# The same question asked again with another defensible choice of data, scale or model. What stays
# the same can be relied on; what moves is reported as depending on the choice.
#
# ### shrinkage
# The pull of a group's estimate towards the average. Strong for small groups, weak for large ones.
#
# ### singular fit
# A fit whose best estimate lies on the edge: a variance at 0, or a correlation at −1 or 1. In that
# direction the data show no more variation than chance would make. It is an answer, not a failure.
#
# ### slope variance
# The variance of a random slope. Its square root says by how much the slope of a typical group
# differs from the average slope, and is in units of the response per unit of the predictor.
#
# ### smallest effect of interest
# The smallest effect that would make a difference to what one does. A study is planned for this
# effect, and not for the one that is hoped for.
#
# ### spline
# A smooth curve put together from pieces. In a formula, `bs(x, df=4)` gives the fixed part four
# columns whose weighted sum is the curve. The coefficients mean nothing one by one; the curve is
# looked at.
#
# ### standard deviation
# How far values typically lie from their mean, in the unit of the values: the square root of their
# variance. If they are normally distributed, 95 % of them lie within 1.96 SDs of the mean.
# Abbreviation: SD.
#
# ### standard error
# How far an estimate would typically lie from its expected value, if the study were repeated. An SD
# says how far *groups or rows* scatter; a standard error says how precisely a number is known, and
# falls with more data.
#
# ### theta
# The SD of a random effect divided by the residual SD, θ. The only thing that a fit searches for; all else
# follows from it. Where effects are correlated, θ are the numbers of the
# [Cholesky factor](#Cholesky-factor) of their covariances, divided in the same way.
#
# ### type III
# The way in which `anova` tests a term beside all others, also those that contain it. Beside an interaction
# the factors in it are averaged over, with equal weight for each level, and numeric predictors are held at 0.
#
# ### variance component
# The variance of one random effect, or of the residual. Its square root is the standard deviation,
# which is in the units of the response. Only variances add up.
