"""A study of a plan as an entry of the experiment log."""

from __future__ import annotations

import os
from pathlib import Path

from xlite.console import decimal
from xlite.reporting.begun_studies import StudyFiles
from xlite.reporting.log_markdown import FINISHED, LogEntry, escape, markdown_table
from xlite.reporting.reproduction import paste_command
from xlite.reporting.search_figures import short_number
from xlite.results.study import Search, Study, StudyExperiment, StudyScore


def describe_begun_study(files: StudyFiles, *, folder: Path, log_dir: Path) -> LogEntry:
    """The study's entry of the log, which is brought up to date as the study goes on.

    folder: the study's, which the log names from log_dir.
    """
    study = files.study
    place = Path(os.path.relpath(folder, log_dir)).as_posix()
    return LogEntry(
        kind="study",
        source=folder.name,
        finished=study.updated,
        title=f"study {study.name}",
        objective=study.question or "what the plan asks",
        key_result=_describe_result(study),
        decision=_describe_decision(study),
        facts=_list_facts(files, place),
        tables=_list_tables(study),
        status=FINISHED if study.state == "ended" else study.state,
        command_note="The plan is in its folder, plan.toml. To go on with it, on any machine that "
        "sees the folder:",
        command=paste_command(["xlite", "study", "work", place], log_dir.absolute()),
    )


def _describe_result(study: Study) -> str:
    scores = study.scores_of(study.winner)
    shown = [f"{name} {_show(score)}" for name, score in scores.items() if name == study.score]
    if study.winner is not None:
        return f"{study.winner}: {', '.join(shown) or 'no score'}"
    ended = sum(one.state in ("finished", "failed") for one in study.experiments)
    return f"{ended} of {len(study.experiments)} experiments have ended"


def _describe_decision(study: Study) -> str:
    if study.is_unimproved:
        return f"no improvement; the baseline {study.baseline} stays"
    return f"winner: {study.winner}" if study.winner else ""


def _list_facts(files: StudyFiles, place: str) -> list[str]:
    study = files.study
    facts = [f"Folder: {place}; {study.entries:,} entries in its ledger"]
    facts += [f"Waits for a person: {question}" for question in study.questions]
    if study.has_winner:
        facts.append(f"Why: {study.why}")
    facts += [f"Failed: {one.id}, {text}" for one in study.experiments for text in one.failures]
    facts += [fact for search in study.searches for fact in _describe_search(search)]
    if files.verdicts is not None:
        facts += [
            f"Verdict on {name} instead of {files.verdicts.baseline}: {verdict.decision}. "
            + " ".join(verdict.sentences)
            for name, verdict in files.verdicts.verdicts.items()
        ]
    if files.look is not None:
        scores = ", ".join(f"{name} {_show(score)}" for name, score in files.look.scores.items())
        facts.append(f"One look at the sealed test part, of {files.look.winner}: {scores}")
    facts += [f"Written by {action}: {path}" for action, path in study.files.items()]
    return facts


def _describe_search(search: Search) -> list[str]:
    if not search.trials:
        return []
    text = f"Search {search.id} ({search.method}): {len(search.trials)} trials"
    best = next((one for one in search.trials if one.number == search.best), None)
    if best is not None:
        settings = ", ".join(f"{name} = {_short(value)}" for name, value in best.settings.items())
        text += f"; the best is {best.number} ({settings}): {search.score} {decimal(best.score)}"
    if search.optimism is not None:
        text += f", about {search.optimism:.3f} too good for being the best of so many"
    if search.kept:
        text += f"; handed on: {search.kept}"
    known = {name: value for name, value in search.importance.items() if value is not None}
    if known:
        ranked = sorted(known.items(), key=lambda item: -item[1])
        text += "; importance: " + ", ".join(f"{name} {value:.2f}" for name, value in ranked)
    return [text]


def _list_tables(study: Study) -> list[str]:
    tables = ["The path taken:", draw_outline(study)]
    if study.experiments:
        columns = ["experiment", "score", "value", "minimum", "target", "stretch", "reached"]
        tables.append("Experiments against their criteria:")
        tables.append(
            markdown_table(
                [*columns, "runs", "failed"], [_describe_row(one) for one in study.experiments]
            )
        )
    if study.decisions:
        tables.append("Who decided what, and why:")
        tables.append(
            markdown_table(
                ["what", "who", "when", "choice", "why"],
                [
                    [one.subject, one.who, one.at[:16], one.choice, one.why]
                    for one in study.decisions
                ],
            )
        )
    return tables


def draw_outline(study: Study) -> str:
    """The tree as a nested list of Markdown."""
    lines = []
    for node in study.tree:
        branch = f"{escape(node.branch)} → " if node.branch else ""
        name = "" if node.kind == "end" else f"{escape(node.id)}{': ' if node.title else ''}"
        outcome = f". {escape(node.outcome)}" if node.outcome else ""
        indent = "  " * node.depth
        lines.append(f"{indent}- {branch}{name}{escape(node.title)} ({node.state}){outcome}")
    return "\n".join(lines)


def _describe_row(one: StudyExperiment) -> list[object]:
    on = "" if one.on == "point" else f" ({one.on})"
    limits = (one.minimum, one.target, one.stretch)
    return [
        one.id,
        one.score + on,
        _show(one.result),
        *("–" if limit is None else f"{limit:g}" for limit in limits),
        {"none": "nothing", None: "–"}.get(one.reached, one.reached),
        len(one.runs),
        len(one.failures),
    ]


def _show(score: StudyScore) -> str:
    if score.low is None or score.high is None:
        return decimal(score.point)
    return f"{decimal(score.point)} ({decimal(score.low)} to {decimal(score.high)})"


def _short(value: object) -> str:
    return short_number(value) if isinstance(value, float) else str(value)
