"""Pictures that the site makes for itself: thumbnails of lessons, an icon, a preview of shared links."""

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from PIL import Image

THUMB = 480  # points, for cards of half that width
BLUE, SKY, ORANGE, PAPER, INK = "#0173b2", "#56b4e9", "#de8f05", "#fbfaf7", "#1f2429"


def thumbnail(png: bytes) -> bytes:
    """A picture as small as a card on the front page needs it."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.quantize(64, dither=0).save(out, format="png", optimize=True)
    return out.getvalue()


def write_icon(path: Path) -> None:
    """The icon for a telephone's home screen: pupil in classroom in school, as in icon.svg."""
    figure = Figure(figsize=(1.8, 1.8), dpi=100)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 32), ylim=(32, 0))
    ax.set_axis_off()
    for left, top, width, colour in ((0, 0, 32, BLUE), (6, 8, 20, SKY), (10, 14, 12, PAPER)):
        ax.add_patch(
            FancyBboxPatch(
                (left, top), width, width, "round,pad=0,rounding_size=3", fc=colour, lw=0
            )
        )
    ax.add_patch(Circle((16, 20), 3, fc=ORANGE, lw=0))
    figure.savefig(path)


def write_preview(path: Path) -> None:
    """What is seen where somebody shares the address of a page: 1200 by 630 points."""
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=PAPER)
    ax = figure.add_axes((0.56, 0.1, 0.4, 0.8))
    ax.set_axis_off()
    rng = np.random.default_rng(8)
    x = np.array([-1.0, 1.0])
    for level, slope in zip(rng.normal(0, 1, 14), rng.normal(0.9, 0.45, 14), strict=True):
        ax.plot(x, level + slope * x, color=SKY, lw=2.5, alpha=0.8)
    ax.plot(x, 0.9 * x, color=ORANGE, lw=7)
    for height, text, size, weight in (
        (0.66, "Mixed-effects models\nin Python", 38, "bold"),
        (
            0.42,
            "A course, and a small package that makes\nstatsmodels speak lme4’s formulas",
            19,
            "normal",
        ),
    ):
        figure.text(0.06, height, text, size=size, weight=weight, color=INK, va="center")
    figure.text(
        0.06, 0.2, "test_score ~ age + (age|school)", size=22, color=BLUE, family="monospace"
    )
    figure.savefig(path)
