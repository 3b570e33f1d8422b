"""Writes what the documentation shows from what the program says.

    python docs/generate.py            commands.md from the command line's own help, and the
                                       marked blocks of the pages from docs/results/ and
                                       benchmarks/
    python docs/generate.py --demo D   first takes the demo's results in D
    python docs/generate.py --nih CSV  first verifies the balance of NIH's label table
    python docs/generate.py --models   first counts the parameters of the six hybrids

tests/test_docs.py holds the pages to it.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
IMAGES = ROOT / "docs" / "images"
README = ROOT / "README.md"
BALANCE = ROOT / "docs" / "balance.md"
SCALING = ROOT / "docs" / "scaling.md"
TRAINING = ROOT / "docs" / "training.md"
JUDGING = ROOT / "docs" / "judging.md"
BENCHMARKS = ROOT / "benchmarks"
COMMANDS = ROOT / "docs" / "commands.md"

DEMO_FILES = (
    "splits/split.json",
    "experiments/data_balance_verification.csv",
    "experiments/baseline_results.csv",
    "experiments/ablation.csv",
    "experiments/ablation.json",
)


def take_demo(folder: Path) -> None:
    """Copy the files that the README shows from a finished demo."""
    for name in DEMO_FILES:
        shutil.copyfile(folder / name, RESULTS / Path(name).name)
    shutil.copyfile(folder / "experiments" / "balance.png", IMAGES / "demo_balance.png")
    judged = sorted(folder.glob("experiments/evaluation/*/scores.json"))
    scores = [json.loads(path.read_text(encoding="utf-8")) for path in judged]
    kept = {entry["name"]: entry["macro"] for entry in scores if entry["part"] == "test"}
    _write_json("test_macro.json", kept)
    _write_json("val_macro.json", {name: _judge_validation(folder, name) for name in kept})


def _judge_validation(folder: Path, run: str) -> dict[str, float]:
    """The macro scores of a run's validation part with their intervals."""
    place = ("--split", str(folder / "splits"), "--json")
    run_dir = str(folder / "experiments" / "runs" / run)
    done = subprocess.run(
        [sys.executable, "-m", "xlite", "--quiet", "evaluate", run_dir, *place],
        check=True,
        stdout=subprocess.PIPE,
    )
    macro: dict[str, float] = json.loads(done.stdout)["macro"]
    return macro


def verify_nih(table: Path) -> None:
    """Take the comparison of samplers and the figures of NIH's label table."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--labels", str(table), "--compare", "--pos-weight", "sqrt", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "xlite", "verify-balance", *options, "--out", folder],
            check=True,
            stdout=subprocess.PIPE,
        )
        for name in ("balance.png", "balance_tradeoff.png"):
            shutil.copyfile(Path(folder) / name, IMAGES / name)
    kept = ("cv", "no_finding_share", "ess", "max_repeats", "distinct_images")
    samplers = json.loads(done.stdout)["samplers"]
    _write_json(
        "nih_samplers.json",
        {name: {key: row[key] for key in kept} for name, row in samplers.items()},
    )


def count_models() -> None:
    """Count the parameters of the six hybrids with 14 labels, whole and backbone alone."""
    from xlite.models.classifier import MODELS, build_classifier, count_parameters

    counts = {}
    for name, spec in MODELS.items():
        model = build_classifier(name, pretrained=False, generator_seed=0)
        counts[name] = {
            "backbone": spec.timm_name,
            "attention": spec.attention,
            "backbone_parameters": count_parameters(model.backbone),
            "parameters": count_parameters(model),
        }
    _write_json("models.json", counts)


def list_commands() -> dict[str, Any]:
    """Every command by its words, such as "train" and "log add"."""
    from xlite.cli.app import app

    group: Any = typer.main.get_command(app)
    commands = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            commands |= {f"{name} {word}": part for word, part in command.commands.items()}
        else:
            commands[name] = command
    return commands


def render_commands() -> str:
    """docs/commands.md: every command with its help, its options and an example."""
    lines = [
        "# Commands",
        "",
        "Written by `python docs/generate.py` from the command line itself.",
        "Exit codes: 0 done; 1 a check found a fault; 2 wrong usage or input; 130 or 143 stopped",
        "by a signal after saving. Results go to standard output, messages to standard error.",
        "",
        "Before a command: `--quiet`, `--verbose`, `--debug` (traceback of an error), `--version`;",
        "`xlite --install-completion` sets up shell completion.",
    ]
    for name, command in list_commands().items():
        lines += ["", f"## xlite {name}", "", command.help.strip(), ""]
        examples = [line for line in command.epilog.split("\n") if line]
        lines += ["```sh", *(example.removeprefix("Example: ") for example in examples), "```", ""]
        lines += ["| option | default | meaning |", "|---|---|---|"]
        for parameter in command.params:
            if parameter.name == "help":
                continue
            names = ", ".join(f"`{option}`" for option in parameter.opts)
            names += "".join(f" / `{option}`" for option in parameter.secondary_opts)
            if parameter.param_type_name == "argument":
                names = f"`{parameter.name.upper()}`"
            shown = "" if parameter.default in (None, False) else f"`{parameter.default}`"
            cells = (names, "required" if parameter.required else shown, parameter.help or "")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def render_blocks() -> dict[Path, dict[str, str]]:
    """The marked blocks of each page by name, as Markdown tables."""
    return {
        README: {**_render_readme(), "bench": _render_bench()},
        BALANCE: {"samplers": _render_samplers()},
        SCALING: {"scale": _render_scale()},
        TRAINING: {"ways": _render_ways()},
        JUDGING: _render_validity(),
    }


def _render_bench() -> str:
    record = json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))
    machine, rows = record["machine"], []
    for row in record["rows"]:
        low, high = row["spread"]
        sign = "≤" if row["bound"] == "at most" else "≥"
        rows.append(
            [
                row["name"],
                f"{_three_digits(row['ours'])} {row['unit']}",
                f"{_three_digits(row['peer'])} {row['unit']}",
                f"{_three_digits(row['ratio'])} ({_three_digits(low)} to {_three_digits(high)})",
                "" if row["target"] is None else f"{sign} {row['target']:g}",
                {True: "yes", False: "no", None: ""}[row["met"]],
            ]
        )
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    header = ["work: peer or limit", "xlite", "peer", "ratio (spread)", "target", "met"]
    return (
        _table(header, rows)
        + f"\n{machine['cores']} cores, {machine['processor']}, {machine['system']}, Python "
        f"{machine['python']}; radiographs: {record['radiographs']}; {libraries}.\n"
    )


def _render_scale() -> str:
    record = json.loads((BENCHMARKS / "scale.json").read_text(encoding="utf-8"))
    rows = []
    for work, lines in record.items():
        for line in lines:
            size, seconds = line["size"], line["seconds"]
            cells = ["more than half an hour", "", ""]
            if seconds is not None:
                memory = f"{_three_digits(line['memory_mb'])} MB"
                cells = [f"{seconds:.3g} s", f"{1e6 * seconds / size:.3g} µs", memory]
            rows.append([work, f"{size:,}", *cells])
    return _table(["work", "rows or images", "time", "for each", "peak memory"], rows)


def _render_ways() -> str:
    record = json.loads((BENCHMARKS / "ways.json").read_text(encoding="utf-8"))
    # In the order in which they were measured; not every model was compiled in every precision.
    columns = list(dict.fromkeys(way for measured in record.values() for way in measured))
    rows = []
    for model, measured in record.items():
        speeds = {way: speed for way, speed in measured.items() if "seconds" not in way}
        cells = [f"{measured[way]:.3g}" if way in measured else "" for way in columns]
        rows.append([f"`{model}`", *cells, max(speeds, key=lambda way: speeds[way])])
    return _table(["model", *columns, "fastest"], rows)


def _render_validity() -> dict[str, str]:
    """A block a group of simulations: what each measured, and what was wanted."""
    record = json.loads((BENCHMARKS / "validity.json").read_text(encoding="utf-8"))
    return {group: _render_rates(simulations) for group, simulations in record.items()}


def _render_rates(simulations: dict[str, Any]) -> str:
    parts = []
    for name, simulation in simulations.items():
        rows = [
            [
                rate["case"],
                f"{100 * rate['rate']:.1f} %",
                _limits(rate["least"], rate["most"]),
                "yes" if rate["is_met"] else "no",
            ]
            for rate in simulation["rates"]
        ]
        trials = sorted({rate["trials"] for rate in simulation["rates"]})
        counted = " to ".join(f"{count:,}" for count in dict.fromkeys((trials[0], trials[-1])))
        parts.append(
            f"**{simulation['title']}** (`{name}`, {counted} trials each)\n\n"
            + _table(["case", "measured", "wanted", "met"], rows)
        )
    return "\n" + "\n".join(parts) + "\n"


def _limits(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"{100 * least:g} to {100 * most:g} %"
    if least is not None:
        return f"≥ {100 * least:g} %"
    return "" if most is None else f"≤ {100 * most:g} %"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _render_samplers() -> str:
    columns = ["sampler", "CV", "no finding", "ESS", "max repeats", "distinct images"]
    return _table(
        columns,
        [
            [
                f"`{name}`",
                f"{row['cv']:.3f}",
                f"{row['no_finding_share']:.3f}",
                f"{row['ess']:.3f}",
                f"{row['max_repeats']:.1f}",
                f"{row['distinct_images']:,.0f}",
            ]
            for name, row in _read_json("nih_samplers.json").items()
        ],
    )


def _render_readme() -> dict[str, str]:
    split = _read_json("split.json")
    test = _read_json("test_macro.json")
    val = _read_json("val_macro.json") if (RESULTS / "val_macro.json").exists() else {}
    parts = split["parts"]
    rarest = sorted(parts["train"]["positives"], key=lambda n: parts["train"]["positives"][n])[:3]
    return {
        "split": _table(
            ["", *parts],
            [
                ["images", *(str(part["images"]) for part in parts.values())],
                ["patients", *(str(part["patients"]) for part in parts.values())],
                *(
                    [name, *(str(part["positives"][name]) for part in parts.values())]
                    for name in rarest
                ),
            ],
        ),
        "balance": _table(
            [
                "label",
                "images",
                "as found %",
                "exact %",
                "drawn %",
                "images behind",
                "patients behind",
            ],
            [
                [
                    row["label"],
                    row["count"],
                    f"{float(row['original_pct']):.2f}",
                    f"{float(row['exact_pct']):.2f}",
                    f"{float(row['weighted_batch_pct']):.2f}",
                    f"{float(row['images_behind']):.0f}",
                    f"{float(row['patients_behind']):.0f}",
                ]
                for row in _read("data_balance_verification.csv")[:4]
            ],
        ),
        "train": _table(
            ["model", "val AUROC", "val AP", "val F1", "test AUROC", "parameters", "minutes"],
            [
                [
                    row["name"],
                    *(
                        _with_interval(
                            {score: float(row[f"val_{score}"]), **val.get(_run_of(row), {})}, score
                        )
                        for score in ("auroc", "average_precision", "f1")
                    ),
                    _with_interval(test[_run_of(row)], "auroc"),
                    f"{int(row['parameters']):,}",
                    f"{float(row['minutes']):.1f}",
                ]
                for row in _read("baseline_results.csv")
                if _run_of(row) in test
            ],
        ),
        "ablate": _render_ablation(),
        "verdict": _render_verdicts(),
        "models": _table(
            ["model", "timm backbone", "attention", "backbone parameters", "parameters"],
            [
                [
                    f"`{name}`",
                    row["backbone"],
                    row["attention"],
                    f"{row['backbone_parameters']:,}",
                    f"{row['parameters']:,}",
                ]
                for name, row in _read_json("models.json").items()
            ],
        ),
    }


def _run_of(row: dict[str, str]) -> str:
    return Path(row["run"]).name


def _with_interval(row: dict[str, Any], score: str) -> str:
    """A score with its interval; with two digits where it has none."""
    if row.get(f"{score}_low") is None:
        return f"{row[score]:.2f}"
    return f"{row[score]:.3f} [{row[f'{score}_low']:.2f}, {row[f'{score}_high']:.2f}]"


def _render_ablation() -> str:
    rows = _read("ablation.csv")
    baseline, *others = dict.fromkeys(row["variant"] for row in rows)
    by_variant = {
        name: {row["label"]: row for row in rows if row["variant"] == name}
        for name in (baseline, *others)
    }
    shown = [*list(by_variant[baseline])[:4], "macro"]
    table = []
    for label in shown:
        row = by_variant[baseline][label]
        positives = (
            f"{row['train_positives']}, {row['val_positives']}" if row["val_positives"] else ""
        )
        cells = [label, positives, f"{float(row['auroc']):.2f}"]
        for name in others:
            other = by_variant[name][label]
            change, *limits = (
                f"{float(other[f'auroc_change{end}']):+.2f}" for end in ("", "_low", "_high")
            )
            cells.append(f"{float(other['auroc']):.2f} ({change} [{', '.join(limits)}])")
        table.append(cells)
    losses = [name.partition("=")[2] for name in (baseline, *others)]
    return _table(
        ["label", "positives: training, validation", *(f"AUROC, {loss}" for loss in losses)], table
    )


def _render_verdicts() -> str:
    study = _read_json("ablation.json")
    lines = []
    for name, verdict in study["verdict"].items():
        reasons = " ".join(verdict["reasons"])
        lines += [f"**{name}: {verdict['decision']}.** {reasons}", ""]
    return "\n".join([*lines, f"*{study['rule']}*", ""])


def fill_blocks(text: str, blocks: dict[str, str]) -> str:
    """The text with each `<!-- begin: name -->` … `<!-- end: name -->` block replaced."""
    for name, content in blocks.items():
        pattern = rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)"
        text, count = re.subn(
            pattern, lambda match, c=content: f"{match[1]}{c}{match[2]}", text, flags=re.DOTALL
        )
        if count != 1:
            raise SystemExit(f"the page has {count} blocks named {name}, not 1")
    return text


def _read_json(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _write_json(name: str, value: Any) -> None:
    (RESULTS / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _read(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main() -> None:
    """Write commands.md and the blocks of the pages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--demo", type=Path, help="folder of a finished demo")
    parser.add_argument("--nih", type=Path, help="NIH's label table")
    parser.add_argument("--models", action="store_true", help="count parameters")
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    if arguments.demo is not None:
        take_demo(arguments.demo)
    if arguments.nih is not None:
        verify_nih(arguments.nih)
    if arguments.models:
        count_models()
    COMMANDS.write_text(render_commands(), encoding="utf-8")
    for page, blocks in render_blocks().items():
        page.write_text(fill_blocks(page.read_text(encoding="utf-8"), blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
