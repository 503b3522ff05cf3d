"""What pictures show: points, lines, colours, numbers in their texts; and the pupils that are drawn."""

import io
import re
from functools import cache

import matplotlib
import matplotlib.colors
import numpy as np
import pandas as pd
import PIL.Image
import pytest
import seaborn as sns

from course import load

PALETTE = np.array([matplotlib.colors.to_rgb(color) for color in sns.color_palette("colorblind")])


DARKEST = 0.2  # the grey of lines and letters, which the edge of a coloured mark blends into


@cache  # a lesson and its solutions show the same pictures
def colours_off_the_palette(png: bytes) -> list[str]:
    """Frequent colours that are no tint and no shade of a colour-blind-safe hue; greys are fine."""
    pixels = np.asarray(PIL.Image.open(io.BytesIO(png)).convert("RGBA"))
    # The few colours of a picture are first counted, and only they are laid on white.
    colours, counts = np.unique(pixels.view(np.uint32), return_counts=True)
    rgba = colours.view(np.uint8).reshape(-1, 4) / 255
    alpha = rgba[:, 3:]
    rgb = np.round(255 * (alpha * rgba[:, :3] + 1 - alpha)).astype(int)
    codes, place = np.unique(rgb @ [1 << 16, 1 << 8, 1], return_inverse=True)
    frequent = codes[np.bincount(place, counts) >= 0.0005 * counts.sum()]
    frequent = np.stack([frequent >> 16, frequent >> 8 & 255, frequent & 255], axis=1) / 255
    coloured = frequent[np.ptp(frequent, axis=1) > 0.1]
    depth = np.linspace(0, 1, 101)[:, None]
    allowed = np.concatenate(
        [end + depth * (hue - end) for hue in PALETTE for end in (1.0, DARKEST)]
    )
    distance = np.linalg.norm(coloured[:, None] - allowed[None], axis=2).min(axis=1)
    return [matplotlib.colors.to_hex(colour) for colour in coloured[distance > 0.06]]


TWELVE = pd.DataFrame(
    {
        "school": list("AAAAABBBBCCD"),
        "test_score": [50, 58, 44, 61, 52, 46, 53, 38, 51, 54, 66, 66],
        "age": [9.2, 11.3, 8.8, 11.9, 10.1, 9.0, 10.4, 8.1, 10.2, 9.7, 11.0, 10.8],
    }
)


def offsets(ax, label: str) -> np.ndarray:
    (points,) = [c for c in ax.collections if c.get_label() == label]
    return np.asarray(points.get_offsets())


SCHOOLS = (
    load("pupils").query("province in ['P01', 'P02', 'P03']").assign(age10=lambda d: d.age - 10)
)


def line(ax, label: str) -> np.ndarray:
    (found,) = [one for one in ax.lines if one.get_label() == label]
    return np.column_stack(found.get_data())


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", ""))]


def said(value: float, text: str) -> bool:
    """Whether a number is in the text, to three digits."""
    return any(n == pytest.approx(value, rel=5.1e-3, abs=1e-9) for n in numbers(text))
