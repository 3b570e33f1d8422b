"""What `xlite verify-balance` prints of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xlite.results.balance import BalanceReport, LossBalance, SamplerBalance, SourceBalance


def print_balance(report: BalanceReport, out: Path) -> None:
    """Print classes, loss weights and samplers, and where the whole table is."""
    from xlite.places import BALANCE_VERIFICATION

    _print_classes(report, out / BALANCE_VERIFICATION)
    if report.sources is not None:
        _print_sources(report.sources)
    if report.loss is not None:
        _print_loss(report.loss, report.sampler)
    _print_samplers(report.samplers)
    console.say(f"written: {out / BALANCE_VERIFICATION}, {out / 'balance'}.png")


def _print_classes(report: BalanceReport, path: Path) -> None:
    cells = [
        [
            row.label,
            f"{row.count:,}",
            f"{row.original_pct:.2f}",
            f"{row.exact_pct:.2f}",
            f"{row.weighted_batch_pct:.2f}",
            f"{row.images_behind:,.0f}",
            f"{row.patients_behind:,.0f}",
        ]
        for row in report.classes
    ]
    chosen = report.chosen
    worst, z = max(chosen.label_z.items(), key=lambda label: abs(label[1]))
    console.table(
        f"Share of the shown positives under {report.sampler}, %",
        ["", "images", "as found", "exact", "drawn", "images behind", "patients behind"],
        cells,
        caption=f"no finding {chosen.no_finding_share:.2%}, CV {chosen.cv:.3f}, ESS "
        f"{chosen.ess:.3f}\n{chosen.drawn_images:,} images drawn: p = {chosen.p_value:.3f}, "
        f"against wrong weights p = {chosen.control_p_value:.1e}\n{worst} furthest off: z = "
        f"{z:+.1f}, p = {chosen.label_p_value:.3f} over all labels",
        drop_first=["patients behind", "images behind"],
        all_in=path,
    )


def _print_sources(sources: Mapping[str, SourceBalance]) -> None:
    console.table(
        "Share of the draws, %",
        ["source", "as found", "exact", "drawn", "z"],
        [
            [
                name,
                f"{one.as_found:.2%}"[:-1],
                f"{one.exact:.2%}"[:-1],
                f"{one.drawn:.2%}"[:-1],
                f"{one.z:+.1f}",
            ]
            for name, one in sources.items()
        ],
    )


def _print_loss(loss: Mapping[str, LossBalance], sampler: str) -> None:
    cells = [
        [
            name,
            f"{one.pos_weight:.2f}",
            f"{one.operating_point:.3f}",
            f"{one.joint_operating_point:.3f}",
            f"{100 * one.emphasis:.2f}",
            "twice" if one.corrected_twice else "",
        ]
        for name, one in loss.items()
    ]
    console.table(
        f"Loss weights, alone and with {sampler}",
        ["", "pos_weight", "operating point", "with sampler", "emphasis %", "corrected"],
        cells,
    )


def _print_samplers(samplers: Mapping[str, SamplerBalance]) -> None:
    cells = [
        [
            name,
            f"{one.cv:.3f}",
            f"{one.no_finding_share:.4f}",
            f"{one.ess:.3f}",
            f"{one.max_repeats:.1f}",
            f"{one.distinct_images:,.0f}",
            one.verdict,
        ]
        for name, one in samplers.items()
    ]
    columns = ["sampler", "CV", "no finding", "ESS", "max repeats", "distinct images", "verdict"]
    drop_first = ["distinct images", "max repeats", "no finding"]
    console.table("Samplers", columns, cells, drop_first=drop_first)
