# The simulated data sets of published.json: for formulas whose own data come with no R package.
# Each call gives the same numbers every time.

levels_of <- function(n, k, labels = sprintf("%02d", seq_len(k))) {
  factor(sample(labels, n, replace = TRUE), levels = labels)
}
effect <- function(f, sd) rnorm(nlevels(f), sd = sd)[as.integer(f)]

simulated <- list(
  # f in three levels, h in two; g, z, f1 and f2 cross; the response is positive
  crossed = function() {
    set.seed(1)
    n <- 240
    d <- data.frame(
      x = rnorm(n), w = runif(n, -1, 2), f = levels_of(n, 3, letters[1:3]),
      h = levels_of(n, 2, c("p", "q")), g = levels_of(n, 12), z = levels_of(n, 20),
      f1 = levels_of(n, 4, LETTERS[1:4]), f2 = levels_of(n, 3, LETTERS[24:26])
    )
    slope <- rnorm(nlevels(d$g), 0.8, 0.5)[as.integer(d$g)]
    d$y <- 20 + slope * d$x - 0.5 * d$w + c(0, 1, -1)[as.integer(d$f)] + effect(d$g, 1) +
      effect(d$z, 0.7) + effect(interaction(d$f1, d$f2), 0.8) + rnorm(n)
    d
  },
  # no row has f = a and h = p
  cells = function() {
    set.seed(2)
    n <- 150
    d <- data.frame(
      x = rnorm(n), f = levels_of(n, 3, letters[1:3]), h = levels_of(n, 2, c("p", "q")),
      g = levels_of(n, 10)
    )
    d <- d[!(d$f == "a" & d$h == "p"), ]
    slope <- rnorm(nlevels(d$g), 1, 0.8)[as.integer(d$g)]
    d$y <- 30 + d$x + slope * (d$f == "b") + (d$h == "q") + effect(d$g, 1) + rnorm(nrow(d))
    d
  },
  # names with dots, a column TRUE/FALSE, a classroom's number that every group has again
  dotted = function() {
    set.seed(3)
    n <- 160
    d <- data.frame(
      age.years = round(runif(n, 8, 12), 1), sex.code = rbinom(n, 1, 0.5),
      is.new = runif(n) < 0.4, car = rnorm(n), class.room = levels_of(n, 3),
      group.id = levels_of(n, 14)
    )
    slope <- rnorm(nlevels(d$group.id), 2, 1)[as.integer(d$group.id)]
    d$test.score <- 50 + 3 * d$age.years + slope * d$is.new + 0.5 * d$car + effect(d$group.id, 3) +
      effect(d$group.id:d$class.room, 2) + rnorm(n, sd = 4)
    d
  },
  bambi = function() {
    set.seed(4)
    n <- 200
    d <- data.frame(
      x1 = rnorm(n), x2 = runif(n), f = levels_of(n, 3, c("u", "v", "w")), fac = levels_of(n, 8),
      id = levels_of(n, 16)
    )
    slope <- rnorm(nlevels(d$id), 1, 0.6)[as.integer(d$id)]
    d$y <- 5 + slope * d$x1 + d$x2 + (d$f == "v") + effect(d$id, 1) + effect(d$fac, 0.8) + rnorm(n)
    d
  },
  # few rows a group; item has one row a level
  treatment = function() {
    set.seed(5)
    d <- expand.grid(
      repeated = 1:4, classroom = factor(1:3), school = factor(sprintf("s%d", 1:8))
    )
    n <- nrow(d)
    d$repeated <- NULL
    d$item <- factor(sprintf("i%02d", seq_len(n)))
    d$group <- d$school
    d$treatment <- levels_of(n, 3, c("A", "B", "C"))
    d$x <- rnorm(n)
    slope <- rnorm(nlevels(d$group), 0.5, 0.4)[as.integer(d$group)]
    d$y <- 10 + slope * d$x + (d$treatment == "B") + effect(d$school, 1) +
      effect(d$school:d$classroom, 1) + rnorm(n)
    d
  },
  # two-level factors within subjects and items
  factorial = function() {
    set.seed(6)
    d <- expand.grid(
      S = factor(c("-", "+"), c("-", "+")), T = factor(c("-", "+"), c("-", "+")),
      U = factor(c("-", "+"), c("-", "+")), G = factor(sprintf("s%02d", 1:12)),
      H = factor(sprintf("i%d", 1:4))
    )
    n <- nrow(d)
    d$X <- rnorm(n)
    slope <- function(group, column, sd) effect(group, sd) * (column == "+")
    d$Y <- 100 + 3 * (d$S == "+") + 2 * d$X + effect(d$G, 4) + slope(d$G, d$S, 3) +
      slope(d$G, d$T, 2) + slope(d$G, d$U, 2) + effect(d$H, 3) + slope(d$H, d$S, 2) +
      effect(d$G, 1.5) * d$X + rnorm(n, sd = 4)
    d
  },
  nested = function() {
    set.seed(7)
    d <- expand.grid(pupil = 1:5, room = factor(1:3), school = factor(sprintf("s%02d", 1:12)))
    n <- nrow(d)
    d$pupil <- NULL
    d$age <- round(rnorm(n, 0, 2), 1)
    slope <- rnorm(nlevels(d$school), 1, 0.7)[as.integer(d$school)]
    d$math <- 60 + slope * d$age + effect(d$school, 4) + effect(d$school:d$room, 3) +
      rnorm(n, sd = 5)
    d
  }
)
