#!/usr/bin/env bash
# nbval --nbval compares the text that comes with a picture and never the picture. A black figure
# where the notebook has stored a grey one passes. A plot whose data changed is therefore green,
# unless a number printed beside it changes, too.
#
# Version: nbval 0.11.0.
#
# Source: nbval/plugin.py, IPyNbFile.skip_compare, which lists image/png and image/jpeg.
#
# Seen:
#   the same picture:                    1 passed
#   another picture:                     1 passed
#   the same picture, a number changed:  1 failed
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(nbval==0.11.0 pytest==9.2.0 ipykernel==7.4.0 nbformat==5.11.1)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import struct
import zlib

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output


def png(grey):
    """One pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = chunk(b"IDAT", zlib.compress(bytes([0, grey])))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + pixel + chunk(b"IEND", b"")).decode()


for name, grey, slope in [("same", 0, 1.19), ("other", 200, 1.19), ("number", 0, 0.93)]:
    data = {"image/png": png(0), "text/plain": "slope 1.19"}
    stored = {"image/png": png(grey), "text/plain": f"slope {slope}"}
    source = f"from IPython.display import display\ndisplay({data!r}, raw=True)"
    cell = new_code_cell(source, execution_count=1, outputs=[new_output("display_data", data=stored)])
    nbformat.write(new_notebook(cells=[cell]), f"{name}.ipynb")
PYTHON

verdict() { # what nbval says of a notebook; its last line
    "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider --nbval --nbval-current-env "$@" 2>&1 |
        tail -1 | sed 's/ in .*//' || true
}

same=$(verdict same.ipynb) other=$(verdict other.ipynb) number=$(verdict number.ipynb)
echo "the same picture:                    $same"
echo "another picture:                     $other"
echo "the same picture, a number changed:  $number"
if [[ "$same/$other/$number" == "1 passed/1 passed/1 failed" ]]; then
    echo 'The surprise stands.'
else
    echo 'The behaviour has changed.'
    exit 1
fi
