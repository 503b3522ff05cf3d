#!/usr/bin/env bash
# A cell warns, as fits near a boundary do. Its notebook is executed and stored, and nbval runs it
# at once, on the same machine: it fails. Python's text of a warning begins with the file that
# warned; to ipykernel each cell is a file in a folder named by the number of its process, which
# is another one every time. The same warning turned off, or caught and printed, passes.
#
# Version: nbval 0.11.0, ipykernel 7.4.0, nbclient 0.11.0.
#
# Source: ipykernel/compiler.py (get_tmp_directory, which has the process id); nbval's
# documentation, "Regex Output sanitizing", for the way out by patterns.
#
# Seen:
#   warned:   1 failed
#   caught:   1 passed
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(nbval==0.11.0 pytest==9.2.0 ipykernel==7.4.0 nbformat==5.11.1 nbclient==0.11.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

warn = "warnings.warn('near the boundary')"
caught = "with warnings.catch_warnings(record=True) as said:\n    " + warn + "\nprint(said[0].message)"
for name, code in [("warned", warn), ("caught", caught)]:
    notebook = new_notebook(cells=[new_code_cell("import warnings\n" + code)])
    NotebookClient(notebook, extra_arguments=["--log-level=CRITICAL"]).execute()
    nbformat.write(notebook, f"{name}.ipynb")
PYTHON

verdict() { # what nbval says of a notebook; its last line
    "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider --nbval --nbval-current-env "$@" 2>&1 |
        tail -1 | sed 's/ in .*//' || true
}

warned=$(verdict warned.ipynb) caught=$(verdict caught.ipynb)
echo "warned:   $warned"
echo "caught:   $caught"
if [[ "$warned/$caught" == "1 failed/1 passed" ]]; then
    echo 'The surprise stands.'
else
    echo 'The behaviour has changed.'
    exit 1
fi
