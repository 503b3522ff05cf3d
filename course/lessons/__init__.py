"""The exercises of the lessons, one module per lesson; `course.exercises` runs them."""
