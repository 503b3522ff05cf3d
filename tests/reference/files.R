# A survey of sixty pupils as haven writes it for SPSS, Stata and R, and what haven reads back: files.json.
# Run from the repository's top: Rscript tests/reference/files.R

suppressMessages({
  library(haven)
  library(jsonlite)
})

folder <- "tests/reference/files"
sav <- "data/survey.sav" # comes with the course: the phrasebook reads it
dir.create(folder, showWarnings = FALSE)
set.seed(3)
n <- 60
school <- rep(101:106, each = 10)
math <- round(500 + 40 * rnorm(n) + rep(rnorm(6, 0, 20), each = 10), 1)
age <- round(runif(n, 15, 16.5), 2)
escs <- round(rnorm(n), 4)
sex <- rep(c(2, 1, 2, 1, 1), 12)
books <- rep(c(3, 1, 2), 20)
hours <- rep(c(0, 2, 4, 7), 15)
age[c(3, 4, 5)] <- c(97, 99, 99)
escs[2] <- 99
sex[7] <- 9
hours[1] <- 99

books <- labelled(books, c("0-10 books" = 1, "11-100 books" = 2, "more than 100 books" = 3))
hours <- labelled(hours, c("I do not know" = 99)) # a special code that no file declares missing

# SPSS: a range of codes for age, single codes for the others; labels neither in the order of codes nor of text
spss <- data.frame(
  school, math,
  age = labelled_spss(age, c(refused = 99, "not administered" = 97), na_range = c(97, 99), label = "Age in years"),
  sex = labelled_spss(
    sex, c(male = 2, female = 1, "no response" = 9), na_values = 9, label = "Sex of the student"
  ),
  books, hours,
  escs = labelled_spss(escs, c(Missing = 99), na_values = 99, label = "Index of social status")
)

# Stata: kinds of missing values, .a to .z
tagged <- function(values, tags) {
  for (code in names(tags)) values[values == as.numeric(code)] <- tagged_na(tags[[code]])
  values
}
a <- tagged_na("a")
stata <- transform(
  spss,
  age = labelled(
    tagged(age, c("97" = "b", "99" = "a")), c(refused = a, "not administered" = tagged_na("b")), "Age in years"
  ),
  sex = labelled(tagged(sex, c("9" = "a")), c(male = 2, female = 1, "no response" = a), "Sex of the student"),
  escs = labelled(tagged(escs, c("99" = "a")), c(Missing = a), "Index of social status")
)

write_sav(spss, sav)
write_sav(spss, file.path(folder, "survey.zsav"), compress = "zsav")
write_dta(stata, file.path(folder, "survey.dta"))
saveRDS(spss, file.path(folder, "survey.rds"))
saveRDS(stata, file.path(folder, "survey_tagged.rds"))
# SAS: the data name formats, whose labels stand in a catalog (survey.sas7bcat: see README.md)
sas <- data.frame(school, math, age = age, sex = replace(as.numeric(sex), sex == 9, NA), hours = as.numeric(hours))
attr(sas$sex, "format.sas") <- "SEX"
attr(sas$sex, "label") <- "Sex of the student"
suppressWarnings(write_sas(sas, file.path(folder, "survey.sas7bdat")))
suppressWarnings(write_sas(data.frame(room = c("01", "1", "01"), score = c(1, 2.5, NA)), file.path(folder, "rooms.sas7bdat")))

# What only R writes: ordered factors, missing values of every kind, dates, names of rows.
kinds <- data.frame(
  number = c(1.5, NA, NaN, 4), whole = c(1L, NA, 3L, 4L), text = c("a", NA, "NA", "b"),
  factor = factor(c("lo", "hi", NA, "lo"), levels = c("lo", "mid", "hi")),
  ordered = factor(c("lo", "hi", NA, "mid"), levels = c("lo", "mid", "hi"), ordered = TRUE),
  logical = c(TRUE, FALSE, NA, TRUE), day = as.Date("2020-01-01") + c(0, 1, NA, 3),
  row.names = c("Ada", "Bo", "Cy", "Di")
)
whole <- data.frame(class = 1:2)
saveRDS(kinds, file.path(folder, "kinds.rds"))
save(kinds, file = file.path(folder, "kinds.rda"))
save(kinds, whole, file = file.path(folder, "two.rda"), compress = "xz")
saveRDS(list(a = 1), file.path(folder, "list.rds"))

# haven's own reading: factors with levels in the order of codes, numbers, and how many values are missing.
read <- function(path, reader) {
  data <- reader(path)
  factors <- c("sex", "books")
  list(
    missing = lapply(data, function(column) sum(is.na(column))),
    levels = lapply(data[factors], function(column) levels(droplevels(as_factor(zap_missing(column))))),
    texts = lapply(data[factors], function(column) as.character(as_factor(zap_missing(column)))),
    numbers = lapply(data[c("school", "math", "age", "hours", "escs")], function(column) as.numeric(zap_missing(column)))
  )
}
results <- list(
  versions = list(R = as.character(getRversion()), haven = as.character(packageVersion("haven"))),
  "survey.sav" = read(sav, read_sav),
  "survey.zsav" = read(file.path(folder, "survey.zsav"), read_sav),
  "survey.dta" = read(file.path(folder, "survey.dta"), read_dta)
)
write(toJSON(results, auto_unbox = TRUE, digits = NA, na = "null", pretty = FALSE), "tests/reference/files.json")
