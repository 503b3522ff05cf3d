"""The options of `mixedlm` that are about sampling weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from course.design.columns import find_columns, missing_rows
from course.design.design import Design
from course.design.sampling_weights import EXAMPLE, read_sampling_weights
from course.errors import CourseError
from course.fit.replicates import read_replicates
from course.fit.survey import SurveyModel


def survey_models(
    designs: Sequence[Design],
    data: pd.DataFrame,
    weights: Mapping[str, str],
    scaling: str | None,
    strata: str | None,
    replicate_weights: str | Sequence[str] | None,
    replicate_method: str,
    fay: float,
) -> list[SurveyModel]:
    """The models of `mixedlm` where its ``weights=`` is a dictionary: of designs that differ in y alone."""
    first = designs[0]
    gaps = [missing_rows(column) for column in find_columns(data, first.formula.columns).values()]
    keep = ~np.logical_or.reduce(gaps)
    found = read_sampling_weights(weights, first, data, keep, scaling, strata)
    if replicate_weights is None:
        return [SurveyModel(design, found) for design in designs]
    if strata is not None:
        raise CourseError("replicate weights know the strata of their survey: leave strata= out")
    replicates = read_replicates(
        replicate_weights, replicate_method, fay, data, keep, found.overall
    )
    return [SurveyModel(design, found, replicates) for design in designs]


def refuse_without_sampling_weights(**options: object) -> None:
    """Refuse options of sampling weights where there are none."""
    usual = {"scaling": "size", "replicate_method": "fay", "fay": 0.5}
    for name, value in options.items():
        if value is not None if name not in usual else value != usual[name]:
            raise CourseError(
                f"{name}= goes with sampling weights, which are a dictionary: {EXAMPLE}. "
                'weights="w" are prior weights: a row of weight w has the residual variance σ²/w'
            )
