"""What the notes of a fit say of its search: that it did not converge, that it is singular, or not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from course.common.wording import listing, words
from course.design.design import Design
from course.design.identification import RESIDUAL, Covariance
from course.design.notes import overlapping_terms
from course.solver.edges import on_the_edge, relative_covariances, without_units
from course.solver.estimates import Estimates
from course.solver.generalised import GeneralisedEstimates
from course.solver.parameters import unknown_parameters

MOST_SUMS = 6


def fit_notes(design: Design, estimates: Estimates) -> list[str]:
    """What a reader must know of this fit before reading its numbers."""
    unknown = _unknown_parts(design, estimates.reml, estimates.covariances, estimates.sigma2)
    return _search_notes(design, estimates) + unknown


def pooled_notes(
    fits: Sequence[tuple[Design, Estimates]],
    names: Sequence[str],
    covariances: Sequence[np.ndarray],
    sigma2: float,
    averaged: Sequence[str],
) -> list[str]:
    """What a reader must know of several fits of one model, and of what was pooled.

    Parameters
    ----------
    fits : sequence of (Design, Estimates)
    names : sequence of str
        What each of them is a fit to.
    covariances : sequence of ndarray
        For each grouping the pooled covariance matrix of its effects.
    sigma2 : float
    averaged : sequence of str
        The random terms whose covariance matrices were averaged as they are.
    """
    said: dict[str, list[str]] = {}
    for (design, estimates), name in zip(fits, names, strict=True):
        for note in _search_notes(design, estimates):
            said.setdefault(note, []).append(name)
    notes = [
        f"In {len(where)} of {len(fits)} fits ({listing(where)}): {note}"
        for note, where in said.items()
    ]
    if averaged:
        notes.append(
            f"The covariance matrices of {listing(averaged)} were averaged as they are, and not as "
            "logarithms of SDs and Fisher's z of correlations: an SD of 0 and a correlation of 1 have none, "
            "or the pooled correlations would be those of no effects."
        )
    design, estimates = fits[0]
    return notes + _unknown_parts(design, estimates.reml, covariances, sigma2)


def _search_notes(design: Design, estimates: Estimates) -> list[str]:
    """That the search did not converge, or ended where a variance is 0."""
    notes = []
    if not estimates.converged:
        notes.append(
            "The search did not end on a checked optimum (largest gradient "
            f"{estimates.gradient:.2g}). Do not report these numbers; simplify the random part or "
            "look at the scale of the predictors."
        )
    if estimates.singular:
        at_the_edge = []
        relative = relative_covariances(design, estimates)
        for parameter, value in without_units(design, relative):
            if on_the_edge(parameter, value):
                effects, group = " and ".join(parameter.effects), parameter.group
                at_the_edge.append(
                    f"the variance of {effects} by {group} is estimated at 0"
                    if parameter.kind == "sd"
                    else f"the correlation of {effects} by {group} is estimated at {value:+.0f}"
                )
        what = "; ".join(at_the_edge) or "some combination of effects is estimated not to vary"
        notes.append(
            f"Singular fit: {what}. This is an answer and not a failure: the data show no more "
            "variation there than chance would make. It does not prove that there is none. Report it; if you "
            "leave out that part of the random effects, say so, and check that the other estimates stay."
        )
    return notes


def generalised_notes(design: Design, estimates: GeneralisedEstimates) -> list[str]:
    """The same of a generalised model, whose likelihood may have no highest point."""
    if not estimates.runaway:
        return fit_notes(design, estimates)
    grow = "grows" if len(estimates.runaway) == 1 else "grow"
    told = (
        f"{listing([str(parameter) for parameter in estimates.runaway])} {grow} without end: the likelihood "
        "gets flat and has no highest point, and what is shown is where the search stopped. This happens "
        "where a predictor, or the groups, separate the rows that count from the others (a level in which "
        "nobody passed, say). Do not report it; join such levels, or leave the term out."
    )
    return [told, *fit_notes(design, replace(estimates, converged=True))]


def _unknown_parts(
    design: Design, reml: bool, covariances: Sequence[np.ndarray], sigma2: float
) -> list[str]:
    """What is in the table and not known, and the sums that are."""
    notes = unseen_by_reml(design) if reml else []
    sums = [
        _sum(design, covariances, sigma2, known)
        for shared in design.shared(reml)
        for known in shared.known
    ]
    if unknown_parameters(design, reml):
        more = [f"{len(sums) - MOST_SUMS} more such sums"] if len(sums) > MOST_SUMS else []
        known = f" Known are {listing([*sums[:MOST_SUMS], *more])}." if sums else ""
        notes.append(
            "What is marked ? is not known for itself: other values fit equally well, and those shown "
            f"are where the search ended.{known}"
        )
    return notes


def unseen_by_reml(design: Design) -> list[str]:
    """A random effect of each group beside a fixed effect of each group."""
    by_ml = {shared.pivots for shared in design.shared_by_ml}
    notes = []
    for shared in design.shared_by_reml:
        if shared.pivots not in by_ml:
            terms = listing(overlapping_terms(design, shared))
            sees = "only sums of their variances" if shared.known else "nothing of their variance"
            notes.append(
                f"The fixed part has effects of its own for all that {terms} could tell, so REML sees "
                f"{sees}, and the standard errors of these fixed effects are not known either. Leave the "
                "term out, or its groups out of the fixed part."
            )
    return notes


def _sum(
    design: Design,
    covariances: Sequence[np.ndarray],
    sigma2: float,
    known: dict[Covariance, float],
) -> str:
    """``var(Intercept | g) + var(x | g) = 3.21``"""
    text, value = "", 0.0
    what_is_added_first = sorted(known.items(), key=lambda item: item[1] < 0)
    for one, weight in what_is_added_first:
        if one == RESIDUAL:
            name, size = "var(Residual)", sigma2
        else:
            g, i, j = one
            labels, group = design.groupings[g].labels, design.groupings[g].name
            name = (
                f"var({labels[i]} | {group})"
                if i == j
                else f"cov({labels[i]}, {labels[j]} | {group})"
            )
            size = float(covariances[g][i, j])
        value += weight * size
        factor = "" if round(abs(weight), 8) == 1 else f"{words(abs(weight))} "
        sign = " - " if weight < 0 else " + " if text else ""
        text += f"{sign}{factor}{name}"
    return f"{text} = {words(value)}"
