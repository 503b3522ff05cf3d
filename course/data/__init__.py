"""The data sets of the course, tables on disk, and how the groups of an unknown table lie.

**In**: the name of a data set, a file, or a DataFrame. **Out**: DataFrames, and a formula to begin with.
Knows nothing of fitting.
"""

from course.data.files import read_table, write_table
from course.data.proposal import Proposal, propose
from course.data.sets import DATA_SETS, SIMULATED, data_file, load, load_truth
from course.data.structure import Structure, structure

__all__ = [
    "DATA_SETS",
    "Proposal",
    "SIMULATED",
    "Structure",
    "data_file",
    "load",
    "load_truth",
    "propose",
    "read_table",
    "structure",
    "write_table",
]
