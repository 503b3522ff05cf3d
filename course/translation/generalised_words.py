"""A generalised model in words and as an equation, and what statsmodels' two models make of it."""

from __future__ import annotations

from course.common.wording import listing
from course.design.design import Design
from course.translation.equation import aligned, effects, upright
from course.translation.generalised_arguments import FEW_CLUSTERS, BayesCall, GeeCall
from course.translation.outcome import FAMILIES, LINKS, Outcome
from course.translation.words import sentences_of_effects

MANY_CELLS = 2**28  # of the matrix of the Bayesian model: 2 GB
FE_P, VCP_P = 10, 1  # the SDs of the priors that the program takes; statsmodels' own are 2 and 1


def sentences(design: Design, outcome: Outcome) -> list[str]:
    """The family, one sentence for the fixed part, and one for each term."""
    total = f"{LINKS[outcome.link].of} {outcome.mean}"
    if outcome.family == "poisson":
        law = (
            f"Response: {outcome.counted} is a count, and its variance is its mean (Poisson) once all "
            "effects are given."
        )
    else:
        tries = f"a count out of {outcome.trials}" if outcome.trials else "yes or no"
        law = f"Response: {outcome.counted} is {tries}, and rows are independent once all effects are given."
    return [
        f"{law} Effects add up on the scale of the link.",
        *sentences_of_effects(design, total),
        "Residual: there is none; the mean says how much the response varies. Effects of different "
        "groupings are independent of each other.",
    ]


def latex(design: Design, outcome: Outcome) -> str:
    """The model as an aligned equation, without dollar signs."""
    words = FAMILIES[outcome.family]
    trials = f"{upright(outcome.trials)}_i" if outcome.trials else "1"
    total, distributions = effects(design)
    return aligned(
        rf"{upright(outcome.counted)}_i &\sim {words.law.format(trials=trials)}",
        rf"{LINKS[outcome.link].latex.format(words.parameter)} &= {total}",
        *distributions,
    )


def bayes_in_words(outcome: Outcome, call: BayesCall) -> list[str]:
    """What the Bayesian mixed GLM is told, and what its priors do."""
    name = FAMILIES[outcome.family].bayes
    lines = [f"{name}.from_formula({call.fixed_formula!r}, vc_formulas, data)"]
    lines += [
        f"vc_formulas[{c.name!r}] = {c.formula!r}: one variance, independent of all others"
        for c in call.components
    ]
    lines += [
        f"fe_p={FE_P}: before the data are seen the intercept, and each coefficient per SD of its "
        f"predictor, is normal with mean 0 and SD {FE_P}. That leaves them nearly alone; statsmodels' own "
        "fe_p=2 pulls large ones to 0.",
        f"vcp_p={VCP_P}: the logarithm of each SD of random effects is normal with mean 0 and SD {VCP_P}, so "
        "that SDs from 0.14 to 7.1 are expected. No SD comes out as 0, and the fewer and smaller the groups, "
        "the more an SD is pulled towards 1.",
        "fit_vb() gives estimates that one can use, and SDs that are too small: no intervals.",
    ]
    if call.cells > MANY_CELLS:
        lines.append(
            f"It keeps a column for each level of every grouping, {8 * call.cells / 1e9:.0f} GB here: that "
            "may be more than this machine has."
        )
    return [*lines, *call.gaps]


def gee_in_words(outcome: Outcome, call: GeeCall) -> list[str]:
    """What GEE is told, and which question it answers."""
    words = FAMILIES[outcome.family]
    averaged = words.averaged.format(counted=outcome.counted, groups=call.groups)
    nearer = (
        "but for the intercept they are those of the mixed model wherever no slope varies."
        if outcome.link == "log"
        else "they are nearer to 0 than those of the mixed model, which compare rows of the same groups."
    )
    lines = [
        f"smf.gee({call.fixed_formula!r}, {call.groups!r}, data): population-averaged effects, "
        f"{averaged}; {nearer} No variances are estimated, and no group has its own effect.",
        f"groups={call.groups!r}: rows of different levels of {call.groups} are independent of "
        "each other, and those of the same one may be alike in any way. Exchangeable() is a first "
        "guess of how; the standard errors hold where it is wrong.",
    ]
    if call.ignored:
        lines.append(
            f"{listing(call.ignored)}: GEE takes rows of different levels of {call.groups} to be "
            f"independent, although they share levels of {listing(call.ignored)}; standard errors are "
            "too small for what differs between these."
        )
    if call.n_clusters < FEW_CLUSTERS:
        lines.append(
            f"{call.n_clusters} clusters are few for standard errors of this kind: the program takes those "
            'of cov_type="bias_reduced".'
        )
    return lines
