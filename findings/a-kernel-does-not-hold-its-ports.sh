#!/usr/bin/env bash
# Whoever starts a kernel by jupyter_client gets five ports for it, chosen by the system as free,
# written into the kernel's connection file. They are let go of before the kernel starts and are
# free for anybody until it has bound them, a second later or more on a busy machine. So two
# notebooks that start at once can be promised the same port, and the kernel that comes second
# does not come up. ipykernel tries again only where it may choose the port itself.
#
# Version: jupyter_client 8.10.0.
#
# Source: jupyter_client issue 276; jupyter_client/connect.py, write_connection_file.
#
# Seen:
#   5 ports promised to a kernel, 5 taken by somebody else before it starts
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packages=(jupyter_client==8.10.0)
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "${packages[@]}" ||
    { echo "The packages could not be installed."; exit 2; }

"$folder/venv/bin/python" - <<'PYTHON'
import os
import socket

from jupyter_client.connect import write_connection_file

path, promised = write_connection_file()
os.unlink(path)
ports = [promised[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")]
taken = []
for port in ports:
    somebody = socket.socket()
    try:
        somebody.bind((promised["ip"], port))
        taken.append(somebody)
    except OSError:
        pass
print(f"{len(ports)} ports promised to a kernel, {len(taken)} taken by somebody else before it starts")
for somebody in taken:
    somebody.close()
stands = len(taken) > 0

print("The surprise stands." if stands else "The behaviour has changed.")
raise SystemExit(not stands)
PYTHON
