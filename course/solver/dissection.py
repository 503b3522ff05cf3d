"""Where groupings cross only here and there: columns that separate, and what they separate.

Most pupils stay in one school; the few who move tie the teachers of two schools together. Set a few of
those teachers aside, and the others fall into one block a school. Such a set is found in two steps:
communities of levels that share many pupils, by label propagation (Raghavan, Albert and Kumara 2007,
doi 10.1103/PhysRevE.76.036106), then one end of every tie between two communities, the level with most
ties first.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

ROUNDS = 30  # of label propagation; more change little
DENSE = 0.1  # share of all pairs of vertices that are tied: nothing falls apart there
SMALL_ENOUGH = 300  # columns that are factored as one block without a thought
WORTH_A_BORDER = 0.5  # of the multiplications that one block would need


def dissect(graph: sparse.csr_array, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Separating vertices, and the block of each other vertex, where that saves work.

    Parameters
    ----------
    graph : csr_array, shape (v, v)
        How much two vertices share; symmetric.
    sizes : ndarray of int, shape (v,)
        Columns of each vertex.

    Returns
    -------
    (separating, block) or None
        A mask, and the number of the block, -1 for separating vertices; None where doing without is as
        good.

    Examples
    --------
    >>> ties = np.kron(np.eye(200), np.ones((3, 3)))  # 200 communities of three ...
    >>> end, start = np.arange(2, 599, 3), np.arange(3, 600, 3)
    >>> ties[end, start] = ties[start, end] = 0.5  # ... each weakly tied to the next
    >>> separating, block = dissect(sparse.csr_array(ties), np.ones(600, dtype=int))
    >>> int(separating.sum()) < 200, int(np.bincount(block[~separating]).max()) <= 3
    (True, True)
    """
    if sizes.sum() <= SMALL_ENOUGH or graph.nnz > DENSE * len(sizes) ** 2:
        return None
    separating = _cover(graph, _communities(graph))
    left = np.flatnonzero(~separating)
    if not separating.any() or not len(left):
        return None
    _, found = connected_components(graph[left][:, left], directed=False)
    block = np.full(len(sizes), -1)
    block[left] = found
    q = np.bincount(found, sizes[left])  # columns of each block
    border = float(sizes[separating].sum())
    work = border**3 + q.sum() * border**2 + (q**3).sum()
    _, component = connected_components(graph, directed=False)
    if work > WORTH_A_BORDER * (np.bincount(component, sizes) ** 3).sum():
        return None
    return separating, block


def _communities(graph: sparse.csr_array) -> np.ndarray:
    """Every vertex takes, in turn, the label that it shares most with."""
    n = graph.shape[0]
    vertex = np.arange(n)
    shared = sparse.lil_array(graph)
    shared.setdiag(0)
    shared = sparse.csr_array(shared)
    # its own label weighs as much as the closest neighbour: else two of them swap for ever
    shared = sparse.csr_array(
        shared + sparse.diags_array(shared.max(axis=1).toarray().ravel().astype(float))
    )
    labels = vertex
    for turn in range(ROUNDS):
        member = sparse.csr_array((np.ones(n), (vertex, labels)), (n, n))
        total = sparse.csr_array(shared @ member)
        row = np.repeat(vertex, np.diff(total.indptr))
        order = np.lexsort((total.indices, -total.data, row))
        some = np.diff(total.indptr) > 0
        best = labels.copy()
        best[some] = total.indices[order[total.indptr[:-1][some]]]
        if turn and (best == labels).all():
            break
        labels = np.where((vertex + turn) % 2 == 0, best, labels)
    return labels


def _cover(graph: sparse.csr_array, labels: np.ndarray) -> np.ndarray:
    """A mask of vertices that hold one end of every edge between two labels, greedily."""
    edges = sparse.coo_array(graph)
    row, column = edges.coords
    between = labels[row] != labels[column]
    ties = sparse.csr_array((np.ones(between.sum()), (row[between], column[between])), graph.shape)
    open_ties = np.diff(ties.indptr)
    chosen = np.zeros(graph.shape[0], dtype=bool)
    while open_ties.max(initial=0) > 0:
        vertex = int(open_ties.argmax())
        chosen[vertex] = True
        open_ties[ties.indices[ties.indptr[vertex] : ties.indptr[vertex + 1]]] -= 1
        open_ties[chosen] = 0
    return chosen
