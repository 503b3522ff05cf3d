"""A stand-in for pyreadstat, which is compiled and not there: reads and writes the ``.sav`` files of SPSS.

A file is a header, records that describe the columns, and rows of elements of 8 bytes: a number each,
or 8 bytes of a text. Rows are compressed by a code of one byte for each element. Of texts longer than
255 bytes and of compression by zlib (``.zsav``) nothing is known here.
"""

import struct
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd

__version__ = "1.3.5"  # pandas asks for this one at least

HEADER = struct.Struct("<4s60siiiiid9s8s64s3x")
COLUMN, LABELS, LABELLED, DOCUMENT, MORE, END = 2, 3, 4, 6, 7, 999
LONG_NAMES, VERY_LONG, ENCODING = 13, 14, 20
BIAS, EOF, LITERAL, SPACES, GONE = 100, 252, 253, 254, 255
NOTHING = -np.finfo(float).max  # how a number that is missing is written


class PyreadstatError(Exception):
    """A file that cannot be read, or a table that cannot be written."""


ReadstatError = PyreadstatError


def read_sav(path, user_missing=False, apply_value_formats=False, usecols=None, **_):
    """The table of a file, and what the file says about it."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:4] != b"$FL2":
        raise PyreadstatError(
            "on this page only .sav files can be read, and no .zsav, .dta or .sas7bdat"
        )
    about = Reader(content)
    table = about.table(usecols)
    labels = {about.names[name]: found for name, found in about.labels.items()}
    missing = {about.names[name]: found for name, found in about.missing.items()}
    for name, ranges in missing.items() if not user_missing else ():
        if name in table:
            for part in ranges:
                table[name] = table[name].mask(
                    (table[name] >= part["lo"]) & (table[name] <= part["hi"])
                )
    for name, found in labels.items() if apply_value_formats else ():
        if name in table:
            table[name] = pd.Categorical(
                table[name].map(lambda value, found=found: found.get(value, value))
            )
    return table, SimpleNamespace(
        column_names_to_labels={about.names[name]: title for name, title in about.titles.items()},
        variable_value_labels=labels,
        missing_ranges=missing if user_missing else {},
        missing_user_values={},
    )


def read_other(path, **_):
    """Refuse."""
    raise PyreadstatError(
        "on this page only .sav files can be read, and no .por, .dta or .sas7bdat"
    )


read_por = read_dta = read_sas7bdat = read_sas7bcat = read_other


class Reader:
    """The records of a file."""

    def __init__(self, content: bytes):
        self.content = content
        _, _, _, self.width, self.compressed, _, self.rows, self.bias, *_ = HEADER.unpack_from(
            content
        )
        self.at = HEADER.size
        self.columns: list[tuple[str, int]] = []  # short name and width in bytes, 0 for a number
        self.elements: dict[int, str] = {}  # the columns by their first element, from 1
        self.titles: dict[str, bytes | str] = {}
        self.missing: dict[str, list] = {}
        self.labels: dict[str, dict] = {}
        self.names: dict[str, str] = {}
        found: list = []
        encoding = "utf-8"
        element = 0
        while (kind := self.number()) != END:
            if kind == COLUMN:
                element += 1
                self.column(element)
            elif kind == LABELS:
                found = [self.label() for _ in range(self.number())]
            elif kind == LABELLED:
                for name in [self.elements[self.number()] for _ in range(self.number())]:
                    self.labels[name] = self.of(name, found)
            elif kind == DOCUMENT:
                self.at += 80 * self.number()
            elif kind == MORE:
                which, size, many = self.number(), self.number(), self.number()
                data = self.take(size * many)
                if which == LONG_NAMES:
                    self.names = dict(
                        pair.split("=", 1) for pair in data.decode(encoding).split("\t") if pair
                    )
                elif which == ENCODING:
                    encoding = data.decode("ascii").strip()
                elif which == VERY_LONG:
                    raise PyreadstatError("a text column of this file is longer than 255 bytes")
            else:
                raise PyreadstatError(f"the file has a record of kind {kind}, and there is none")
        self.at += 4
        self.encoding = encoding
        self.names = {name: self.names.get(name, name) for name, _ in self.columns}
        self.titles = {name: self.text(title) for name, title in self.titles.items()}
        self.labels = {
            name: {
                self.text(code) if isinstance(code, bytes) else code: self.text(label)
                for code, label in found.items()
            }
            for name, found in self.labels.items()
        }

    def take(self, size: int) -> bytes:
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self) -> int:
        return struct.unpack("<i", self.take(4))[0]

    def text(self, data: bytes) -> str:
        return data.decode(self.encoding).rstrip()

    def column(self, element: int) -> None:
        width, titled, missing, _, _ = (self.number() for _ in range(5))
        name = self.take(8).decode("ascii", "replace").rstrip()
        if titled:
            size = self.number()
            self.titles[name] = self.take(-(-size // 4) * 4)[:size]
        gone = [struct.unpack("<d", self.take(8))[0] for _ in range(abs(missing))]
        if width < 0:  # more of the text before it
            return
        self.columns.append((name, width))
        self.elements[element] = name
        ranges = [{"lo": gone[0], "hi": gone[1]}] if missing < 0 else []
        ranges += [{"lo": code, "hi": code} for code in (gone[2:] if missing < 0 else gone)]
        if ranges and not width:
            self.missing[name] = ranges

    def label(self) -> tuple[bytes, bytes]:
        code = self.take(8)
        size = self.take(1)[0]
        return code, self.take(-(-(size + 1) // 8) * 8 - 1)[:size]

    def of(self, name: str, found: list) -> dict:
        if dict(self.columns)[name]:
            return dict(found)
        return {struct.unpack("<d", code)[0]: label for code, label in found}

    def table(self, wanted) -> pd.DataFrame:
        per_row = sum(max(1, -(-width // 8)) for _, width in self.columns)
        data = self.unpacked() if self.compressed else self.content[self.at :]
        rows = np.frombuffer(data, "V8").reshape(-1, per_row)
        made, at = {}, 0
        for name, width in self.columns:
            wide = max(1, -(-width // 8))
            block = np.ascontiguousarray(rows[:, at : at + wide])
            at += wide
            if wanted is not None and self.names[name] not in wanted:
                continue
            if width:
                texts = block.view(f"V{8 * wide}").ravel()
                made[self.names[name]] = pd.Series(
                    [self.text(bytes(text)) for text in texts], dtype="str"
                )
            else:
                numbers = block.view("<f8").ravel()
                made[self.names[name]] = np.where(numbers == NOTHING, np.nan, numbers)
        return pd.DataFrame(made)

    def unpacked(self) -> bytes:
        pieces = []
        numbers = {code: struct.pack("<d", code - self.bias) for code in range(1, EOF)}
        numbers |= {SPACES: b" " * 8, GONE: struct.pack("<d", NOTHING)}
        while self.at < len(self.content):
            for code in self.take(8):
                if code == EOF:
                    return b"".join(pieces)
                if code == LITERAL:
                    pieces.append(self.take(8))
                elif code:
                    pieces.append(numbers[code])
        return b"".join(pieces)


# ---- writing ---------------------------------------------------------------------------------------------


def write_sav(table, path, column_labels=(), variable_value_labels=(), missing_ranges=(), **_):
    """Write a table, compressed by bytes."""
    titles, labels, missing = dict(column_labels), dict(variable_value_labels), dict(missing_ranges)
    records, coded, names, blocks, element = [], [], [], [], 1
    short = (f"V{i}" for i in count(1))
    for name in table.columns:
        values = table[name]
        is_text = isinstance(values.dtype, pd.StringDtype) or values.dtype == object
        blocks.append(texts(name, values) if is_text else numbers(values))
        wide = blocks[-1].shape[1]
        code = next(short)
        names.append(f"{code}={name}")
        records.append(
            column(code, 8 * wide if is_text else 0, titles.get(name), missing.get(name))
        )
        records += [struct.pack("<6i", COLUMN, -1, 0, 0, 0, 0) + b" " * 8] * (wide - 1)
        if name in labels and not is_text:
            coded.append(labelled(element, labels[name]))
        element += wide
    described = [
        *records,
        *coded,
        more(LONG_NAMES, "\t".join(names).encode()),
        more(ENCODING, b"UTF-8"),
    ]
    header = HEADER.pack(
        b"$FL2",
        b"@(#) SPSS DATA FILE".ljust(60),
        2,
        element - 1,
        1,
        0,
        len(table),
        BIAS,
        b"01 Jan 70",
        b"00:00:00",
        b" " * 64,
    )
    with open(path, "wb") as file:
        file.write(header + b"".join(described) + struct.pack("<ii", END, 0))
        file.write(packed(np.concatenate(blocks, axis=1)))


def numbers(values) -> np.ndarray:
    """One element of 8 bytes for each number."""
    found = values.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(found), NOTHING, found).astype("<f8").view("V8").reshape(-1, 1)


def texts(name, values) -> np.ndarray:
    """As many elements as the longest text needs."""
    coded = [text.encode() if isinstance(text, str) else b"" for text in values]
    wide = max(1, -(-max(map(len, coded), default=0) // 8))
    if wide > 31:
        raise PyreadstatError(f"a text in {name} is longer than 248 bytes")
    return np.frombuffer(b"".join(text.ljust(8 * wide) for text in coded), "V8").reshape(-1, wide)


def column(code: str, width: int, title, missing) -> bytes:
    """The record of a column: its name, title, and range of codes that mean "missing"."""
    text = (title or "").encode()[:250]
    form = (1 if width else 5) << 16 | (width or 8) << 8 | (0 if width else 2)
    record = (
        struct.pack("<6i", COLUMN, width, bool(text), -2 if missing else 0, form, form)
        + code.ljust(8).encode()
    )
    if text:
        record += struct.pack("<i", len(text)) + text.ljust(-(-len(text) // 4) * 4)
    return record + (struct.pack("<dd", missing[0]["lo"], missing[0]["hi"]) if missing else b"")


def labelled(element: int, labels: dict) -> bytes:
    """The records of the labels of one column."""
    record = struct.pack("<ii", LABELS, len(labels))
    for code, label in labels.items():
        text = str(label).encode()[:250]
        record += struct.pack("<dB", code, len(text)) + text.ljust(-(-(len(text) + 1) // 8) * 8 - 1)
    return record + struct.pack("<iii", LABELLED, 1, element)


def more(kind: int, data: bytes) -> bytes:
    """A record of a later kind."""
    return struct.pack("<4i", MORE, kind, 1, len(data)) + data


def packed(rows: np.ndarray) -> bytes:
    """Rows of elements, each as one byte where it is a small whole number, nothing or spaces."""
    small = {struct.pack("<d", code - BIAS): code for code in range(1, EOF)}
    small |= {b" " * 8: SPACES, struct.pack("<d", NOTHING): GONE}
    pieces, codes, literal = [], bytearray(), []
    for element in [*rows.ravel().tolist(), None]:
        code = EOF if element is None else small.get(bytes(element), LITERAL)
        codes.append(code)
        if code == LITERAL:
            literal.append(bytes(element))
        if len(codes) == 8 or code == EOF:
            pieces += [bytes(codes).ljust(8, b"\0"), *literal]
            codes, literal = bytearray(), []
    return b"".join(pieces)
