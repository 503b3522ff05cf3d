"""Codes of 32 bits, as pandas and NumPy make them where addresses have 32 bits: in a browser.

Python here has 64 bits as a rule, so the codes are made narrow by hand. `make test-live` runs the package's
own tests where they are narrow by nature.
"""

import numpy as np
import pandas as pd
import pytest

from course import load, mixedlm
from course.design.groups import group_codes, lies_in, occurring, pair_numbers, relation, renumber
from course.design.identification import _cells
from course.solver.draws import _finest
from course.streaming.sums import _cells as cells_of_labels

# The product of the numbers of levels, 4.9 thousand millions, needs more than 32 bits.
MANY = 70_000


@pytest.fixture(scope="module")
def codes() -> tuple[np.ndarray, np.ndarray]:
    """Two groupings with as many levels as rows; some pairs lie 2**32 apart, and would become one."""
    one = np.arange(MANY, dtype=np.int32)
    return np.concatenate([one, one]), np.concatenate([one[::-1], (one + 1) % MANY]).astype(
        np.int32
    )


@pytest.fixture(scope="module")
def pairs(codes) -> set[tuple[int, int]]:
    """The pairs, by Python's own whole numbers, which have as many bits as it takes."""
    return set(zip(*(code.tolist() for code in codes), strict=True))


def test_numbers_of_pairs_do_not_overflow(codes):
    one, other = codes
    numbers = pair_numbers(one, other, MANY)
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [
        a * MANY + b for a, b in zip(one.tolist(), other.tolist(), strict=True)
    ]


@pytest.mark.slow
def test_every_pair_that_occurs_is_found(codes, pairs):
    one, other = occurring(*codes)
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == pairs
    assert len(one) == len(pairs)


@pytest.mark.slow
def test_cells_of_two_groupings_are_their_pairs(codes, pairs):
    ones = np.ones((2 * MANY, 1))
    one, other, products = _cells(*codes, ones, ones)
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == pairs
    assert products.sum() == 2 * MANY


def test_rows_share_a_finest_group_where_they_share_all_groups(codes, pairs):
    found = _finest(list(codes))
    assert found.max() + 1 == len(pairs)


@pytest.mark.slow
def test_how_groups_lie_is_seen(codes):
    one, _ = codes
    outer = (one // 7).astype(np.int32)
    assert relation("pupil", one, "school", outer).how == "nested"
    assert relation("one", codes[0], "other", codes[1]).how == "crossed"


def test_codes_of_levels_have_64_bits(codes):
    one, _ = codes
    kept, again = renumber(one[one % 2 == 0])
    assert again.dtype == np.int64
    assert (kept[again] == one[one % 2 == 0]).all()
    unused = pd.Series(pd.Categorical(["a", "c", "a"], categories=["a", "b", "c"]), name="g")
    assert group_codes([unused])[0].dtype == np.int64


@pytest.mark.slow
@pytest.mark.parametrize("columns", [3, pytest.param(5, marks=pytest.mark.long)])
def test_combinations_of_labels_are_numbered_afresh_before_they_overflow(monkeypatch, columns):
    # as if few bits were left: every second factor begins anew, with the narrow codes of pandas
    monkeypatch.setattr("course.design.groups.MOST_CODES", 5_000_000_000)
    monkeypatch.setattr("course.streaming.sums.MOST_CODES", 5_000_000_000)
    narrow = pd.factorize
    monkeypatch.setattr(
        pd, "factorize", lambda *a, **k: (lambda c, u: (c.astype(np.int32), u))(*narrow(*a, **k))
    )
    rng = np.random.default_rng(17)
    labels = pd.DataFrame({f"g{i}": rng.permutation(MANY) for i in range(columns)})
    labels = pd.concat([labels, labels], ignore_index=True)
    codes, levels = group_codes([labels[name] for name in labels])
    assert len(levels) == MANY
    np.testing.assert_array_equal(levels.take(codes).to_frame().to_numpy(), labels.to_numpy())
    cells, first = cells_of_labels(labels)
    assert len(first) == MANY
    np.testing.assert_array_equal(labels.iloc[first[cells]].to_numpy(), labels.to_numpy())


def test_part_of_the_rows_keeps_wide_codes():
    design = mixedlm("test_score ~ age + (1|school:classroom) + (1|school)", load("pupils")).design
    part = design.rows(np.arange(design.n) % 3 > 0)
    for grouping in part.groupings:
        assert grouping.codes.dtype == np.int64
    assert lies_in(part.groupings[0].codes, part.groupings[1].codes)
