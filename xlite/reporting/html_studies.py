"""The report's sections on studies: the path taken, who reached what, and who decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xlite.reporting.begun_studies import StudyFiles, find_studies
from xlite.reporting.html_comparison import show_comparison
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Facts,
    Heading,
    Outline,
    OutlineItem,
    Paragraph,
    Section,
    Table,
    Tone,
    VerdictBox,
    absent_section,
    bracket,
    number,
    plain,
)
from xlite.reporting.html_search import describe_search, title_of
from xlite.reporting.verdict_blocks import show_verdict
from xlite.results.comparison import Comparison
from xlite.results.study import NodeState, Study, StudyExperiment, TreeNode

_RUN = "xlite study run PLAN.toml"
_TONES: Mapping[NodeState, Tone] = {
    "finished": "good",
    "decided": "good",
    "failed": "bad",
    "running": "mixed",
    "open": "mixed",
}
_PROSE = ("choice", "why", "saw entries")
_FAINT: tuple[NodeState, ...] = ("waiting", "not taken")
_KINDS = {"rule": "rule ", "question": "question "}


def describe_begun_studies(experiments_dir: Path) -> list[Section]:
    """A section a study, in the order in which they began; one that says so where there is none."""
    found, faults = find_studies(experiments_dir)
    sections = [
        _describe(files, key=f"study-{place}") for place, files in enumerate(found.values(), 1)
    ]
    warnings = [Paragraph(fault, is_warning=True) for fault in faults]
    if warnings:
        sections.append(Section("studies", "Studies that can't be read", warnings))
    return sections or [absent_section("study", "Study", "No study was begun.", _RUN)]


def _describe(files: StudyFiles, *, key: str) -> Section:
    study = files.study
    blocks: list[Block] = [Paragraph(study.question)] if study.question else []
    blocks += [describe_outcome(study)]
    blocks += [Paragraph(f"Waits for a person: {text}") for text in study.questions]
    blocks += [
        Facts(
            {
                "State": study.state,
                "Begun": study.begun[:16].replace("T", " "),
                "Last entry": study.updated[:16].replace("T", " "),
                "Entries in the ledger": f"{study.entries:,}",
                **{f"Written: {action}": path for action, path in study.files.items()},
            }
        ),
        Heading("The path taken"),
        Outline(nest(study.tree)),
    ]
    if study.experiments:
        blocks += [Heading("Experiments against their criteria"), _tabulate(study)]
        blocks += _describe_failures(study)
    blocks += _describe_judgement(files)
    for search in study.searches:
        blocks += describe_search(search)
    if study.decisions:
        blocks += [Heading("Who decided what, and why"), _tabulate_decisions(study)]
    if files.look is not None:
        blocks.append(
            Paragraph(
                f"The sealed test part was looked at for the winner, {files.look.winner}; what it "
                "showed is in the study's model card, since nothing here may be chosen by it."
            )
        )
    return Section(key, f"Study: {study.name}", blocks)


def describe_outcome(study: Study) -> VerdictBox:
    """What came of a study, and by what rule."""
    word, subject = study.state.upper(), ""
    reason = "the winner is decided when all else has ended."
    if study.state == "ended":
        reason = "the plan looks for no winner: it has no [finally]."
    tone: Tone = "mixed" if study.state == "waiting" else "open"
    if study.has_winner:
        word, tone, reason = "WINNER", "good", f"{study.why}."
        subject = study.winner or ""
    if study.is_unimproved:
        word, tone = "NO IMPROVEMENT", "open"
        subject = f"the baseline {study.winner} stays" if study.winner else "nothing won"
    return VerdictBox(
        subject=subject,
        word=word,
        tone=tone,
        reason=reason[:1].upper() + reason[1:],
        rule=f"the last answer that names a winner; without one the best {study.score} among those "
        "that have reached their minimum.",
    )


def nest(nodes: Sequence[TreeNode]) -> list[OutlineItem]:
    """The lines of a tree, each with those that hang on it."""
    items: list[OutlineItem] = []
    place = 0
    while place < len(nodes):
        end = place + 1
        while end < len(nodes) and nodes[end].depth > nodes[place].depth:
            end += 1
        items.append(_describe_node(nodes[place], nest(nodes[place + 1 : end])))
        place = end
    return items


def _describe_node(node: TreeNode, items: Sequence[OutlineItem]) -> OutlineItem:
    branch = f"{node.branch} → " if node.branch else ""
    name = node.title if node.kind == "end" else f"{_KINDS.get(node.kind, '')}{node.id}"
    name = title_of(node.id) if node.kind == "phase" else name
    title = f": {node.title}" if node.title and node.kind != "end" else ""
    return OutlineItem(
        word=node.state,
        tone="faint" if node.state in _FAINT else _TONES.get(node.state, "open"),
        title=f"{branch}{name}{title}",
        text=node.outcome,
        items=items,
    )


def _tabulate(study: Study) -> Table:
    titles = ("score", "value", "interval", "minimum", "target", "stretch")
    more = ("expected", "reached", "runs", "failed", "minutes")
    texts = {"score", "reached", "expected"}
    return Table(
        caption="Means over the runs that finished; 95 % intervals, patients are the unit. What is "
        "held against the criteria is the score, or, where the plan says so, the lower bound. "
        "Marked: below its minimum, or not as expected.",
        columns=[
            Column(title="experiment", is_number=False),
            *(Column(title=title, is_number=title not in texts) for title in (*titles, *more)),
        ],
        rows=[_describe_row(one) for one in study.experiments],
    )


def _describe_row(one: StudyExperiment) -> list[Cell]:
    on = "" if one.on == "point" else " (lower bound)"
    expected = "–" if one.expected is None else "{:g} to {:g}".format(*one.expected)
    reached = {"none": "nothing", None: "–"}.get(one.reached, str(one.reached))
    return [
        Cell(f"{one.id}: {one.title}" if one.title else one.id),
        Cell(f"{one.score}{on}"),
        number(one.result.point),
        bracket(one.result.low, one.result.high),
        *(number(value) for value in (one.minimum, one.target, one.stretch)),
        Cell(expected, is_marked=one.is_as_expected is False),
        Cell(reached if one.runs else one.state, is_marked=one.reached == "none"),
        number(len(one.runs), 0),
        number(len(one.failures), 0),
        number(one.seconds / 60, 1),
    ]


def _describe_failures(study: Study) -> list[Block]:
    return [
        Paragraph(f"Failed: {one.id}, {text}", is_warning=True)
        for one in study.experiments
        for text in one.failures
    ]


def _describe_judgement(files: StudyFiles) -> list[Block]:
    blocks: list[Block] = []
    if files.verdicts is not None:
        baseline, rule = files.verdicts.baseline, files.verdicts.rule
        blocks.append(Heading(f"Against the baseline {baseline}"))
        blocks += [
            show_verdict(f"{name} instead of {baseline}", verdict, rule)
            for name, verdict in files.verdicts.verdicts.items()
        ]
    if files.comparison is not None:
        blocks += _describe_comparison(files.comparison, "All against each other")
    for name, comparison in files.elsewhere.items():
        blocks += _describe_comparison(comparison, f"All against each other on {name}")
    return blocks


def _describe_comparison(comparison: Comparison, title: str) -> list[Block]:
    blocks: list[Block] = [Heading(title)]
    num_judged, num_labels = len(comparison.macro_labels), len(comparison.labels)
    if num_judged < num_labels:
        blocks.append(
            Paragraph(
                f"Means here are over the {num_judged} of {num_labels} labels that enough patients "
                "have to compare by; those above are over all."
            )
        )
    return [*blocks, *show_comparison(comparison)]


def _tabulate_decisions(study: Study) -> Table:
    columns = ("what", "who", "when (UTC)", "choice", "why", "saw entries")
    return Table(
        caption="Decisions of rules, answers of people and changes of the plan, as the ledger has "
        "them; those about single trials are left out.",
        columns=[
            Column(title=title, is_number=False, is_prose=title in _PROSE) for title in columns
        ],
        rows=[
            plain(
                one.subject,
                one.who,
                one.at[:16].replace("T", " "),
                one.choice,
                one.why,
                ", ".join(map(str, one.saw)) or "–",
            )
            for one in study.decisions
        ],
    )
