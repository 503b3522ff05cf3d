"""Pytest runs the notebooks here, not the scripts that they are built from."""

collect_ignore_glob = ["source/*", "build.py", "times.py", "workshop.py"]
