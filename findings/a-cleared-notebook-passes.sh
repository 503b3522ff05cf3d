#!/usr/bin/env bash
# nbval --nbval runs a notebook and compares what the cells print with what the file has stored.
# Clear the notebook (nothing stored, no execution counts), and every cell passes, whatever it
# prints. One cell with a count and no output, on the other hand, fails. So a lesson that was
# committed cleared, or was never run, is green.
#
# Version: nbval 0.11.0.
#
# Source: nbval pull request 82 (a cell without execution_count is not compared); nbval/plugin.py,
# IPyNbCell.runtest.
#
# Seen:
#   stored 4, prints 4:        1 passed
#   stored nothing, count 1:   1 failed
#   stored nothing, no count:  1 passed
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(nbval==0.11.0 pytest==9.2.0 ipykernel==7.4.0 nbformat==5.11.1)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

four = [new_output("stream", name="stdout", text="4\n")]
for name, count, outputs in [("stored", 1, four), ("counted", 1, []), ("cleared", None, [])]:
    cell = new_code_cell("print(2 + 2)", execution_count=count, outputs=outputs)
    nbformat.write(new_notebook(cells=[cell]), f"{name}.ipynb")
PYTHON

verdict() { # what nbval says of a notebook; its last line
    "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider --nbval --nbval-current-env "$@" 2>&1 |
        tail -1 | sed 's/ in .*//' || true
}

stored=$(verdict stored.ipynb) counted=$(verdict counted.ipynb) cleared=$(verdict cleared.ipynb)
echo "stored 4, prints 4:        $stored"
echo "stored nothing, count 1:   $counted"
echo "stored nothing, no count:  $cleared"
if [[ "$stored/$counted/$cleared" == "1 passed/1 failed/1 passed" ]]; then
    echo 'The surprise stands.'
else
    echo 'The behaviour has changed.'
    exit 1
fi
