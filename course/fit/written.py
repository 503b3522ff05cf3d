"""Fitted values and residuals on disk, for rows that do not fit into memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from course.common.packages import require_package
from course.design.design import Design
from course.errors import CourseError
from course.fit.predict import predict
from course.solver.estimates import Estimates
from course.streaming import Source

NAMES = ("fittedvalues", "resid")


def write_fitted(design: Design, estimates: Estimates, source: Source | None, path: Path) -> None:
    """Write the columns of a model with its fitted values and residuals; see `MixedFit.write_fitted`.

    The file gets its name when it is complete.
    """
    require_package("pyarrow", "Writing Parquet files")
    import pyarrow
    import pyarrow.parquet

    if path.exists():
        raise CourseError(f"{path} is there already: choose another name, or delete it first")
    if not path.parent.is_dir():
        raise CourseError(f"there is no folder {str(path.parent)!r} to write {path.name} into")
    for name in NAMES:
        if name in design.formula.columns:
            raise CourseError(f"a column of the model is called '{name}': rename it first")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    writer = None
    try:
        for frame in _batches(design, estimates, source):
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pyarrow.parquet.ParquetWriter(partial, table.schema)
            writer.write_table(table.cast(writer.schema))
        if writer:
            writer.close()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _batches(design: Design, estimates: Estimates, source: Source | None) -> Iterator[pd.DataFrame]:
    if source is None:
        fitted = predict(design, estimates, None, "all").to_numpy()
        yield pd.DataFrame(design.columns).assign(fittedvalues=fitted, resid=design.y - fitted)
        return
    codings, names = design.codings, list(design.formula.columns)
    for frame in source.batches(names):
        fitted = predict(design, estimates, frame, "all").to_numpy()
        response = codings.new_matrix(codings.y, frame)[:, 0]
        missing = frame.isna().any(axis=1).to_numpy()
        fitted = np.where(missing, np.nan, fitted)
        yield frame.assign(fittedvalues=fitted, resid=response - fitted)
