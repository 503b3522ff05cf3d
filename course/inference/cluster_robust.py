"""Standard errors of fixed effects that hold where the model's covariances are wrong: cluster-robust ones.

Rows of different clusters are independent; of the rows of one cluster nothing is believed. With e_j the
residuals y - X beta of cluster j, V_j their covariance in the model, and M = (X' V^-1 X)^-1,

    Cov(beta) = sum over j of G_j' e_j e_j' G_j,    G_j = A_j V_j^-1 X_j M.

CR0 has A_j = I (Liang and Zeger 1986, doi 10.1093/biomet/73.1.13), and is too small where clusters are few.
CR2 (Bell and McCaffrey 2002, Survey Methodology 28, 169-181; Pustejovsky and Tipton 2018, doi
10.1080/07350015.2016.1247004) takes the A_j with which it is without bias if the model is right: with
D_j' D_j = V_j,

    A_j = D_j' B_j^(-1/2) D_j,    B_j = D_j (V_j - X_j M X_j') D_j'.

The degrees of freedom of c'beta are those of Satterthwaite, under the model. With g_j = G_j c,

    df = (sum_j P_jj)^2 / sum_ij P_ij^2,    P_ij = [i = j] g_i' V_i g_i - (X_i' g_i)' M (X_j' g_j).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import linalg

from course.common.arguments import choice, unknown
from course.design.columns import factorize
from course.design.design import Design
from course.design.groups import lies_in
from course.errors import CourseError
from course.fit.model import MixedFit
from course.inference.combinations import Combinations

CORRECTIONS = ("CR2", "CR0")
MOST_ROWS = 4000  # of one cluster: matrices of 0.1 GB, some seconds each
LEAST = 1e-10  # of the largest eigenvalue of B: what is less is 0


def robust_coefficients(
    fit: MixedFit, clusters: str | Sequence | pd.Series | np.ndarray, correction: str
) -> Combinations:
    """The fixed effects with cluster-robust standard errors and their degrees of freedom.

    Parameters
    ----------
    fit : MixedFit
    clusters : str, or array-like of shape (nobs,)
    correction : {"CR2", "CR0"}

    Raises
    ------
    CourseError
        For clusters that do not contain the groups of the model, and too few or too large ones.

    Examples
    --------
    >>> from course import load, mixedlm
    >>> fit = mixedlm("normexam ~ standLRT + (1|school)", load("exam")).fit()
    >>> robust_coefficients(fit, "school", "CR2").std_errors.round(4)
    array([0.0405, 0.0193])
    """
    choice("correction", correction, CORRECTIONS)
    design, estimates = fit.design, fit.estimates
    codes = _codes(design, clusters)
    n_clusters = int(codes.max()) + 1
    M = estimates.cov_beta / estimates.sigma2
    scaled = design.scaled
    residual = scaled.y_less_offset - scaled.X @ estimates.beta
    scores = np.empty((n_clusters, len(M)))
    own = np.empty((n_clusters, len(M)))  # g' V g of each coefficient
    XG = np.empty((n_clusters, len(M), len(M)))  # X' g
    order = np.argsort(codes, kind="stable")
    for j, rows in enumerate(np.split(order, np.cumsum(np.bincount(codes))[:-1])):
        X, V = scaled.X[rows], _covariance(fit, rows)
        D = linalg.cholesky(V)
        G = linalg.solve_triangular(D, X @ M, trans="T")
        if correction == "CR2":
            B = D @ (V - X @ M @ X.T) @ D.T
            values, vectors = np.linalg.eigh((B + B.T) / 2)
            kept = values > LEAST * values[-1]
            root = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
            G = D.T @ root @ G
        else:
            G = linalg.solve_triangular(D, G)
        scores[j] = residual[rows] @ G
        own[j] = np.einsum("ic,ij,jc->c", G, V, G)
        XG[j] = X.T @ G
    df = np.empty(len(M))
    for c in range(len(M)):
        P = np.diag(own[:, c]) - XG[:, :, c] @ M @ XG[:, :, c].T
        df[c] = np.trace(P) ** 2 / (P**2).sum()
    return Combinations(estimates.beta, np.sqrt((scores**2).sum(axis=0)), df)


def _covariance(fit: MixedFit, rows: np.ndarray) -> np.ndarray:
    """That of the responses of some rows over sigma^2, each times the root of its weight."""
    V = np.eye(len(rows))
    for grouping, factor in zip(fit.design.scaled.groupings, fit.estimates.factors, strict=True):
        scaled, codes = grouping.Z[rows] @ factor, grouping.codes[rows]
        V += (scaled @ scaled.T) * (codes[:, None] == codes)
    return V


def _codes(design: Design, clusters: str | Sequence | pd.Series | np.ndarray) -> np.ndarray:
    """The number of each row's cluster, checked."""
    by_name = {grouping.name: grouping.codes for grouping in design.groupings}
    if isinstance(clusters, str):
        if clusters not in by_name and clusters not in design.columns:
            mend = unknown(clusters, [*by_name, *design.columns], "group or column in the formula")
            raise CourseError(f'{mend}. For another column pass it: robust=data["{clusters}"]')
        name = clusters
        codes = by_name[name] if name in by_name else factorize(design.columns[name])[0]
    else:
        labels = pd.Series(clusters)
        name = "robust"
        if isinstance(clusters, pd.Series) and labels.index.is_unique:
            name = str(clusters.name)
            labels = labels.reindex(design.index)
        if len(labels) != design.n:
            raise CourseError(
                "robust= takes the name of a group, or a label for each of the "
                f"{design.n:,} rows of the fit; got {len(labels):,}"
            )
        if labels.isna().any():
            raise CourseError(
                f"{name} has no label in {int(labels.isna().sum())} of the rows of the fit: each row "
                "needs its cluster"
            )
        codes = factorize(labels)[0]
    for grouping in design.groupings:
        if not lies_in(grouping.codes, codes):
            raise CourseError(
                f"rows of one {grouping.name} are in several clusters ({name}), so that clusters are not "
                "independent in this model: robust= takes groups that contain all groups of the formula"
            )
    sizes = np.bincount(codes)
    if len(sizes) < 2:
        raise CourseError(f"{name} is one cluster only: robust= needs at least two, better forty")
    if sizes.max() > MOST_ROWS:
        raise CourseError(
            f"a cluster of {name} has {sizes.max():,} rows, and {MOST_ROWS:,} are the most: take smaller "
            "groups, if the model has no effects of larger ones"
        )
    return codes
