"""What public functions return, and what these results hold: learners meet these without naming them."""

RESULTS = [
    "course.data.proposal.Proposal",
    "course.data.structure.Structure",
    "course.diagnosis.finding.Diagnosis",
    "course.diagnosis.finding.Finding",
    "course.fit.agreement.Check",
    "course.fit.generalised_summary.GeneralisedSummary",
    "course.fit.summary.Summary",
    "course.inference.bootstrap.Bootstrap",
    "course.inference.profile.Profile",
    "course.simulate.schools.Simulation",
    "course.simulate.truth.Truth",
    "course.studies.power.Power",
    "course.studies.recovery.Recovery",
    "course.translation.generalised.GeneralisedTranslation",
    "course.translation.translate.Translation",
]
