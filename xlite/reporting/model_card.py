"""The card of a study's winner: what it is for, what it was made of, what it reaches, and why it.

Markdown with the front matter that Hugging Face reads. Every number comes from the study's folder
and the winner's run folders; what these do not say is said to be missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xlite.console import decimal
from xlite.places import SPLIT_RECORD
from xlite.reporting.begun_studies import StudyFiles
from xlite.reporting.card_results import describe_interval, describe_results, list_scores
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.log_markdown import escape, markdown_table
from xlite.reporting.log_runs import (
    build_train_command,
    describe_environment,
    describe_preprocessing,
)
from xlite.results.selection import ValidationUse
from xlite.results.split import SplitRecord
from xlite.results.study import Study, StudyExperiment
from xlite.run_folder.folder import RunFolder
from xlite.scores.class_scores import FEW_POSITIVES

_INTENDED = (
    "Research on multi-label classification of frontal chest radiographs that are prepared as "
    "below. It gives a probability for each label on its own. It is no medical device: it has not "
    "been tried on patients of another hospital than those of its data, nor beside radiologists, "
    "and must not decide on the care of anybody."
)


def render_card(
    files: StudyFiles,
    runs: Sequence[RunFolder],
    *,
    use: ValidationUse | None = None,
    floor: FlooredRun | None = None,
) -> str:
    """The card as Markdown. runs: the winner's finished ones, first the one whose weights count.

    use: what was chosen by the validation part; None without one. floor: of the first run; None
    where it could not be measured.
    """
    study, first = files.study, runs[0]
    experiment = study.find_experiment(study.winner)
    lines = [
        *_front_matter(files, first),
        f"# {escape(study.name)}: {escape(study.winner)}",
        "",
        *([escape(study.question), ""] if study.question else []),
        *_section("Intended use", [_INTENDED]),
        *_section("Model", _describe_model(first, runs)),
        *_section("Data and split", list(_describe_data(first))),
        *_section("Training settings", _describe_training(first)),
        *_section("Results", list(describe_results(files, first, use, floor))),
        *_section("Comparison", list(_describe_comparison(files))),
        *_section("Who decided what, and why", list(_describe_decisions(study))),
        *_section("Limitations", list(_describe_limitations(files, runs, experiment))),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, parts: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(line for part in parts for line in (part, ""))]


def _front_matter(files: StudyFiles, first: RunFolder) -> list[str]:
    """YAML of which every value is JSON, which is YAML, too."""
    results = [
        {
            "task": {"type": "image-classification", "name": "multi-label classification"},
            "dataset": {"type": "chest-radiographs", "name": f"{name.partition('.')[0]} part"},
            "metrics": [
                {"type": name.partition(".")[2], "name": name, "value": round(score.point, 6)}
            ],
        }
        for name, score in list_scores(files).items()
        if score.point is not None and score.point == score.point
    ]
    values: dict[str, Any] = {
        "pipeline_tag": "image-classification",
        "library_name": "xlite",
        "tags": ["chest-x-ray", "multi-label", "xlite", first.settings.model],
    }
    if results:
        name = f"{files.study.name} {files.study.winner}"
        values["model-index"] = [{"name": name, "results": results}]
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return ["---", *lines, "---", ""]


def _describe_model(first: RunFolder, runs: Sequence[RunFolder]) -> list[str]:
    settings, scores = first.settings, first.require_scores()
    labels = ", ".join(map(escape, first.labels))
    facts = [
        f"- Architecture: `{settings.model}`, {scores.num_parameters:,} parameters",
        f"- Initial weights: {escape(settings.initial_weights)}"
        + (f"; over them {escape(settings.warm_start)}" if settings.warm_start else ""),
        f"- Outputs, in this order: {labels}",
        f"- Weights: of epoch {scores.best_epoch} of the run `{first.name}`, the first of "
        f"{len(runs)} that differ in the seed (or fold) alone. The scores below are means over all "
        "of them, so this file's own may differ.",
    ]
    if first.preprocessing is not None:
        facts.append(f"- Images: {describe_preprocessing(first.preprocessing)}")
    return ["\n".join(facts), "No licence is stated: that is for whoever publishes it."]


def _describe_data(first: RunFolder) -> Iterator[str]:
    data = first.data
    record = _read_split(data.split_dir)
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
    positives = zip(first.labels, data.train_positives, strict=True)
    yield (
        "Positives in training: "
        + ", ".join(f"{escape(label)} {count:,}" for label, count in positives)
        + "."
    )


def _read_split(split_dir: str | None) -> SplitRecord | None:
    path = Path(split_dir or "") / SPLIT_RECORD
    if split_dir is None or not os.path.lexists(path):
        return None
    return SplitRecord.read(path, remedy="Run `xlite split` again.")


def _describe_training(first: RunFolder) -> list[str]:
    changes = first.settings.changes()
    rows = [[name, str(value)] for name, value in changes.items() if name != "seed"]
    parts = [
        "What differs from xlite's defaults:",
        markdown_table(["setting", "value"], rows),
    ]
    if first.sittings:
        parts.append(f"Trained on {escape(describe_environment(first.sittings[-1].environment))}.")
    return [*parts, "To train the run again:", f"```sh\n{build_train_command(first)}\n```"]


def _describe_comparison(files: StudyFiles) -> Iterator[str]:
    study = files.study
    if study.experiments:
        yield markdown_table(
            ["experiment", "score", "value", "95 % interval", "reached", "runs", "failed"],
            [
                [
                    one.id,
                    one.score,
                    decimal(one.result.point),
                    describe_interval(one.result),
                    one.reached or "–",
                    len(one.runs),
                    len(one.failures),
                ]
                for one in study.experiments
            ],
        )
    if files.comparison is not None:
        steps = "; ".join(files.comparison.steps)
        yield f"By paired tests on {files.comparison.images:,} validation images: {escape(steps)}."
        if files.comparison.winner is not None:
            yield f"{escape(files.comparison.winner.sentence)}."
    for name, comparison in files.elsewhere.items():
        yield (
            f"On {escape(name)}, {comparison.images:,} images: "
            f"{escape('; '.join(comparison.steps))}."
        )
    for one in (files.comparison, *files.elsewhere.values()):
        if one is not None and one.grown is not None:
            yield escape(one.grown.sentence)
    if files.verdicts is not None:
        verdicts = [
            f"- {escape(name)} instead of {escape(files.verdicts.baseline)}: {one.decision}. "
            + escape(" ".join(one.sentences))
            for name, one in files.verdicts.verdicts.items()
        ]
        yield "\n".join(verdicts)
    for search in study.searches:
        if search.optimism is not None:
            yield (
                f"The best of the search {escape(search.id)} is about {search.optimism:.3f} too "
                "good, for being the best of so many."
            )


def _describe_decisions(study: Study) -> Iterator[str]:
    yield f"Chosen: {escape(study.winner)}. {escape(study.why)}"
    if study.decisions:
        yield markdown_table(
            ["what", "who", "when", "choice", "why"],
            [[one.subject, one.who, one.at[:16], one.choice, one.why] for one in study.decisions],
        )


def _describe_limitations(
    files: StudyFiles, runs: Sequence[RunFolder], experiment: StudyExperiment | None
) -> Iterator[str]:
    first = runs[0]
    facts = [
        "- Labels that were mined from reports are wrong for some images, and scores are against "
        "these labels.",
        "- The validation part chose the best epoch of each run, and the winner: its scores "
        "flatter.",
    ]
    if len(runs) == 1:
        facts.append("- One training alone: how far another seed would differ is not known.")
    few = [
        label
        for label, count in zip(first.labels, first.data.train_positives, strict=True)
        if count < FEW_POSITIVES
    ]
    if few:
        facts.append(
            f"- Fewer than {FEW_POSITIVES} positives in training: {', '.join(map(escape, few))}."
        )
    if experiment is not None and experiment.failures:
        facts.append(f"- Runs that failed and are in no score: {len(experiment.failures)}.")
    if files.look is None:
        facts.append("- Nothing is known of patients who did not take part in the choice.")
    yield "\n".join(facts)
