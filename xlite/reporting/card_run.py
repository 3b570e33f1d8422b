"""What a card says of one run: its model, its data and their split, and how it was trained."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from xlite.places import SPLIT_RECORD
from xlite.reporting.log_markdown import escape, join_command, markdown_table
from xlite.reporting.log_runs import (
    describe_environment,
    describe_preprocessing,
)
from xlite.reporting.reproduction import list_train_words
from xlite.results.split import SplitRecord
from xlite.run_folder.combined_runs import CombinedRuns
from xlite.run_folder.folder import RunFolder
from xlite.scores.class_scores import FEW_POSITIVES

RESEARCH_ONLY = (
    "Research on multi-label classification of frontal chest radiographs that are prepared as "
    "below. It gives a probability for each label on its own. It is no medical device, has not "
    "been tried beside radiologists, and must not decide on the care of anybody."
)
NO_LICENCE = "No licence is stated: that is for whoever publishes it."


def make_section(title: str, parts: Sequence[str]) -> list[str]:
    """The lines of a section: its heading, and its parts with an empty line after each."""
    return [f"## {title}", "", *(line for part in parts for line in (part, ""))]


def list_model_facts(run: RunFolder, *, whose_weights: str) -> str:
    """What the model is, a line each. whose_weights: the sentence on what the weights are of."""
    settings, scores = run.settings, run.require_scores()
    facts = [
        f"- Architecture: `{settings.model}`, {scores.num_parameters:,} parameters",
        f"- Initial weights: {escape(settings.initial_weights)}"
        + (f"; over them {escape(settings.warm_start)}" if settings.warm_start else ""),
        f"- Outputs, in this order: {', '.join(map(escape, run.labels))}",
        f"- Weights: {whose_weights}",
    ]
    if run.preprocessing is not None:
        facts.append(f"- Images: {describe_preprocessing(run.preprocessing)}")
    return "\n".join(facts)


def describe_data(run: RunFolder) -> Iterator[str]:
    """The parts of the split, their positives, and what leaks between them; Markdown each."""
    data = run.data
    record = read_split_record(data.split_dir)
    rows = []
    for part, count in data.images.items():
        held = record.parts.get(part) if record else None
        rows.append([part, f"{count:,}", f"{held.patients:,}" if held else "not known"])
    yield markdown_table(["part", "images", "patients"], rows)
    if record is None:
        yield (
            f"The split's record, {SPLIT_RECORD}, is not where the run found it, so patients are "
            "not known here; the SHA-256 of its tables are in the run's config.json."
        )
        return
    source = f"Label table: {escape(record.source)}. " if record.source else ""
    yield (
        f"{source}Split by patient, {escape(record.describe_making())}; {record.patient_overlap} "
        "patients stand on two sides."
    )
    positives = zip(run.labels, data.train_positives, strict=True)
    yield (
        "Positives in training: "
        + ", ".join(f"{escape(label)} {count:,}" for label, count in positives)
        + "."
    )


def list_rare_labels(run: RunFolder) -> list[str]:
    """The labels with too few positives in training to trust what was learned of them."""
    counts = zip(run.labels, run.data.train_positives, strict=True)
    return [label for label, count in counts if count < FEW_POSITIVES]


def read_split_record(split_dir: str | None) -> SplitRecord | None:
    """The record of the split in a folder; None where the folder is not known, or has none."""
    path = Path(split_dir or "") / SPLIT_RECORD
    if split_dir is None or not os.path.lexists(path):
        return None
    return SplitRecord.read(path, remedy="Run `xlite split` again.")


def describe_training(run: RunFolder) -> list[str]:
    """The settings, what it was trained on, and the command that trains it again."""
    changes = run.settings.changes()
    rows = [[name, str(value)] for name, value in changes.items() if name != "seed"]
    parts = [
        "What differs from xlite's defaults:",
        markdown_table(["setting", "value"], rows),
    ]
    if run.sittings:
        parts.append(f"Trained on {escape(describe_environment(run.sittings[-1].environment))}.")
    # Without the folder: a card goes to others, whom this machine's paths are none of.
    command = join_command(list_train_words(run))
    trained, combined = "the run", run.config.combined
    if combined is not None:
        parts.insert(0, _describe_members(combined))
        trained = f"its member {escape(combined.members[0].run)}"
    return [
        *parts,
        f"To train {trained} again, in its project's folder:",
        f"```sh\n{command}\n```",
    ]


def _describe_members(combined: CombinedRuns) -> str:
    names = ", ".join(escape(member.run) for member in combined.members)
    made = {
        "ensemble": "an ensemble of {} runs, the mean of their logits",
        "soup": "a soup of {} runs, the mean of their weights",
    }[combined.kind]
    return (
        f"It is {made.format(len(combined.members))}: {names}. They differ in seed or in the part "
        "of the films that each was trained on, alone."
    )
