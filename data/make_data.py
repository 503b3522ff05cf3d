"""Write the simulated data sets again, byte for byte: python data/make_data.py [FOLDER]."""

import sys
from pathlib import Path

from course.data import DATA_SETS, SIMULATED
from course.simulate.schools import simulate_schools


def write_simulated(folder: Path) -> list[Path]:
    """Write the simulated data sets to a folder and return the paths."""
    paths = []
    for name, settings in SIMULATED.items():
        path = folder / DATA_SETS[name][0]
        data = simulate_schools(**settings).data
        # Two decimals hide what the last bits owe to the machine.
        data.to_csv(path, index=False, float_format="%.2f", lineterminator="\n")
        paths.append(path)
    return paths


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for written in write_simulated(target):
        print(written)
