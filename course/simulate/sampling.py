"""Samples of unequal probabilities, and replicate weights that say how far such samples differ."""

from __future__ import annotations

import numpy as np

REPLICATES = 80
FAY = 0.5  # the share of its weight that the school left out of a replicate keeps
# The Hadamard matrix is Paley's, of the order of a prime plus 1: one column of it is constant.
_PRIME = REPLICATES - 1


def inclusion_probabilities(size: np.ndarray, n: int) -> np.ndarray:
    """The probabilities of a sample of n units that are proportional to their sizes.

    Parameters
    ----------
    size : ndarray, shape (N,)
        Above 0.
    n : int
        Units in the sample, N at most.

    Returns
    -------
    ndarray, shape (N,)
        Their sum is n. A unit so large that its probability would exceed 1 is taken for certain.

    Examples
    --------
    >>> inclusion_probabilities(np.array([1.0, 1.0, 2.0, 16.0]), 2)
    array([0.25, 0.25, 0.5 , 1.  ])
    """
    certain = np.zeros(len(size), dtype=bool)
    while True:
        left = n - certain.sum()
        chances = np.where(certain, 1.0, left * size / max(size[~certain].sum(), 1e-300))
        more = ~certain & (chances >= 1)
        if not more.any():
            return chances
        certain |= more


def systematic_sample(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The numbers of the units drawn, in ascending order, with exactly these probabilities.

    The units stand on a line in random order, each as long as its probability; a comb with teeth one
    apart falls on it (Madow 1949, doi 10.1214/aoms/1177729988).

    Parameters
    ----------
    probabilities : ndarray, shape (N,)
        Their sum, a whole number, is the size of the sample.
    rng : Generator

    Examples
    --------
    >>> systematic_sample(np.array([1.0, 0.5, 0.5]), np.random.default_rng(1)).tolist()
    [0, 1]
    """
    order = rng.permutation(len(probabilities))
    ends = np.cumsum(probabilities[order])
    n = round(float(ends[-1]))
    drawn = np.searchsorted(ends, rng.random() + np.arange(n), side="right")
    # the last tooth may fall beyond an end that rounding has left below n
    return np.sort(order[np.minimum(drawn, len(order) - 1)])


def hadamard() -> np.ndarray:
    """Paley's Hadamard matrix without its constant column: signs of replicates by zones, (80, 79).

    Each column has as many 1 as -1, and any two columns agree in half of the rows (Paley 1933, doi
    10.1002/sapm1933121311).

    Examples
    --------
    >>> signs = hadamard()
    >>> bool((signs.T @ signs == 80 * np.eye(79)).all()), int(abs(signs.sum(axis=0)).max())
    (True, 0)
    """
    squares = set((np.arange(1, _PRIME) ** 2 % _PRIME).tolist())
    character = np.array([0, *(1 if i in squares else -1 for i in range(1, _PRIME))])
    S = np.zeros((REPLICATES, REPLICATES), dtype=int)
    S[0, 1:], S[1:, 0] = 1, -1
    numbers = np.arange(_PRIME)
    S[1:, 1:] = character[(numbers[:, None] - numbers) % _PRIME]
    H = S + np.eye(REPLICATES, dtype=int)
    return (H * H[:, :1])[:, 1:]


def replicate_factors(strata: np.ndarray) -> np.ndarray:
    """What the weight of each school is multiplied by in each replicate, after Fay.

    Within each stratum neighbours make a zone of two; where their number is odd, the last zone has
    three. In each replicate one school of a zone counts 1.5 and the other 0.5; of three, one counts 1.7071
    or 0.2929 and the two others 0.6464 or 1.3536. A zone beyond the 79th has the signs of an earlier one, so
    that variances stay without bias, with fewer degrees of freedom. This is the way of the OECD's PISA Data
    Analysis Manual (2009, doi 10.1787/9789264056275-en), chapter 4; k = 0.5 (Judkins 1990, Journal of
    Official Statistics 6, 223-239).

    Parameters
    ----------
    strata : ndarray of int, shape (schools,)
        The stratum of each school, schools of one stratum side by side, two at least.

    Returns
    -------
    ndarray, shape (schools, 80)

    Examples
    --------
    >>> factors = replicate_factors(np.array([0, 0, 1, 1, 1]))
    >>> factors[:, 0].round(4).tolist()
    [1.5, 0.5, 1.7071, 0.6464, 0.6464]
    >>> factors.mean(axis=1).round(12).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    signs, zone = hadamard(), 0
    factors = np.empty((len(strata), REPLICATES))
    for stratum in np.unique(strata):
        schools = np.flatnonzero(strata == stratum)
        pairs = max(len(schools) // 2, 1)
        for members in np.split(schools, 2 * np.arange(1, pairs)):
            sign = (1 - FAY) * signs[:, zone % signs.shape[1]]
            others = len(members) - 1
            factors[members[0]] = 1 + np.sqrt(others) * sign
            factors[members[1:]] = 1 - sign / np.sqrt(others)
            zone += 1
    return factors
