"""What benchmarks/*.json say, as Markdown: speed, growth, memory, how often rules hold."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from typing import Any

from markdown_table import join_cells, three_digits

_FILMS = "films"
"""The group of validity.json whose rates stand in docs/predict.md."""

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

FEW_ROWS = (
    "CLAHE cache, packed: plain OpenCV to 224 PNG, 2 processes",
    "batches, augmentation light: runtime CLAHE (bare loop), same augmentation",
    "batches, augmentation light: timm's loader on 224 PNG, similar augmentation, 2 workers",
    "batches, augmentation light: bare memory map, same augmentation",
    "label texts to weights, 112,120 rows: pandas, a pass a label and a loop over rows",
    "epoch of 10 M draws: torch's WeightedRandomSampler",
    "training epoch, mobilenetv3_large_100: timm's script with --channels-last",
    "training epoch, mobilenetv3_large_100: bare channels_last loop",
    "AUROC and AP, 22,433 x 14: scikit-learn",
    "bootstrap of macro AUROC by patient, 22,433 x 14: scikit-learn loop (rate of 5)",
    "verify-balance, 112,120 rows, whole command: seconds allowed",
    "xlite --help: seconds allowed",
)
"""The dozen that the README shows, each against the strongest peer of its kind."""


def render_few_speeds() -> str:
    """The README's dozen, work and peer apart."""
    by_name = {row["name"]: row for row in read_record("results.json")["rows"]}
    cells = [
        [*name.split(": ", 1), *_figures(by_name[name]), three_digits(by_name[name]["ratio"])]
        for name in FEW_ROWS
    ]
    return join_cells(["work", "against", "xlite", "peer", "ratio"], cells)


def render_speeds() -> str:
    """Every row, with its spread and target, and what it was measured on."""
    record = read_record("results.json")
    rows = []
    for row in record["rows"]:
        low, high = (three_digits(limit) for limit in row["spread"])
        sign = "≤" if row["bound"] == "at most" else "≥"
        rows.append(
            [
                row["name"],
                *_figures(row),
                f"{three_digits(row['ratio'])} ({low} to {high})",
                "" if row["target"] is None else f"{sign} {row['target']:g}",
                {True: "yes", False: "no", None: ""}[row["met"]],
            ]
        )
    header = ["work: peer or limit", "xlite", "peer", "ratio (spread)", "target", "met"]
    return join_cells(header, rows) + "\n" + describe_machine() + "\n"


def describe_machine() -> str:
    """What the speeds were measured on, in a line."""
    record = read_record("results.json")
    machine = record["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"{machine['cores']} cores, {machine['processor']}, {machine['system']}, Python "
        f"{machine['python']}; radiographs: {record['radiographs']}; {libraries}."
    )


def _figures(row: dict[str, Any]) -> list[str]:
    return [f"{three_digits(row[side])} {row['unit']}" for side in ("ours", "peer")]


def render_near_duplicates() -> dict[str, str]:
    """How many altered films are found, by what was done to them, and how time grows."""
    record = read_record("near_duplicates.json")
    planted, growth = record["planted"], record["growth"]
    altered = [
        [name, f"{found} of {planted['films']}", f"{planted['lowest_1_percent'][name]:.2f}"]
        for name, found in planted["found"].items()
    ]
    found = sum(planted["found"].values())
    whole = len(planted["found"]) * planted["films"]
    total = [f"all {len(planted['found'])}", f"{found:,} of {whole:,}", ""]
    grown = [
        [
            f"{one['films']:,}",
            f"{one['seconds']:g}",
            f"{one['ms_per_film']:.2f}",
            f"{one['twins_found']:.0%}",
        ]
        for one in growth
    ]
    return {
        "near-duplicates": join_cells(
            ["altered by", "found", "correlation of 99 in 100, at least"], [*altered, total]
        ),
        "near-duplicate-growth": join_cells(
            ["films", "seconds", "ms a film", "planted twins found"], grown
        ),
    }


def render_scale() -> str:
    """Time and memory against size."""
    record = read_record("scale.json")
    rows = []
    for work, lines in record.items():
        for line in lines:
            size, seconds = line["size"], line["seconds"]
            cells = ["more than half an hour", "", ""]
            if seconds is not None:
                memory = f"{three_digits(line['memory_mb'])} MB"
                cells = [f"{seconds:.3g} s", f"{1e6 * seconds / size:.3g} µs", memory]
            rows.append([work, f"{size:,}", *cells])
    return join_cells(["work", "rows or images", "time", "for each", "peak memory"], rows)


def render_ways() -> str:
    """Images a second of each hybrid in each precision and memory format."""
    record = read_record("ways.json")
    # In the order in which they were measured; not every model was compiled in every precision.
    columns = list(dict.fromkeys(way for measured in record.values() for way in measured))
    rows = []
    for model, measured in record.items():
        speeds = {way: speed for way, speed in measured.items() if "seconds" not in way}
        cells = [f"{measured[way]:.3g}" if way in measured else "" for way in columns]
        rows.append([f"`{model}`", *cells, max(speeds, key=lambda way: speeds[way])])
    return join_cells(["model", *columns, "fastest"], rows)


def render_validity() -> dict[str, str]:
    """A block a group of simulations: what each measured, and what was wanted."""
    record = read_record("validity.json")
    return {
        group: _render_rates(simulations)
        for group, simulations in record.items()
        if group != _FILMS
    }


def render_unlike_films() -> str:
    """How many films of each kind are marked as unlike those of training, with intervals."""
    rates = read_record("validity.json")[_FILMS]["unlike-films"]["rates"]
    rows = []
    for rate in rates:
        kind, _, level = rate["case"].rpartition(", at ")
        share = f"{100 * rate['rate']:.1f} % {_wilson(rate['rate'], rate['trials'])}"
        rows.append([kind, f"{rate['trials']:,}", level, share])
    return join_cells(["films", "number", "level", "marked, with 95 % interval"], rows)


def _wilson(share: float, num: int) -> str:
    """The 95 % interval of a share (Wilson 1927), in percent."""
    z = 1.959964
    middle = share + z * z / (2 * num)
    half = z * sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    low, high = ((middle + sign * half) / (1 + z * z / num) for sign in (-1, 1))
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def _render_rates(simulations: dict[str, Any]) -> str:
    parts = []
    for name, simulation in simulations.items():
        rows = [
            [
                rate["case"],
                f"{rate['rate']:+.4f}" if rate.get("is_amount") else f"{100 * rate['rate']:.1f} %",
                _limits(rate["least"], rate["most"], is_amount=rate.get("is_amount", False)),
                "yes" if rate["is_met"] else "no",
            ]
            for rate in simulation["rates"]
        ]
        trials = sorted({rate["trials"] for rate in simulation["rates"]})
        counted = " to ".join(f"{count:,}" for count in dict.fromkeys((trials[0], trials[-1])))
        parts.append(
            f"**{simulation['title']}** (`{name}`, {counted} trials each)\n\n"
            + join_cells(["case", "measured", "wanted", "met"], rows)
        )
    return "\n" + "\n".join(parts) + "\n"


def _limits(least: float | None, most: float | None, *, is_amount: bool) -> str:
    if is_amount and least is not None and most is not None:
        return f"{least:g} to {most:g}"
    if least is not None and most is not None:
        return f"{100 * least:g} to {100 * most:g} %"
    if least is not None:
        return f"≥ {100 * least:g} %"
    return "" if most is None else f"≤ {100 * most:g} %"


def read_record(name: str) -> Any:
    """The content of a JSON file in benchmarks/."""
    return json.loads((BENCHMARKS / name).read_text(encoding="utf-8"))


def render_study_scale() -> str:
    """A study's ledger under many agents, as it was simulated."""
    columns = ["agents", "items", "seconds an item", "entries", "appends tried"]
    rows = [
        [
            f"{row['agents']:,}",
            f"{row['items']:,}",
            f"{row['mean_seconds']:g}",
            f"{row['entries']:,}",
            f"{row['appends_tried']:,}",
            f"{row['busiest_operations_a_second']:,.0f}",
            f"{row['longest_start_seconds']:.3g}",
            f"{100 * row['overhead']:.3g} %",
        ]
        for row in read_record("study_scale.json")["rows"]
    ]
    return join_cells(
        [*columns, "operations/s, busiest", "last agent begins after, s", "overhead"], rows
    )
