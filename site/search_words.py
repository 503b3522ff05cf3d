"""Words that readers search for, and the pages that are meant: shown above what Sphinx's search finds."""

import json
from collections.abc import Mapping

# Other spellings and short names, by the term of the glossary that they mean, as links name it.
SAME = {
    "intraclass-correlation": ["icc", "vpc", "intra-class"],
    "shrinkage": ["shrink", "shrunk", "shrunken"],
    "centring": ["centering", "center", "centre", "grand-mean", "group-mean", "within between"],
    "Kenward-Roger": ["kr", "kenward", "roger"],
    "Satterthwaite": ["lmertest", "degrees of freedom"],
    "random-slope": ["random slopes", "varying slope"],
    "random-intercept": ["random intercepts", "varying intercept"],
    "BLUP": ["blups", "ranef", "conditional mode", "empirical bayes"],
}
# And what is no term: words, the title to show and the page.
PAGES = [
    ("lmer lme4 r nlme", "Phrasebook: R’s lme4 in Python", "notebooks/phrasebook"),
    (
        "glmer glmm logistic binomial poisson logit odds yes/no count counts",
        "12 Yes or no, and how many",
        "notebooks/12-yes-no-and-how-many",
    ),
    ("icc vpc", "06 Interpretation", "notebooks/06-interpretation"),
    ("shrinkage shrink blup blups", "02 Random intercepts", "notebooks/02-random-intercepts"),
    ("slope slopes", "03 Random slopes", "notebooks/03-random-slopes"),
    ("nested crossed nesting", "04 Nested and crossed", "notebooks/04-nested-and-crossed"),
    ("kr df satterthwaite kenward-roger p-value", "07 Inference", "notebooks/07-inference"),
    (
        "singular convergence converged",
        "08 When the fit complains",
        "notebooks/08-when-the-fit-complains",
    ),
    ("power sample", "09 Planning a study", "notebooks/09-planning-a-study"),
    (
        "pisa weights plausible sav spss",
        "13 A national assessment",
        "notebooks/13-national-assessment",
    ),
    (
        "install installation pip conda windows binder download setup set-up",
        "Get the course",
        "set-up",
    ),
    (
        "excel csv spss stata sas xlsx own data",
        "Bring your own data",
        "notebooks/bring-your-own-data",
    ),
    ("cite citation bibtex doi", "How to cite", "cite"),
    ("cheat cheatsheet summary overview", "Cheat sheet", "cheat-sheet"),
]


def search_words(terms: Mapping[str, str]) -> str:
    """JavaScript with the list ``[words, title, address]``.

    Parameters
    ----------
    terms : mapping of str to str
        The terms of the glossary, as links name them, with their explanations.
    """
    found: list[list] = []
    for anchor in terms:
        words = [anchor.lower().replace("-", " "), *SAME.get(anchor, [])]
        title = f"Glossary: {anchor.replace('-', ' ')}"
        found.append([words, title, f"notebooks/glossary.html#{anchor}"])
    for words, title, page in PAGES:
        found.append([words.split(), title, f"{page}.html"])
    return f"const SEARCH_WORDS = {json.dumps(found, ensure_ascii=False)};\n"
