"""The report's sections on runs: what was trained, how it went, and what it scores.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.randomness import derive_generator
from xlite.reporting.absences import NO_RUN, Absence
from xlite.reporting.html_figures import draw_calibration, draw_history, draw_operating_curves
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Command,
    Facts,
    Heading,
    Paragraph,
    Picture,
    Section,
    Table,
    absent_section,
    bracket,
    number,
    plain,
)
from xlite.reporting.log_runs import (
    describe_preprocessing,
    describe_sitting,
)
from xlite.reporting.reproduction import build_train_command
from xlite.reporting.run_groups import group_alike, name_settings
from xlite.run_folder.folder import RunFolder
from xlite.scores.auroc_interval import AurocInterval, macro_auroc_interval
from xlite.scores.bootstrap import resample_scores
from xlite.scores.class_scores import FEW_POSITIVES, score_classes
from xlite.scores.ranking import macro_mean
from xlite.scores.thresholded import crossfit_f1

if TYPE_CHECKING:
    from xlite.reporting.run_images import RunImages


def describe_runs(
    runs: Sequence[RunFolder], chosen: Sequence[str], faults: Sequence[str] = ()
) -> Section:
    """A table of every run and the curves of every run; faults: what could not be read, and why."""
    key, title = "runs", "Runs and their curves"
    warnings = [Paragraph(fault, is_warning=True) for fault in faults]
    if not runs and not faults:
        return absent_section(key, title, "No run has been trained.", NO_RUN.command)
    columns = ["run", "model", "loss", "sampler", "seed", "epochs", "best"]
    scores = ["AUROC", "AP", "F1", "minutes"]
    table = Table(
        caption="Every run with its best epoch and its macro scores on validation; F1 is "
        "cross-fitted between patients. A rank is no verdict: the verdicts below are.",
        columns=[
            *(Column(title=name, is_number=False) for name in columns[:4]),
            *(Column(title=name) for name in (*columns[4:], *scores)),
        ],
        rows=[_describe_run(run) for run in runs],
    )
    blocks: list[Block] = [*warnings, table, *_tabulate_seeds(runs)]
    histories = {run.name: _columns_of(run) for run in runs if run.history}
    if histories:
        blocks.append(
            Picture(
                draw=partial(draw_history, histories, chosen),
                alt="Loss, AUROC and learning rate of each run by epoch.",
                caption="Validation solid, training dashed. The training AUROC is that of "
                "augmented images as the sampler drew them. Losses of different kinds are not on "
                "one scale. Grey: runs that are not shown in detail below.",
                is_wide=True,
            )
        )
    return Section(key, title, blocks)


def _describe_run(run: RunFolder) -> list[Cell]:
    settings, scores = run.settings, run.scores
    cells = plain(run.name, settings.model, settings.loss.name, settings.sampler.name)
    cells.append(number(settings.seed, 0))
    if scores is None:
        return [*cells, number(len(run.history), 0), *plain(*"–––––")]
    macro = scores.val_macro
    return [
        *cells,
        number(scores.epochs, 0),
        number(scores.best_epoch, 0),
        *(number(macro[name]) for name in ("auroc", "average_precision", "f1")),
        number(scores.seconds / 60, 1),
    ]


def _tabulate_seeds(runs: Sequence[RunFolder]) -> list[Block]:
    """A row for settings that were trained with several seeds; no table where none were."""
    finished = [run for run in runs if run.scores is not None and run.val_auroc == run.val_auroc]
    groups = [
        group for group in group_alike(finished) if len({run.settings.seed for run in group}) > 1
    ]
    if not groups:
        return []
    titles = ("seeds", "AUROC, mean", "lowest", "highest", "AP, mean", "F1, mean")
    rows = []
    for group in groups:
        macro = [run.require_scores().val_macro for run in group]
        aurocs = [one["auroc"] for one in macro]
        rows.append(
            [
                Cell(name_settings(group[0].settings)),
                number(len(group), 0),
                number(float(np.mean(aurocs))),
                number(min(aurocs)),
                number(max(aurocs)),
                *(
                    number(float(np.mean([one[score] for one in macro])))
                    for score in ("average_precision", "f1")
                ),
            ]
        )
    table = Table(
        caption="Settings that were trained with several seeds. Another training is to be expected "
        "at the mean, not at the highest.",
        columns=[
            Column(title="settings", is_number=False),
            *(Column(title=title) for title in titles),
        ],
        rows=rows,
    )
    return [table]


def _columns_of(run: RunFolder) -> dict[str, list[float]]:
    return {name: [row[name] for row in run.history] for name in run.history[0]}


def describe_scores(
    runs: Sequence[RunImages],
    *,
    absence: Absence = NO_RUN,
    choices: Sequence[str] = (),
) -> Section:
    """The validation scores of the chosen runs, with 95 % intervals; one table a run.

    choices: sentences on what was chosen by these images, and what scores are worth for it.
    """
    key, title = "scores", "Scores with intervals"
    if not runs:
        return absent_section(key, title, *absence)
    blocks: list[Block] = [
        Paragraph(
            "Validation part, 95 % intervals. AUROC of a label: Newcombe's, clustered by "
            "patient; macro: 1,000 bootstrap resamples of the patients. F1: thresholds fitted on "
            f"one half of the patients and judged on the other. * fewer than {FEW_POSITIVES} "
            "positives: too few to tell a good model from a fair one. The best epoch was chosen "
            "on these very images, which flatters by 0.001 to 0.003 AUROC with 150 of them."
        ),
        *map(Paragraph, choices),
    ]
    for run in runs:
        blocks.append(Heading(run.name))
        blocks.append(_tabulate_scores(run))
    return Section(key, title, blocks)


def _tabulate_scores(run: RunImages) -> Table:
    scores = score_classes(run.targets, run.probs, groups=run.patient_ids)
    f1 = crossfit_f1(run.targets, run.probs, run.patient_ids)
    rows = [
        [
            Cell(label, is_marked=bool(scores["few_positives"][c])),
            number(int(scores["positives"][c]), 0),
            number(100 * scores["prevalence"][c], 2),
            number(scores["auroc"][c]),
            bracket(scores["auroc_low"][c], scores["auroc_high"][c]),
            number(scores["average_precision"][c]),
            number(f1[c]),
            number(scores["brier"][c]),
            number(scores["ece"][c]),
            number(scores["calibration_slope"][c], 2),
        ]
        for c, label in enumerate(run.vocabulary)
    ]
    low, high = _find_macro_limits(run, scores)
    means = {
        name: macro_mean(np.asarray(values, dtype=np.float64))[0]
        for name, values in {**scores, "f1": f1}.items()
        if name in ("auroc", "average_precision", "f1", "brier", "ece")
    }
    foot = [
        Cell("macro"),
        Cell(""),
        Cell(""),
        number(means["auroc"]),
        bracket(low, high),
        *(number(means[name]) for name in ("average_precision", "f1", "brier", "ece")),
        Cell(""),
    ]
    titles = ("positives", "prevalence, %", "AUROC", "95 % interval", "AP", "F1", "Brier", "ECE")
    return Table(
        caption=f"{run.name}: {len(run.image_ids):,} images of "
        f"{len(np.unique(run.patient_ids)):,} patients.",
        columns=[
            Column(title="label", is_number=False),
            *(Column(title=title) for title in (*titles, "slope")),
        ],
        rows=rows,
        foot=[foot],
    )


def score_macro_auroc(run: RunImages) -> tuple[float, float, float]:
    """The macro AUROC of a run with its 95 % interval: value, lower and upper limit."""
    scores = score_classes(run.targets, run.probs, groups=run.patient_ids)
    low, high = _find_macro_limits(run, scores)
    return macro_mean(np.asarray(scores["auroc"]))[0], low, high


def _find_macro_limits(run: RunImages, scores: Mapping[str, Any]) -> tuple[float, float]:
    # Drawn anew for each run, so that all places of the page have the same limits.
    rng = derive_generator("report")
    resampled = resample_scores(
        run.targets, [run.probs], run.patient_ids, rng=rng, scores=("auroc",)
    )
    of_labels = AurocInterval(
        auroc=scores["auroc"], low=scores["auroc_low"], high=scores["auroc_high"]
    )
    return macro_auroc_interval(of_labels, resampled["auroc"][0])


def describe_operating_curves(runs: Sequence[RunImages], *, absence: Absence = NO_RUN) -> Section:
    """ROC, precision-recall and reliability curves of the chosen runs."""
    key, title = "curves", "ROC, precision-recall and calibration"
    if not runs:
        return absent_section(key, title, *absence)
    return Section(
        key,
        title,
        [
            Picture(
                draw=partial(draw_operating_curves, runs, kind="roc"),
                alt="ROC curve of each label and run.",
                caption="ROC on validation. Dotted: chance.",
                is_wide=True,
            ),
            Picture(
                draw=partial(draw_operating_curves, runs, kind="pr"),
                alt="Precision-recall curve of each label and run.",
                caption="Precision-recall on validation. Dotted: prevalence.",
                is_wide=True,
            ),
            Picture(
                draw=partial(draw_calibration, runs),
                alt="Reliability curve of each label and run.",
                caption="Calibration on validation, ten bins of equal numbers of images. Dotted: "
                "said equals seen. Losses that weight positives say too much by design.",
                is_wide=True,
            ),
        ],
    )


def describe_environment(runs: Sequence[RunFolder], *, version: str, command: str) -> Section:
    """What the chosen runs ran on, and the commands that make them and this page again."""
    blocks: list[Block] = []
    for run in runs:
        data = run.config.data
        images = ", ".join(f"{count:,} {part}" for part, count in data.images.items())
        facts = {}
        for count, sitting in enumerate(run.sittings, start=1):
            name = f"sitting {count}" if len(run.sittings) > 1 else "environment"
            facts[name] = describe_sitting(sitting)
        facts |= {"images": images, "pixels": data.source[:16]}
        if run.config.preprocessing is not None:
            facts["preprocessing"] = describe_preprocessing(run.config.preprocessing)
        facts |= {f"split {part}": digest[:16] for part, digest in data.split_sha256.items()}
        blocks += [Heading(run.name), Facts(facts), Command(build_train_command(run))]
    blocks += [Heading("This page"), Facts({"xlite": version}), Command(command)]
    return Section("environment", "Environment and reproduction", blocks)
