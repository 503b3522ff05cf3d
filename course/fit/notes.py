"""What the notes of a fit say of its search: that it did not converge, or that the fit is singular."""

from __future__ import annotations

from course.design.design import Design
from course.solver.edges import on_the_edge, relative_covariances, without_units
from course.solver.estimates import Estimates


def fit_notes(design: Design, estimates: Estimates) -> list[str]:
    """What a reader must know of this fit before reading its numbers."""
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
            "variation there than chance would make. It does not prove that there is none; report "
            "it, or leave out that part of the random effects."
        )
    return notes
