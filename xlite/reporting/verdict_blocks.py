"""What the report's sections on judged studies have in common: boxes, chances, paragraphs."""

from __future__ import annotations

from xlite.console import decimal
from xlite.reporting.fold_sentences import describe_fold_tests
from xlite.reporting.html_page import Block, Cell, Paragraph, Tone, VerdictBox
from xlite.results.ablation import Ablation, Change, VariantVerdict
from xlite.results.comparison import Comparison, MethodRow
from xlite.results.fold_tests import FoldTests

VERDICT_TONES: dict[str, Tone] = {
    "ADOPT": "good",
    "REJECT": "bad",
    "TRADE-OFF": "mixed",
    "EQUIVALENT": "even",
    "NON-INFERIOR": "even",
}
"""Of each decision; what has not ended has none of its own and is open."""


def find_tone(decision: str) -> Tone:
    """The tone of a verdict's word."""
    return VERDICT_TONES.get(decision, "open")


def show_verdict(subject: str, verdict: VariantVerdict, rule: str) -> VerdictBox:
    """A verdict with its reasons and the rule that it is by."""
    return VerdictBox(
        subject=subject,
        word=verdict.decision,
        tone=find_tone(verdict.decision),
        reason=" ".join(reason[:1].upper() + reason[1:] for reason in verdict.sentences),
        rule=rule,
    )


def show_chances(found: Change | MethodRow) -> Cell:
    """P worse, equivalent and better in one cell, sorted by the first."""
    worse, equivalent, better = found.p_worse, found.p_equivalent, found.p_better
    if worse is None or worse != worse:
        return Cell("–")
    return Cell(" / ".join(map(decimal, (worse, equivalent, better))), worse)


def describe_selection(study: Ablation | Comparison) -> list[Block]:
    """What the score of the best is worth for having been chosen, and the count of choices."""
    told = [one.sentence for one in (study.winner, study.choices) if one is not None]
    return [Paragraph(f"{sentence}.") for sentence in told]


def describe_folds(tests: FoldTests | None, score: str) -> list[Block]:
    """A paragraph a method: its macro mean over the folds."""
    return [Paragraph(f"{sentence}.") for sentence in describe_fold_tests(tests, score)]
