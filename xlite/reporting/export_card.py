"""The card of an exported run: `README.md` of its folder, as the Hugging Face hub reads it.

Every number comes from the run folder and from what was judged of the run; what these do not say is
said to be missing. What people write between its markers is kept when the card is made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xlite.console import decimal
from xlite.places import VALIDATION
from xlite.reporting.card_evaluation import (
    describe_evaluation,
    describe_fitted,
    describe_sites,
)
from xlite.reporting.card_front_matter import render_front_matter
from xlite.reporting.card_kept import KeptParts, render_notes
from xlite.reporting.card_run import (
    NO_LICENCE,
    RESEARCH_ONLY,
    describe_data,
    describe_training,
    list_model_facts,
    list_rare_labels,
    make_section,
)
from xlite.reporting.log_markdown import escape, markdown_table
from xlite.results.evaluation import Evaluation, Look
from xlite.results.selection import ValidationUse
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.kept_weights import describe_kept_weights
from xlite.scores.class_scores import FEW_POSITIVES
from xlite.scores.fitted_thresholds import FittedThresholds


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What is known of a run outside its folder; all of it may be missing."""

    evaluations: Sequence[Evaluation] = ()
    """Of this run, on parts of its own split and at other sites."""
    use: ValidationUse | None = None
    """What its validation part has been used for."""
    test_looks: Sequence[Look] | None = None
    """All looks at its test part, by whatever run; None where that is not known."""
    thresholds: FittedThresholds | None = None
    """Those that go with the model."""
    thresholds_source: str = "no thresholds were looked for."
    """Where these come from, in words; without any, why."""
    contents: Sequence[tuple[str, str]] = ()
    """The files beside the card, and what each is."""
    checks: Sequence[str] = ()
    """What was found when the exported model was held against the run, a sentence each."""


def render_export_card(
    run: RunFolder, *, facts: CardFacts | None = None, old: str | None = None
) -> str:
    """The card of a finished run as Markdown.

    old: the card that it takes the place of; what people wrote between its markers stays. Raises
    InputError for an unfinished run, and for markers in `old` that have lost their partners.
    """
    known = facts or CardFacts()
    kept = KeptParts.of(old or "")
    here = [one for one in known.evaluations if one.external is None]
    elsewhere = [one for one in known.evaluations if one.external is not None]
    lines = [
        *_front_matter(run, here, kept),
        f"# {escape(run.name)}",
        "",
        *render_notes(kept),
        *make_section("Intended use", [RESEARCH_ONLY, _list_misuses(run)]),
        *make_section("Model", list(_describe_model(run, known))),
        *make_section("Data and split", list(describe_data(run))),
        *make_section("Scores", list(_describe_scores(run, here))),
        *make_section(
            "Thresholds and calibration",
            list(describe_fitted(known.thresholds, known.thresholds_source, here)),
        ),
        *make_section("Other sites", list(describe_sites(elsewhere))),
        *make_section("Looks and choices", list(_describe_use(known))),
        *make_section("Training", describe_training(run)),
        *make_section("Limitations", [_list_limitations(run, here, elsewhere)]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _front_matter(run: RunFolder, here: Sequence[Evaluation], kept: KeptParts) -> list[str]:
    scores = {
        f"{one.part}.{name}": getattr(one.macro, name)
        for one in here
        for name in ("auroc", "average_precision", "f1")
    }
    if not here:
        scores = {
            f"{VALIDATION}.{name}": value for name, value in run.require_scores().val_macro.items()
        }
    return render_front_matter(run.name, (run.settings.model,), scores, added=kept.added)


def _list_misuses(run: RunFolder) -> str:
    """What the model must not be used for."""
    uses = [
        "to decide, alone or beside a person, on anybody's care",
        "on films of another kind than those of its data: other views, other parts of the body, "
        "photographs of films, films of another age group",
        "on films that were prepared in another way than below",
        f"for any finding but these {len(run.labels)}: that none of them is called does not mean "
        "that a film is normal",
        "at another hospital before it was judged, and its thresholds were fitted, on films of "
        "that hospital",
    ]
    few = list_rare_labels(run)
    if few:
        uses.append(
            f"for {', '.join(map(escape, few))}: fewer than {FEW_POSITIVES} positives in training"
        )
    return "\n".join(
        ["It must not be used", "", *(f"- {use};" for use in uses[:-1]), f"- {uses[-1]}."]
    )


def _describe_model(run: RunFolder, facts: CardFacts) -> Iterator[str]:
    kept = describe_kept_weights(run)
    yield list_model_facts(run, whose_weights=f"of {kept} of the run {escape(run.name)}.")
    if facts.contents:
        yield "\n".join(f"- `{name}`: {escape(what)}" for name, what in facts.contents)
    for sentence in facts.checks:
        yield escape(sentence)
    yield NO_LICENCE


def _describe_scores(run: RunFolder, here: Sequence[Evaluation]) -> Iterator[str]:
    if here:
        for one in here:
            yield from describe_evaluation(one)
        return
    val = run.require_scores().val
    if val is None:
        yield "None: the run had no validation part, and was not evaluated."
        return
    yield (
        "On the validation part, whose images chose the best epoch, without intervals: those, "
        "subgroups, calibration and the floor are here once `xlite evaluate RUN` has been run."
    )
    yield markdown_table(
        ["label", "AUROC"],
        [
            *([label, decimal(row.get("auroc"))] for label, row in val.per_class.items()),
            ["macro", decimal(val.macro["auroc"])],
        ],
    )


def _describe_use(facts: CardFacts) -> Iterator[str]:
    looks = facts.test_looks
    if looks is None:
        yield "How often the test part was looked at is not known."
    elif looks:
        yield (
            f"Looks at the test part, by whichever run: {len(looks):,}, the first of "
            f"{looks[0].time[:10]}, the last of {looks[-1].time[:10]}."
        )
    else:
        yield "The test part was not looked at."
    yield f"{facts.use.sentence}." if facts.use else "What validation has chosen is not known."


def _list_limitations(
    run: RunFolder, here: Sequence[Evaluation], elsewhere: Sequence[Evaluation]
) -> str:
    facts = [
        "Labels that were mined from reports are wrong for some images, and scores are against "
        "these labels.",
        "One training alone: how far another seed would differ is not said here.",
    ]
    if all(one.part != "test" for one in here):
        facts.append("Nothing is known of patients who did not take part in the choice.")
    if not elsewhere:
        facts.append("Nothing is known of patients of another hospital.")
    few = list_rare_labels(run)
    if few:
        facts.append(
            f"Fewer than {FEW_POSITIVES} positives in training: {', '.join(map(escape, few))}."
        )
    return "\n".join(f"- {fact}" for fact in facts)
