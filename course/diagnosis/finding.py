"""Findings about a fit, and how they print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course.common.page import Section, as_html, as_text, bold, code, paragraph, plain, wrapped

WIDTH = 92
SEVERITIES = ("problem", "caution", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that stands out.

    Attributes
    ----------
    title : str
        A line.
    seen : str
        What was seen, with numbers.
    why : str
        Why it matters.
    do : str
        What to do.
    report : str
        What to say of it in a report.
    severity : "problem", "caution" or "note"
        Do not use the numbers before this is settled; read them with care; good to know.

    See Also
    --------
    course.diagnose : Looks for what stands out.
    Diagnosis : Holds the findings of a fit.

    Examples
    --------
    >>> finding = Finding(
    ...     title="Few groups", seen="5 schools.", why="Variances are vague.", do="Get more.",
    ...     report="There were 5 schools.", severity="caution",
    ... )
    >>> finding.severity
    'caution'
    """

    title: str
    seen: str
    why: str
    do: str
    report: str
    severity: str


@dataclass(frozen=True)
class Diagnosis:
    """Findings, the gravest first; prints as text, shows as HTML, and can be looped over.

    Attributes
    ----------
    formula : str
        That of the fit.
    findings : tuple of Finding
        The gravest first.
    looked_at : tuple of str
        What was looked at, found or not.
    left_out : tuple of str
        What was not looked at, and why.

    See Also
    --------
    course.diagnose : Makes it.
    course.report : The fit itself in sentences.

    Examples
    --------
    >>> from course import diagnose, load, mixedlm
    >>> found = diagnose(mixedlm("test_score ~ age + (1|school)", load("pupils")).fit(), solvers=False)
    >>> len(found.findings), found.left_out
    (0, ('a second solver (solvers=False)',))
    """

    formula: str
    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...]
    left_out: tuple[str, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __bool__(self) -> bool:
        """Whether anything stands out."""
        return bool(self.findings)

    def heading(self) -> str:
        """How many findings, in words."""
        if not self.findings:
            return "Nothing stands out."
        grave = {s: sum(f.severity == s for f in self.findings) for s in SEVERITIES}
        counts = [f"{n} {s}{'s' if n > 1 else ''}" for s, n in grave.items() if n]
        return f"What stands out: {', '.join(counts)}."

    def closing(self) -> list[str]:
        """What was looked at, and what was not."""
        lines = [f"Looked at: {', '.join(self.looked_at)}."]
        return lines + [f"Not looked at: {reason}." for reason in self.left_out]

    def __str__(self) -> str:
        heading = f"Diagnosis of {self.formula}\n{self.heading()}"
        closing = "\n".join(wrapped(line, WIDTH, later="  ") for line in self.closing())
        return as_text([heading, *map(_section, self.findings), closing], WIDTH)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heading = paragraph(code(self.formula), bold(self.heading()))
        closing = paragraph(*map(plain, self.closing()))
        return as_html([heading, *map(_section, self.findings), closing])


def _section(finding: Finding) -> Section:
    items = [
        ("Seen", finding.seen),
        ("Why it matters", finding.why),
        ("What to do", finding.do),
        ("Report", finding.report),
    ]
    return Section(finding.title, items, aside=f"({finding.severity})")
