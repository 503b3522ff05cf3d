"""Rows that do not fit into memory: read twice, in batches, and let go.

**In**: a formula, and a Parquet file, a folder of them, a dataset of pyarrow or a Dask DataFrame. **Out**: a
`Design` whose rows are not kept, and the `Problem` made of their cross-products, which is all that a fit
needs. Knows nothing of what fits are asked.
"""

from course.streaming.assemble import Streamed, stream
from course.streaming.sources import Source, open_source

__all__ = ["Source", "Streamed", "open_source", "stream"]
