#!/usr/bin/env bash
# To nbval each cell is a test of its own, and to pytest-xdist tests are independent. So with -n 2
# the cells of one notebook go to two processes with a kernel each, and fail for want of the
# variables that the cells before them made. It takes --dist loadscope (or loadfile), which keeps
# a notebook together.
#
# Version: nbval 0.11.0, pytest-xdist 3.8.0.
#
# Source: pytest-xdist's documentation, "Running tests across multiple CPUs" (--dist load is the
# default of -n).
#
# Seen:
#   one process:             8 passed
#   -n 2:                    6 failed, 2 passed
#   -n 2 --dist loadscope:   8 passed
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(nbval==0.11.0 pytest==9.2.0 ipykernel==7.4.0 nbformat==5.11.1 pytest-xdist==3.8.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

cells = [new_code_cell("x0 = 0"), *(new_code_cell(f"x{i} = x{i - 1} + 1") for i in range(1, 8))]
nbformat.write(new_notebook(cells=cells), "chain.ipynb")
PYTHON

verdict() { # what nbval says of a notebook; its last line
    "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider --nbval --nbval-current-env "$@" 2>&1 |
        tail -1 | sed 's/ in .*//' || true
}

one=$(verdict chain.ipynb) two=$(verdict -n 2 chain.ipynb) scope=$(verdict -n 2 --dist loadscope chain.ipynb)
echo "one process:             $one"
echo "-n 2:                    $two"
echo "-n 2 --dist loadscope:   $scope"
if [[ "$one/$scope" == *"8 passed/"*"8 passed" && "$two" == *failed* ]]; then
    echo 'The surprise stands.'
else
    echo 'The behaviour has changed.'
    exit 1
fi
