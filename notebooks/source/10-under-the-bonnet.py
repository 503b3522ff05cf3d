# %% [markdown] tags=["workshop"]
# # Under the bonnet
#
# After this lesson you will be able to
#
# - compute the likelihood of a mixed model yourself, in about twenty lines of NumPy;
# - say what the search looks for, and why it is one number per standard deviation and nothing else;
# - see in a picture what REML adds, what singular means, and why a negative value does no harm;
# - explain why the order in which groups are eliminated decides how fast a fit is.
#
# **Time:** 80 minutes on your own; not part of the one-day workshop.
#
# **Before:** [Random intercepts](02-random-intercepts.ipynb) and [Inference](07-inference.ipynb). You know
# what a matrix is and what `@` does with two of them. All else is worked through in small steps; if a formula
# stops you, run the cell below it and go on.
#
# **Data:** the twelve invented pupils of [lesson 02](02-random-intercepts.ipynb), then `pupils`.

# %% [markdown] tags=["workshop"]
# ## What is searched for
#
# Here are the twelve pupils of four schools once more, with their model, `test_score ~ 1 + (1|school)`. It is
# fitted by maximum likelihood, first with plain statsmodels.

# %% tags=["workshop"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import statsmodels.formula.api as smf
from scipy import optimize

from course import check, load, mixedlm, plots
from course.exercises import use

sns.set_theme(style="ticks", rc={"axes.spines.top": False, "axes.spines.right": False})

twelve = pd.DataFrame(
    {
        "school": list("AAAAABBBBCCD"),
        "test_score": [50, 58, 44, 61, 52, 46, 53, 38, 51, 54, 66, 66],
    }
)
pupils = load("pupils")
use(pupils=pupils, twelve=twelve)

result = smf.mixedlm("test_score ~ 1", twelve, groups="school", re_formula="1").fit(reml=False)
fit = mixedlm("test_score ~ 1 + (1|school)", twelve).fit(reml=False)
print(f"statsmodels  log-likelihood {result.llf:.4f}")
print(f"mixedlm      log-likelihood {fit.llf:.4f}")

# %% [markdown] tags=["workshop"]
# Where does this number come from? According to the model, the twelve scores are one draw from a normal
# distribution with twelve dimensions. Its means are $X\beta$. Its covariances are $\sigma^2 V$ with
#
# $$V = I + \theta^2 Z Z'$$
#
# $I$ is the residual: each pupil alone. $Z Z'$ is 1 wherever two pupils share a school. And $\theta$
# ([theta](glossary.ipynb#theta)) is the SD between schools *divided by the residual SD*, $\tau / \sigma$.
# Measured like this, $\sigma$ can be taken out in front of everything, and that will help us a great deal.

# %% tags=["workshop"]
Z = pd.get_dummies(twelve["school"]).to_numpy(float)
theta = 1.0
V = np.eye(12) + theta**2 * Z @ Z.T

figure, ax = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
ax.imshow(V, cmap=sns.light_palette(plots.BLUE, as_cmap=True), vmin=0)
for row, column in np.argwhere(V > 0):
    colour = "white" if V[row, column] > 1.5 else plots.INK
    ax.text(
        column, row, f"{V[row, column]:.0f}", ha="center", va="center", fontsize=8, color=colour
    )
ax.set(
    xticks=range(12),
    yticks=range(12),
    xticklabels=twelve["school"],
    yticklabels=twelve["school"],
    xlabel="school of one pupil",
    ylabel="school of the other",
    title="V at theta = 1",
)
plots.show(
    ax,
    alt=f"V as a grid of 12 rows and 12 columns, one for each pupil. On the diagonal stands "
    f"{V[0, 0]:.0f}, "
    f"beside it {V[0, 1]:.0f} where two pupils share a school, and nothing elsewhere: four squares of "
    "5, 4, 2 and 1 pupils.",
)

# %% [markdown] tags=["workshop"]
# For one value of $\theta$, the density of such a normal distribution is known. Software reports it as
# [deviance](glossary.ipynb#deviance): minus twice the [log-likelihood](glossary.ipynb#log-likelihood),
# so that smaller is better. Two of its unknowns need no search. Given $V$, the best $\beta$ comes from a
# weighted regression. Given $\beta$, the best $\sigma^2$ is the weighted mean of the squared residuals. Put
# both in, and only $\theta$ is left. That is called the **profiled deviance**. (One new word in the code:
# the *determinant* of $V$ is a single number, which says how much room its distribution takes up. We need its
# logarithm, and NumPy's `slogdet` computes it.)

# %% tags=["workshop"]
X = np.ones((12, 1))
y = twelve["test_score"].to_numpy(float)
n = len(y)


def deviance_from_V(theta):
    """Minus twice the log-likelihood, beta and sigma at their best for this theta."""
    V = np.eye(n) + theta**2 * Z @ Z.T
    weights = np.linalg.inv(V)
    beta = np.linalg.solve(X.T @ weights @ X, X.T @ weights @ y)
    residual = y - X @ beta
    r2 = residual @ weights @ residual
    log_det = np.linalg.slogdet(V)[1]
    return log_det + n * (1 + np.log(2 * np.pi * r2 / n))


thetas = np.linspace(0, 3, 121)
curve = np.array([deviance_from_V(theta) for theta in thetas])
best = optimize.minimize_scalar(deviance_from_V, bounds=(0, 3), method="bounded").x

# %% tags=["workshop"]
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(thetas, curve, color=plots.BLUE)
ax.plot(best, deviance_from_V(best), "o", color=plots.ORANGE, markeredgecolor=plots.INK)
ax.set(xlabel="theta (SD between schools / residual SD)", ylabel="deviance")
plots.show(
    ax,
    alt=f"The profiled deviance of the twelve pupils over theta from 0 to 3: it starts at "
    f"{curve[0]:.2f}, falls "
    f"to {deviance_from_V(best):.2f} at theta = {best:.2f}, marked by a dot, and rises to "
    f"{curve[-1]:.2f}.",
)

# %% [markdown] tags=["workshop"]
# There is one curve, and the fit is its lowest point. Do both programs end there?

# %% tags=["workshop"]
relative_sd = fit.variance_components["sdcor"].iloc[0] / fit.sigma
print(f"by hand   theta {best:.3f}   deviance {deviance_from_V(best):.4f}")
print(f"mixedlm   theta {relative_sd:.3f}   deviance {-2 * fit.llf:.4f}")

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.1.** At $\theta = 0$ the model is one that you have known for a long time. Which deviance
# does `smf.ols` give for it? Answer to two decimals, and compare with the left end of the curve.

# %% tags=["workshop", "exercise", "solution"]
deviance_of_ols = -2 * smf.ols("test_score ~ 1", twelve).fit().llf  #!
check("10.1", deviance_of_ols)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* With $\theta = 0$, $V$ is the identity: nothing is shared, and every pupil stands alone. That is
# ordinary regression, whose `llf` is the log-likelihood; the deviance is −2 times it.

# %% [markdown] tags=["workshop"]
# ## A regression from a square root
#
# The next section uses one tool, and here it is on its own: the [Cholesky
# factor](glossary.ipynb#Cholesky-factor). It is the "square root" of a matrix: a triangle $L$, with nothing
# above its diagonal, so that $L L'$ is the matrix.
#
# Take the smallest regression there is: the mean of the twelve scores. Its columns are the ones and the
# scores. Multiply each with each, and add up: 12 pupils, the sum of their scores, the sum of their squares.

# %% tags=["workshop"]
ones_and_scores = np.column_stack([np.ones(12), twelve["test_score"]])
print(ones_and_scores.T @ ones_and_scores)
L = np.linalg.cholesky(ones_and_scores.T @ ones_and_scores)
print(L.round(3))

# %% [markdown] tags=["workshop"]
# You can find these three numbers with a pocket calculator. $L L'$ has to give back the matrix, corner by
# corner.
#
# - Top left: the first number squared is 12, so it is $\sqrt{12}$.
# - Bottom left: it times $\sqrt{12}$ is the sum of the scores, so it is the sum divided by $\sqrt{12}$.
# - Bottom right: both numbers of the bottom row, squared and added, are the sum of squares. So the last one
#   is the root of the sum of squares *minus the part that the mean accounts for*.
#
# Now read the bottom row from right to left. The last number, squared, is **the residual sum of squares**.
# And the one before it, divided by the number above it, is **the mean**: the coefficient of the regression.

# %% tags=["workshop"]
print(f"mean {L[1, 0] / L[0, 0]:.2f}, residual sum of squares {L[1, 1] ** 2:.1f}")
print(f"the same by hand: {twelve['test_score'].mean():.2f}, {11 * twelve['test_score'].var():.1f}")

# %% [markdown] tags=["workshop"]
# That is no accident of one column. With a predictor, here whether a pupil is in school A, the factor has
# three rows. The last number of its diagonal is again the root of the residual sum of squares, and the
# coefficients again come from the bottom row: `solve` undoes what stands above it.

# %% tags=["workshop"]
in_A = (twelve["school"] == "A").to_numpy(float)
columns = np.column_stack([np.ones(12), in_A, twelve["test_score"]])
L = np.linalg.cholesky(columns.T @ columns)
print(L.round(2))
ols = smf.ols("test_score ~ in_A", twelve).fit()
pd.DataFrame(
    {
        "from L": [*np.linalg.solve(L[:2, :2].T, L[2, :2]), L[2, 2] ** 2],
        "statsmodels": [*ols.params, ols.ssr],
    },
    index=["Intercept", "in_A", "residual sum of squares"],
).round(3)

# %% [markdown] tags=["workshop"]
# One more thing can be read from a factor: the determinant of the matrix is the product of its diagonal,
# squared. So its logarithm is twice the sum of the logarithms of the diagonal. That is all we need.

# %% [markdown] tags=["workshop"]
# ## Without the large matrix
#
# $V$ has one row for every pupil. For twelve that is nothing. For 2,500 pupils it has six million cells, and
# to factor it takes a few billion multiplications, at every step of the search. There is a better way.
#
# Write the random effects as $\theta u$, where the $u$ have variance $\sigma^2$ like the residuals. Then
# the best $u$ and $\beta$ are those that make the *penalised* sum of squares smallest:
#
# $$r^2 = \min_{u,\beta} \; \lVert y - X\beta - \theta Z u \rVert^2 + \lVert u \rVert^2$$
#
# The second part is a price for every effect away from 0. It is why predicted effects are
# [shrunk](glossary.ipynb#shrinkage). And this is a regression like the ones above. Only the products of its
# columns are needed: $Z$, $X$ and $y$ with each other. They are formed once.

# %% tags=["workshop"]
columns = np.column_stack([Z, X, y])
products = columns.T @ columns
names = ["A", "B", "C", "D", "1", "y"]
pd.DataFrame(products, names, names).astype(int)

# %% [markdown] tags=["workshop"]
# There are six rows and columns, whatever the number of pupils. In the upper left corner are the counts of
# pupils in each school; no pupil is in two schools, so the cells between schools are 0. Now multiply the
# columns of $Z$ by $\theta$, add the price of $u$ (a 1 on the diagonal, for each $u$ is squared and added
# once), and take one Cholesky factor. Its diagonal holds what the deviance needs.


# %% tags=["workshop"]
def evaluate(theta, products, sizes, n, reml=False):
    """Deviance, beta, sigma and the predicted random effects, from the products of [Z X y].

    theta: one for each grouping; sizes: how many levels each has.
    """
    q = sum(sizes)
    p = len(products) - q - 1
    Lambda = np.repeat(theta, sizes)  # the theta of each column of Z
    scale = np.append(Lambda, np.ones(p + 1))
    M = products * scale * scale[:, None]  # products of [theta Z, X, y]
    M[range(q), range(q)] += 1  # the price of u
    L = np.linalg.cholesky(M)
    pivots = np.diag(L)

    df = n - p if reml else n
    r2 = pivots[-1] ** 2
    deviance = 2 * np.log(pivots[:q]).sum() + df * (1 + np.log(2 * np.pi * r2 / df))
    if reml:
        deviance += 2 * np.log(pivots[q:-1]).sum()
    coefficients = np.linalg.solve(L[:-1, :-1].T, L[-1, :-1])
    return deviance, coefficients[q:], np.sqrt(r2 / df), Lambda * coefficients[:q]


def deviance(theta, reml=False):
    """The same for the twelve pupils, as a function of theta alone."""
    return evaluate([theta], products, [4], n, reml)[0]


pd.DataFrame(
    {
        "from V": [deviance_from_V(t) for t in (0, 0.5, 1, 2)],
        "from products": [deviance(t) for t in (0, 0.5, 1, 2)],
    },
    index=pd.Index([0, 0.5, 1, 2], name="theta"),
).round(6)

# %% [markdown] tags=["workshop"]
# They agree to the last digit. Read the diagonal of $L$ from the top:
#
# - the first four entries, one per school, give $\log|V|$, the log of the determinant (`log_det` above);
# - the next, one per column of $X$, says how well $\beta$ is known;
# - the last is $r$, the root of the penalised sum of squares, just as in the small regressions.
#
# This is the form in Bates et al. (2015, doi
# [10.18637/jss.v067.i01](https://doi.org/10.18637/jss.v067.i01)), which lme4 uses.
#
# The predicted effects come from the bottom row, as the coefficients did:

# %% tags=["workshop"]
_, beta, sigma, effects = evaluate([best], products, [4], n)
pd.DataFrame(
    {"by hand": effects, "mixedlm": fit.random_effects["school"]["Intercept"]}, index=list("ABCD")
).round(3)

# %% [markdown] tags=["workshop"]
# ## What REML adds
#
# Maximum likelihood treats $\beta$ as if it were known. [REML](glossary.ipynb#REML) accounts for the fact
# that it was estimated ([lesson 07](07-inference.ipynb)). In the code, that takes two lines: the entries of
# the diagonal that belong to $X$ join in, and $n$ becomes $n - p$.

# %% tags=["workshop"]
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for reml, colour, dash, name in (
    (False, plots.BLUE, "-", "ML"),
    (True, plots.ORANGE, "--", "REML"),
):
    values = np.array([deviance(theta, reml) for theta in thetas])
    lowest = values.argmin()
    ax.plot(thetas, values - values.min(), color=colour, linestyle=dash, label=name)
    ax.plot(thetas[lowest], 0, "o", color=colour, markeredgecolor=plots.INK)
ax.set(xlabel="theta", ylabel="deviance above its lowest")
ax.legend(frameon=False)
lowest = {
    name: thetas[np.argmin([deviance(theta, reml) for theta in thetas])]
    for name, reml in (("ML", False), ("REML", True))
}
plots.show(
    ax,
    alt="Two curves of the deviance over theta, each above its own lowest point: the one of "
    "ML is lowest near "
    f"theta = {lowest['ML']:.2f}, the one of REML further right, near {lowest['REML']:.2f}, "
    f"and REML's rises more "
    "slowly to the right.",
)

# %% [markdown] tags=["workshop"]
# The lowest point moves to the right: with four schools, estimating one mean uses up a good part of what can
# be known about how schools differ. And the valley is wide. Values of $\theta$ twice as large are hardly
# worse. This is what it looks like when a variance is estimated from four schools.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.2.** Which $\theta$ is best under REML? Let `optimize.minimize_scalar` find it on
# `reml_deviance`, between 0 and 3, and answer to two decimals.


# %% tags=["workshop", "exercise", "solution"]
def reml_deviance(theta):
    return deviance(theta, reml=True)


best_reml = optimize.minimize_scalar(reml_deviance, bounds=(0, 3), method="bounded").x  #!
check("10.2", best_reml)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* The search calls the function at one value after another until it can find no lower one. Since
# $\theta$ is relative, multiply it by the residual SD to have points: that is the `sdcor` of the school
# in the REML fit.

# %% [markdown] tags=["workshop"]
# ## Negative, and zero
#
# An SD cannot be negative. Can $\theta$ be? Only its square enters $V$, so the curve is the same on both
# sides. A search that may cross 0 needs no fence there, and at the end the sign is dropped.
#
# What if schools do not differ at all? Here are the same scores, reshuffled among the pupils until the
# schools have nearly the same means.

# %% tags=["workshop"]
rng = np.random.default_rng(0)
shuffles = [rng.permutation(y) for _ in range(200)]
alike = min(
    shuffles, key=lambda scores: twelve.assign(s=scores).groupby("school")["s"].mean().std()
)
shuffled = np.column_stack([Z, X, alike])
products_shuffled = shuffled.T @ shuffled

wide = np.linspace(-3, 3, 241)
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for matrix, colour, dash, name in (
    (products, plots.BLUE, "-", "as they are"),
    (products_shuffled, plots.ORANGE, "--", "shuffled to be alike"),
):
    values = np.array([evaluate([t], matrix, [4], n)[0] for t in wide])
    ax.plot(wide, values - values.min(), color=colour, linestyle=dash, label=name)
ax.set(xlabel="theta", ylabel="deviance above its lowest")
ax.legend(frameon=False, loc="upper center")
steep = evaluate([3], products_shuffled, [4], n)[0] - evaluate([0], products_shuffled, [4], n)[0]
plots.show(
    ax,
    alt="Two curves over theta from -3 to 3, each the same on both sides of 0. The scores as "
    "they are have two "
    f"valleys, at -{best:.2f} and {best:.2f}. Shuffled to be alike, there is one valley, at 0, "
    f"and the curve rises "
    f"by {steep:.1f} towards both ends.",
)

# %% [markdown] tags=["workshop"]
# The dashed curve is lowest at 0 itself. This is a [singular fit](glossary.ipynb#singular-fit): not an
# accident of the search, but the lowest point of a perfectly good curve. Schools differ no more than chance
# would make them differ.
#
# One warning for those who write such searches. Because the curve is the same on both sides, it is always
# level at exactly 0, even where 0 is the top of a hill, as on the solid curve. A search that starts there
# feels no slope and stays. So never start at 0.

# %% tags=["workshop"]
singular = mixedlm("test_score ~ 1 + (1|school)", twelve.assign(test_score=alike)).fit(reml=False)
print(f"SD between schools {singular.variance_components['sdcor'].iloc[0]:.3f}")
print("singular:", singular.singular)

# %% [markdown] tags=["workshop"]
# ## Two groupings, one surface
#
# With classrooms and schools there are two $\theta$, and the curve becomes a surface. The function stays
# the same; only $Z$ has more columns. Here are the pupils of four provinces, with age as a predictor.

# %% tags=["workshop"]
some = pupils[pupils["province"].isin(sorted(pupils["province"].unique())[:4])].copy()
some["age10"] = some["age"] - 10


def products_of(data, groups, predictors=("age10",)):
    """The products of [Z X y], and how many levels each grouping has."""
    blocks = [pd.get_dummies(data[group]).to_numpy(float) for group in groups]
    X = np.column_stack([np.ones(len(data)), *(data[name] for name in predictors)])
    columns = np.column_stack([*blocks, X, data["test_score"]])
    return columns.T @ columns, [block.shape[1] for block in blocks]


two, sizes = products_of(some, ["classroom", "school"])


def two_deviance(theta):
    """REML, as a function of the two theta."""
    return evaluate(theta, two, sizes, len(some), reml=True)[0]


path = [np.array([1.2, 1.2])]
walk = optimize.minimize(
    two_deviance, path[0], method="BFGS", callback=lambda at: path.append(at.copy())
)
path = np.array(path)

# %% tags=["workshop"]
grid = np.linspace(-1.4, 1.4, 57)
surface = np.array([[two_deviance([a, b]) for a in grid] for b in grid])
above = surface - walk.fun
room_sd, school_sd = np.abs(walk.x)

figure, ax = plt.subplots(figsize=(6, 5.2), layout="constrained")
levels = [1, 2, 5, 10, 20, 40, 80, 160]
lines = ax.contour(grid, grid, above, levels, colors=plots.GREY, linewidths=1)
ax.clabel(lines, fmt="%g", fontsize=8)
ax.plot(*path.T, "-o", color=plots.BLUE, markersize=5, label="the search")
for place, signs in enumerate([(1, 1), (1, -1), (-1, 1), (-1, -1)]):
    ax.plot(
        signs[0] * room_sd,
        signs[1] * school_sd,
        "*",
        color=plots.ORANGE,
        markersize=14,
        markeredgecolor=plots.INK,
        label="lowest" if place == 0 else None,
    )
ax.set(xlabel="theta of classrooms", ylabel="theta of schools")
ax.set_title("deviance above its lowest", loc="left", pad=26, fontsize=11)
ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
plots.show(
    ax,
    alt=f"Contours of the deviance over two theta from -1.4 to 1.4, with four valleys that mirror each "
    f"other. Their lowest points, stars, lie at {room_sd:.2f} or -{room_sd:.2f} for classrooms and at "
    f"{school_sd:.2f} or -{school_sd:.2f} for schools. The path of the search leads from 1.2 and 1.2 into "
    f"one of them. Without any effect of classrooms and schools, in the middle, the deviance is "
    f"{two_deviance([0, 0]) - walk.fun:.0f} higher.",
)

# %% [markdown] tags=["workshop"]
# Think of a walker in thick fog: at each step the search feels the slope and how the slope changes, and goes
# where the valley should be. Nothing else has to be found; $\beta$, $\sigma$ and the predicted effects follow
# from where it ends. Each $\theta$ may have either sign, so there are four valleys. They are all the same
# model, and it does not matter which of them the walker reaches. (A slope that is correlated with its
# intercept would bring two more numbers, one for its SD and one for the covariance.)
# (`plots.deviance_surface(fit, relative=True)` draws the quarter with positive signs for any fit.)

# %% tags=["workshop"]
both = mixedlm("test_score ~ age10 + (1|classroom) + (1|school)", some).fit()
lowest, beta, sigma, _ = evaluate(walk.x, two, sizes, len(some), reml=True)
pd.DataFrame(
    {
        "by hand": [lowest, *beta, sigma],
        "mixedlm": [-2 * both.llf, *both.fe_params, both.sigma],
    },
    index=["deviance", "Intercept", "age10", "residual SD"],
).round(3)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.3.** What is the SD between schools, in points? Compute it from `walk.x` and `sigma`, to two
# decimals. (Drop the sign, if there is one.)

# %% tags=["workshop", "exercise", "solution"]
sd_between_schools = abs(walk.x[1]) * sigma  #!
check("10.3", sd_between_schools)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* $\theta$ is the SD *divided by* the residual SD. So the SD in points is $\theta\sigma$. The first
# $\theta$ belongs to the classrooms, the second to the schools.

# %% [markdown] tags=["workshop"]
# ## Who goes first
#
# `evaluate` takes a matrix with one row per group. With many groups most of its cells are empty: two
# classrooms have no pupil in common. A good program stores and multiplies only the cells that are filled.
# But a Cholesky factor fills cells that were empty, and how many depends on the order of the columns.
#
# Why? To eliminate a column is to solve for its effect and to put the solution into the others. All columns
# that were tied to it are then tied to each other. Eliminate a *school* first, and all its classrooms become
# tied. Eliminate its *classrooms* first, each tied to nothing but its school and province, and no new ties
# appear.


# %% tags=["workshop"]
def filled(data, order):
    """The filled cells before, those of the factor, and the multiplications that make it."""
    Z = np.column_stack([pd.get_dummies(data[group]) for group in order]).astype(int)
    cells = Z.T @ Z > 0
    before, multiplications = np.tril(cells), 0
    for column in range(len(cells)):
        tied = column + 1 + np.flatnonzero(cells[column + 1 :, column])
        cells[np.ix_(tied, tied)] = True  # these are tied to each other now
        multiplications += len(tied) * (len(tied) + 3) // 2
    return before, np.tril(cells), multiplications


orders = {
    "schools first": ["school", "classroom"],
    "classrooms first": ["classroom", "school"],
}
small = some[some["province"] == some["province"].iloc[0]]
patterns = {name: filled(small, order) for name, order in orders.items()}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, (name, (before, after, _)) in zip(axes, patterns.items(), strict=True):
    ax.imshow(before, cmap=sns.light_palette(plots.BLUE, as_cmap=True), vmin=0, vmax=1)
    rows, columns = np.nonzero(after & ~before)
    new = ax.scatter(columns, rows, marker="X", s=50, color=plots.ORANGE, edgecolors=plots.INK)
    counts = f"{before.sum()} cells before, {after.sum()} in the factor"
    ax.set(title=f"{name}\n{counts}", xlabel="column of the factor", ylabel="row of the factor")
    ends = np.cumsum([small[group].nunique() for group in orders[name]])
    middles = ends - [(small[group].nunique() + 1) / 2 for group in orders[name]]
    words = [f"{group}s" for group in orders[name]]
    ax.set_xticks(middles, words)
    ax.set_yticks(middles, words, rotation=90, va="center")
    for line in (ax.axvline, ax.axhline):
        line(ends[0] - 0.5, color=plots.GREY, linewidth=1)
figure.legend([new], ["filled in"], loc="outside lower center", frameon=False)
before, after = ({name: int(p[i].sum()) for name, p in patterns.items()} for i in (0, 1))
plots.show(
    axes,
    alt=f"The lower half of the products for one province, in two orders; a cross marks what the Cholesky "
    f"factor fills in. Before, {before['schools first']} cells are filled in either order. With the "
    f"schools first, the factor has {after['schools first']}: all classrooms of a school are tied to "
    f"each other. With the classrooms first, it has {after['classrooms first']}: the diagonal, and one "
    f"row of cells for each school.",
)

# %% [markdown] tags=["workshop"]
# Now all pupils, with provinces, in both orders: the filled cells before, the filled cells of the factor, and
# the multiplications that it takes. Only the lower half is counted, because the upper half mirrors it.

# %% tags=["workshop"]
rows = {}
for name, order in {
    "provinces, schools, classrooms": ["province", "school", "classroom"],
    "classrooms, schools, provinces": ["classroom", "school", "province"],
}.items():
    before, after, multiplications = filled(pupils, order)
    rows[name] = {
        "before": before.sum(),
        "factor": after.sum(),
        "multiplications": multiplications,
    }
n_pupils = len(pupils)
rows["(a factor of all of V)"] = {
    "before": n_pupils * (n_pupils + 1) // 2,
    "factor": n_pupils * (n_pupils + 1) // 2,
    "multiplications": n_pupils**3 // 6,
}
pd.DataFrame(rows).T.map("{:,}".format)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.4.** Classrooms come first, schools second, provinces last. Count the filled cells of the
# factor *without* the function: how many does the column of a classroom have, of a school, of a province?
# Add up over all `pupils`.

# %% tags=["workshop", "exercise", "solution"]
levels = pupils[["classroom", "school", "province"]].nunique()
cells_filled = 3 * levels["classroom"] + 2 * levels["school"] + levels["province"]  #!
check("10.4", cells_filled)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* A classroom's column has three cells: itself, its school, its province. When it is eliminated,
# school and province become tied, but they were tied before. A school's column has two cells, a province's
# has one.

# %% [markdown] tags=["workshop"]
# ## Nothing but sums
#
# One step further, and the large matrix disappears. With the classrooms first, each classroom is
# eliminated by itself, and all it needs are the products *of its own pupils*: those of the columns 1, age and
# score, nine numbers. Call them $M$. Eliminating the classroom's effect takes something away from $M$:
#
# $$M \;\leftarrow\; M - w \, m m', \qquad w = \frac{\theta^2}{1 + \theta^2 n_c}$$
#
# where $m$ is the row of $M$ that belongs to the column of ones, and $n_c$ the number of pupils in the
# classroom. What is left is added up over the classrooms of a school; there the same step is repeated, and so
# on up to the top.

# %% tags=["workshop"]
U = np.column_stack([np.ones(len(some)), some["age10"], some["test_score"]])
of_classroom = some["classroom"].to_numpy()
school_of = some.drop_duplicates("classroom").set_index("classroom")["school"]
M_of_classroom = {
    room: U[of_classroom == room].T @ U[of_classroom == room] for room in school_of.index
}


def eliminate(M, theta):
    """What is left of M without the effect of this group, and the group's part of log|V|."""
    w = theta**2 / (1 + theta**2 * M[0, 0])
    return M - w * np.outer(M[0], M[0]), np.log(1 + theta**2 * M[0, 0])


def deviance_from_sums(theta):
    """REML deviance of two levels; no matrix is larger than 3 x 3."""
    log_det = 0.0
    M_of_school = {school: np.zeros((3, 3)) for school in school_of.unique()}
    for room, M in M_of_classroom.items():
        left, part = eliminate(M, theta[0])
        M_of_school[school_of[room]] += left
        log_det += part
    top = np.zeros((3, 3))
    for M in M_of_school.values():
        left, part = eliminate(M, theta[1])
        top += left
        log_det += part
    L = np.linalg.cholesky(top)  # of the columns 1, age10 and y
    df, r2 = len(some) - 2, L[2, 2] ** 2
    return log_det + df * (1 + np.log(2 * np.pi * r2 / df)) + 2 * np.log(L[0, 0] * L[1, 1])


places = [(0, 0), (0.5, 0.5), (1.2, 1.2), (-0.5, 0.5)]
pd.DataFrame(
    {
        "one large matrix": [two_deviance(theta) for theta in places],
        "nothing but sums": [deviance_from_sums(theta) for theta in places],
    },
    index=pd.Index([f"{a}, {b}" for a, b in places], name="theta"),
).round(4)

# %% [markdown] tags=["workshop"]
# Two lines of `eliminate` are the heart of this course's solver. In `course/solver/elimination.py` they are
# `eliminate_levels` and `Stage.eliminate`; there $M$ carries all classrooms at once, slopes make $w$ a
# small matrix, and a second pass walks back down for the gradient. Nothing is counted per pupil any more:
# a million pupils cost what their classrooms cost. Where groups cross
# ([lesson 04](04-nested-and-crossed.ipynb)), no order avoids all filling in; `course/solver/crossing.py` says
# what is done then.

# %% tags=["workshop"]
multiplications = pd.Series(
    {
        "V, one row per pupil": len(some) ** 3 // 6,
        "one row per group, all cells": sum(sizes) ** 3 // 6,
        "sums, three columns": sum(sizes) * 18,  # w m m' has 9 cells, two multiplications each
    }
)
figure, ax = plt.subplots(figsize=(7.5, 2.4), layout="constrained")
ax.plot(multiplications, multiplications.index, "o", color=plots.BLUE, mec=plots.INK, ms=9)
for place, value in enumerate(multiplications):
    ax.text(value * 1.6, place, f"{value:,}", va="center", fontsize=10)
ax.grid(axis="y", color=plots.PALE)
ax.set(xscale="log", xlabel="multiplications for one deviance (logarithmic)", xlim=(100, 1e11))
ax.set_ylim(2.5, -0.5)
plots.show(
    ax,
    alt=f"Dots on a logarithmic scale for {len(some)} pupils in {sizes[0]} classrooms and "
    f"{sizes[1]} schools: about "
    + ", ".join(f"{value:,} multiplications for {name}" for name, value in multiplications.items())
    + ".",
)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.5.** Other data: there are 40,000 patients in 800 wards, and somebody's program builds $V$. A
# cell takes 8 bytes. How many gigabytes (billions of bytes) does $V$ need? Answer to one decimal.

# %% tags=["workshop", "exercise", "solution"]
gigabytes = 40_000**2 * 8 / 1e9  #!
check("10.5", gigabytes)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* $V$ has one row and one column for each patient. The wards do not matter for its size, and that
# is what is wrong with it: the products of `[Z X y]` have about 800 rows and columns, five megabytes.

# %% [markdown] tags=["workshop"]
# <details>
# <summary>In R</summary>
#
# ```r
# library(lme4)
# fit <- lmer(test_score ~ 1 + (1 | school), data = twelve, REML = FALSE)
# dev <- as.function(fit)      # the profiled deviance, as an R function of theta
# dev(1)
# getME(fit, "theta")          # where the search ended
# image(getME(fit, "L"))       # the Cholesky factor
# ```
# lme4 chooses the order of the columns itself, so that little is filled in. To look at these parts yourself,
# use `lFormula`, `mkLmerDevfun`, `optimizeLmer` and `mkMerMod`, one for each step.
#
# </details>

# %% [markdown] tags=["workshop"]
# ## Quiz
#
# Answer with one letter, in quotes.

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.6.** Which of these does the search look for?
#
# - a) the fixed effects, the residual SD and the SDs of the groups
# - b) the predicted effect of every group
# - c) the relative SDs of the groups, and nothing else

# %% tags=["workshop", "exercise", "solution"]
looks_for = "c"  #!
check("10.6", looks_for)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.7.** You measure the score in tenths of points. What happens to $\theta$?
#
# - a) nothing
# - b) it is ten times as large
# - c) it is a hundred times as large

# %% tags=["workshop", "exercise", "solution"]
theta_in_tenths = "a"  #!
check("10.7", theta_in_tenths)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.8.** Where is the profiled deviance lowest when a fit is singular?
#
# - a) nowhere: it has no lowest point
# - b) at $\theta = 0$
# - c) where $\theta$ is negative

# %% tags=["workshop", "exercise", "solution"]
lowest_at = "b"  #!
check("10.8", lowest_at)

# %% [markdown] tags=["workshop", "exercise"]
# **Exercise 10.9.** Why are classrooms eliminated before schools?
#
# - a) there are more of them
# - b) a classroom ties no two schools, but a school ties all its classrooms
# - c) their variance is larger

# %% tags=["workshop", "exercise", "solution"]
classrooms_first = "b"  #!
check("10.9", classrooms_first)

# %% [markdown] tags=["workshop", "solution"]
# *Why.* 10.6: fixed effects, residual SD and predicted effects follow from $\theta$ by one factorisation.
# 10.7: both SDs become ten times as large, and $\theta$ is one divided by the other. 10.8: the curve is the
# same on both sides of 0, and its valley lies there. 10.9: eliminating a column ties together all columns
# that were tied to it.

# %% [markdown] tags=["workshop"]
# ## Key points
#
# - A mixed model says that the scores are one draw from a normal distribution with covariances $\sigma^2
#   V$. Its deviance, with $\beta$ and $\sigma$ at their best, is a function of $\theta$ alone.
# - $\theta$ is a *relative* SD: of the groups, divided by that of the residual.
# - The last entry of a Cholesky factor is the root of the residual sum of squares. One factor of the products
#   of `[Z X y]` gives deviance, coefficients, residual SD and predicted effects. REML adds the entries that
#   belong to $X$.
# - Singular means, for random intercepts, that the lowest point lies where a $\theta$ is 0.
# - Eliminate the smallest groups first: then no new cells are filled, and sums over groups are all you need.
#
# **What comes next:** [the capstone](11-capstone.ipynb), from question to report on real data. The
# [solutions](solutions/10-under-the-bonnet.ipynb) of this lesson explain each answer.
