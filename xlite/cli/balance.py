"""`xlite verify-balance`: what batches hold, exactly and as drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.loss_options import LossOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.errors import CheckFailedError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor, Future

    from xlite.losses.class_weights import LossEmphasis
    from xlite.sampling.balance import SamplerReport
    from xlite.sampling.draws import DrawBatches
    from xlite.sampling.label_sets import LabelSets
    from xlite.tables.manifest import Manifest

_EPILOG = (
    "Example: xlite verify-balance --labels Data_Entry_2017.csv --sampler max-entropy "
    "--batches 500 --batch-size 32"
)
_FIGURE, _TRADEOFF = "balance", "balance_tradeoff"
_TABLE_BEGIN = b"label,count,original_pct,"
_MOST_DRAWS = 20_000_000
"""Images that are drawn, at most: about a minute a sampler, for a share's third decimal long past
doubt."""


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("verify-balance", rich_help_panel="Balance", epilog=_EPILOG)(
        expand_groups(verify_balance)
    )


def verify_balance(
    columns: options.ColumnOptions,
    sampling: SamplerOptions,
    losses: LossOptions,
    labels: options.Labels = None,
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="Judge the training part of this split instead of the whole table.",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    sampler: Annotated[str, typer.Option(help="The sampler to verify.")] = "max-entropy",
    compare: Annotated[
        bool, typer.Option("--compare", help="Show every sampler side by side.")
    ] = False,
    batches: Annotated[int, typer.Option(min=1, help="Batches to draw.")] = 500,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a batch.")] = 32,
    decode: Annotated[
        bool,
        typer.Option("--decode", help="Send the batches through image decoding, as training does."),
    ] = False,
    cache: options.CacheDir = places.CACHE_DIR,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the CSV and the figures.")
    ] = places.EXPERIMENTS_DIR,
    seed: options.Seed = 42,
    json: options.Json = False,
) -> None:
    """Compute each class's exposure exactly, draw real batches, and judge whether they agree.

    The sampling options are those of the sampler to verify; the others of --compare are shown
    at their defaults. With --pos-weight the loss weights are judged together with the sampler.

    Writes data_balance_verification.csv, balance.png and, with --compare, balance_tradeoff.png
    (and .svg). Exit 1, with reasons, when a class is starved, the sampler has collapsed, the
    draws contradict the algebra, or they are too few to tell.
    """
    from xlite.files import BALANCE_VERIFICATION
    from xlite.reporting.figures import drawing_process

    if batches * batch_size > _MOST_DRAWS:
        raise InputError(
            f"{batches:,} batches of {batch_size:,} are {batches * batch_size:,} images, more than "
            f"the {_MOST_DRAWS:,} that are drawn at most. Lower --batches or --batch-size."
        )
    _require_our_files(out)
    chosen_settings = sampling.to_settings(sampler)
    with drawing_process() as drawing:
        # Imported while that process starts.
        from xlite.losses.class_weights import choose_pos_weight, measure_emphasis
        from xlite.sampling.balance import tabulate_balance, verify_sampler, write_balance
        from xlite.sampling.label_sets import find_label_sets
        from xlite.sampling.weights import SAMPLER_NAMES
        from xlite.settings import SamplerSettings

        manifest = _load(labels, split, columns)
        pos_weight = choose_pos_weight(
            losses.to_settings("pos-weight"), manifest.labels, manifest.vocabulary
        )
        sets = find_label_sets(manifest.labels)
        patient_codes = manifest.patient_codes
        names = list(dict.fromkeys(["none", sampler, *(SAMPLER_NAMES if compare else ())]))
        reports = {}
        for name in names:
            try:
                reports[name] = verify_sampler(
                    manifest.labels,
                    manifest.vocabulary,
                    chosen_settings if name == sampler else SamplerSettings.parse(name=name),
                    batch_size=batch_size,
                    num_batches=batches,
                    seed=seed,
                    sets=sets,
                    patient_codes=patient_codes,
                    draw_batches=_decode(manifest, cache) if decode and name == sampler else None,
                )
            except InputError as error:
                # At its defaults another sampler may have a target that this table can't meet.
                if name == sampler:
                    raise
                console.warn(f"{name} is left out of the comparison: {error}")
        chosen, natural = reports[sampler], reports["none"]
        emphasis = measure_emphasis(
            pos_weight, natural.exposure.positives_per_image, chosen.exposure.positives_per_image
        )
        rows = tabulate_balance(manifest, natural, chosen)
        write_balance(out / BALANCE_VERIFICATION, rows)
        figures = [_draw_balance(drawing, manifest, natural, chosen, emphasis, out)]
        if compare:
            figures.append(_draw_tradeoff(drawing, sets, manifest.vocabulary, reports, out))
        for figure in figures:
            figure.result()
    if json:
        content: dict[str, Any] = {
            "sampler": sampler,
            "images": len(manifest),
            "samplers": {n: r.to_dict(manifest.vocabulary) for n, r in reports.items()},
            "verdict": chosen.verdict,
            "reasons": list(chosen.reasons),
        }
        if losses.pos_weight:
            content["loss"] = _describe_emphasis(manifest, emphasis)
        console.result_json(content)
    else:
        _print_classes(rows, chosen, manifest.vocabulary, out / BALANCE_VERIFICATION)
        if losses.pos_weight:
            _print_emphasis(manifest, emphasis, sampler)
        _print_samplers(reports)
        console.say(f"written: {out / BALANCE_VERIFICATION}, {out / _FIGURE}.png")
    if losses.pos_weight and sampler != "none":
        _warn_about_emphasis(manifest, natural, chosen, emphasis)
    if chosen.reasons:
        raise CheckFailedError(f"sampler {sampler}: " + " ".join(chosen.reasons))


def _require_our_files(out: Path) -> None:
    """Raise InputError where the table or figures would replace somebody's."""
    from xlite.files import BALANCE_VERIFICATION
    from xlite.ownership import require_our_folder, require_replaceable_file

    require_replaceable_file(
        out / BALANCE_VERIFICATION,
        is_ours=lambda head: head.startswith(_TABLE_BEGIN),
        overwrite=None,
    )
    figures = [f"{name}.{kind}" for name in (_FIGURE, _TRADEOFF) for kind in ("png", "svg")]
    require_our_folder(out, markers=[BALANCE_VERIFICATION], names=figures, what="verify-balance")


def _load(labels: Path | None, split: Path | None, columns: options.ColumnOptions) -> Manifest:
    from xlite.splitting.checked_split import read_checked_split
    from xlite.tables.label_table import read_manifest

    if split is not None:
        return read_checked_split(split, labels).parts["train"]
    return read_manifest(places.find_label_table(labels), table_format=columns.to_table_format())


def _decode(manifest: Manifest, cache: Path) -> DrawBatches:
    from xlite.clahe_cache.store import ClaheCache
    from xlite.loading.decoded_batches import decode_batches
    from xlite.loading.loader import RadiographDataset

    return decode_batches(RadiographDataset(manifest, ClaheCache.open(cache)), num_workers=0)


def _draw_balance(
    drawing: Executor,
    manifest: Manifest,
    natural: SamplerReport,
    chosen: SamplerReport,
    emphasis: LossEmphasis,
    out: Path,
) -> Future[None]:
    from xlite.reporting.figures import BalancePanels, draw_balance

    return drawing.submit(
        draw_balance,
        BalancePanels(
            labels=manifest.vocabulary,
            positives=manifest.positives,
            natural_share=natural.exposure.share,
            sampled_share=chosen.exposure.share,
            drawn_share=chosen.drawn.share,
            pos_weight=emphasis.pos_weight,
            sampler=chosen.name,
            cv=(natural.exposure.cv, chosen.exposure.cv),
        ),
        out / _FIGURE,
    )


def _draw_tradeoff(
    drawing: Executor,
    sets: LabelSets,
    vocabulary: Sequence[str],
    reports: dict[str, SamplerReport],
    out: Path,
) -> Future[None]:
    from xlite.reporting.figures import draw_tradeoff
    from xlite.sampling.sampling_plan import trace_strengths

    others = [
        (name, report.exposure.cv, report.exposure.ess)
        for name, report in reports.items()
        if name != "max-entropy"
    ]
    curve = trace_strengths(sets, vocabulary)
    return drawing.submit(draw_tradeoff, curve, others, out / _TRADEOFF)


def _print_classes(
    rows: list[dict[str, Any]], chosen: SamplerReport, vocabulary: Sequence[str], path: Path
) -> None:
    cells = [
        [
            row["label"],
            f"{row['count']:,}",
            f"{row['original_pct']:.2f}",
            f"{row['exact_pct']:.2f}",
            f"{row['weighted_batch_pct']:.2f}",
            f"{row['images_behind']:,.0f}",
            f"{row['patients_behind']:,.0f}",
        ]
        for row in rows
    ]
    exposure = chosen.exposure
    worst = vocabulary[chosen.label_fit.worst]
    console.table(
        f"Share of the shown positives under {chosen.name}, %",
        ["", "images", "as found", "exact", "drawn", "images behind", "patients behind"],
        cells,
        caption=f"no finding {exposure.no_finding_share:.2%}, CV {exposure.cv:.3f}, ESS "
        f"{exposure.ess:.3f}\n{chosen.drawn.num_images:,} images drawn: p = {chosen.p_value:.3f}, "
        f"against wrong weights p = {chosen.control_p_value:.1e}\n{worst} furthest off: z = "
        f"{chosen.label_fit.z[chosen.label_fit.worst]:+.1f}, p = {chosen.label_fit.p_value:.3f} "
        "over all labels",
        drop_first=["patients behind", "images behind"],
        all_in=path,
    )


def _print_emphasis(manifest: Manifest, emphasis: LossEmphasis, sampler: str) -> None:
    cells = [
        [
            name,
            f"{emphasis.pos_weight[c]:.2f}",
            f"{emphasis.operating_point[c]:.3f}",
            f"{emphasis.joint_operating_point[c]:.3f}",
            f"{100 * emphasis.emphasis[c]:.2f}",
            "twice" if emphasis.is_double[c] else "",
        ]
        for c, name in enumerate(manifest.vocabulary)
    ]
    console.table(
        f"Loss weights, alone and with {sampler}",
        ["", "pos_weight", "operating point", "with sampler", "emphasis %", "corrected"],
        cells,
    )


def _describe_emphasis(manifest: Manifest, emphasis: LossEmphasis) -> dict[str, Any]:
    return {
        name: {
            "pos_weight": float(emphasis.pos_weight[c]),
            "operating_point": float(emphasis.operating_point[c]),
            "joint_operating_point": float(emphasis.joint_operating_point[c]),
            "emphasis": float(emphasis.emphasis[c]),
            "corrected_twice": bool(emphasis.is_double[c]),
        }
        for c, name in enumerate(manifest.vocabulary)
    }


def _warn_about_emphasis(
    manifest: Manifest, natural: SamplerReport, chosen: SamplerReport, emphasis: LossEmphasis
) -> None:
    from xlite.losses.class_weights import warn_about_double_corrections

    warn_about_double_corrections(
        emphasis.pos_weight,
        natural.exposure.positives_per_image,
        chosen.exposure.positives_per_image,
        manifest.vocabulary,
    )


def _print_samplers(reports: dict[str, SamplerReport]) -> None:
    cells = [
        [
            name,
            f"{report.exposure.cv:.3f}",
            f"{report.exposure.no_finding_share:.4f}",
            f"{report.exposure.ess:.3f}",
            f"{report.exposure.max_repeats:.1f}",
            f"{report.exposure.distinct_images:,.0f}",
            report.verdict,
        ]
        for name, report in reports.items()
    ]
    columns = ["sampler", "CV", "no finding", "ESS", "max repeats", "distinct images", "verdict"]
    drop_first = ["distinct images", "max repeats", "no finding"]
    console.table("Samplers", columns, cells, drop_first=drop_first)
