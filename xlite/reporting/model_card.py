"""The card of a study's winner: what it is for, what it was made of, what it reaches, and why it.

Markdown with the front matter that Hugging Face reads. Every number comes from the study's folder
and the winner's run folders; what these do not say is said to be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xlite.console import decimal
from xlite.reporting.begun_studies import StudyFiles
from xlite.reporting.card_front_matter import render_front_matter
from xlite.reporting.card_results import describe_interval, describe_results, list_scores
from xlite.reporting.card_run import (
    NO_LICENCE,
    RESEARCH_ONLY,
    describe_data,
    describe_training,
    list_model_facts,
    list_rare_labels,
    make_section,
)
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.log_markdown import escape, markdown_table
from xlite.results.selection import ValidationUse
from xlite.results.study import Study, StudyExperiment
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.kept_weights import describe_kept_weights
from xlite.scores.class_scores import FEW_POSITIVES


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
        *make_section("Intended use", [RESEARCH_ONLY]),
        *make_section("Model", _describe_model(first, runs)),
        *make_section("Data and split", list(describe_data(first))),
        *make_section("Training settings", describe_training(first)),
        *make_section("Results", list(describe_results(files, first, use, floor))),
        *make_section("Comparison", list(_describe_comparison(files))),
        *make_section("Who decided what, and why", list(_describe_decisions(study))),
        *make_section("Limitations", list(_describe_limitations(files, runs, experiment))),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _front_matter(files: StudyFiles, first: RunFolder) -> list[str]:
    return render_front_matter(
        f"{files.study.name} {files.study.winner}",
        (first.settings.model,),
        {name: score.point for name, score in list_scores(files).items()},
    )


def _describe_model(first: RunFolder, runs: Sequence[RunFolder]) -> list[str]:
    weights = (
        f"of {describe_kept_weights(first)} of the run {escape(first.name)}, the first "
        f"of {len(runs)} that differ in the seed (or fold) alone. The scores below are means over "
        "all of them, so this file's own may differ."
    )
    return [list_model_facts(first, whose_weights=weights), NO_LICENCE]


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
        "- It has not been tried on patients of another hospital than those of its data.",
    ]
    if len(runs) == 1:
        facts.append("- One training alone: how far another seed would differ is not known.")
    few = list_rare_labels(first)
    if few:
        facts.append(
            f"- Fewer than {FEW_POSITIVES} positives in training: {', '.join(map(escape, few))}."
        )
    if experiment is not None and experiment.failures:
        facts.append(f"- Runs that failed and are in no score: {len(experiment.failures)}.")
    if files.look is None:
        facts.append("- Nothing is known of patients who did not take part in the choice.")
    yield "\n".join(facts)
