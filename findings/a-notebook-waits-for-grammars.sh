#!/usr/bin/env bash
# Whoever reads a notebook imports nbformat, which checks notebooks with jsonschema. Where jupyter-events
# is installed, too, as with JupyterLab, jsonschema comes with its extra "format-nongpl"; since 4.25 this
# brings rfc3987-syntax, which tells whether a text is an internationalised address. jsonschema imports
# it at once, and it builds a parser for each rule of its grammar when it is imported, whether one asks
# or not. The schemas of notebooks and of Jupyter's events never ask: none has the format "iri" or
# "iri-reference".
#
# Version: jsonschema 4.26.0, rfc3987-syntax 1.1.0, lark 1.3.1, nbformat 5.11.1, jupyter-events 0.12.1.
#
# Source: the import in jsonschema/_format.py; python-jsonschema/jsonschema, issue 1428.
#
# Seen (seconds depend on the machine):
#   parsers built by importing nbformat and jupyter_events: 39, 4.9 of 5.8 seconds
#   formats in their schemas: ['datetime', 'uri']
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(jsonschema==4.26.0 rfc3987-syntax==1.1.0 lark==1.3.1 nbformat==5.11.1 jupyter-events==0.12.1)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - <<'PYTHON'
import json
import time
from pathlib import Path

import lark

parsers, spent = 0, 0.0
build = lark.Lark.__init__


def counted(self, *arguments, **options):
    global parsers, spent
    begin = time.perf_counter()
    build(self, *arguments, **options)
    parsers, spent = parsers + 1, spent + time.perf_counter() - begin


def formats(schema):
    """All that a schema says of the format of a text."""
    if isinstance(schema, dict):
        if isinstance(schema.get("format"), str):
            yield schema["format"]
        schema = list(schema.values())
    for part in schema if isinstance(schema, list) else ():
        yield from formats(part)


lark.Lark.__init__ = counted
begin = time.perf_counter()
import jupyter_events
import nbformat

seconds = time.perf_counter() - begin
folder = Path(nbformat.__file__).parent
asked = {f for path in folder.rglob("*.schema*.json") for f in formats(json.loads(path.read_text()))}
validators = [v for v in vars(jupyter_events.validators).values() if hasattr(v, "schema")]
asked |= set(formats([validator.schema for validator in validators]))
print(f"parsers built by importing nbformat and jupyter_events: {parsers}, {spent:.1f} of {seconds:.1f} seconds")
print(f"formats in their schemas: {sorted(asked) or 'none'}")

stands = parsers > 30 and not {"iri", "iri-reference"} & asked
print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
