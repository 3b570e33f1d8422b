"""Writes what the documentation shows from what the program says.

    python docs/generate.py            commands.md from the command line's own help, and the
                                       marked blocks of the pages from docs/results/ and
                                       benchmarks/
    python docs/generate.py --demo D   first takes the demo's results in D
    python docs/generate.py --nih CSV  first verifies the balance of NIH's label table
    python docs/generate.py --models   first counts parameters and MACs of the hybrids

tests/test_docs.py holds the pages to it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer
from benchmark_blocks import (
    render_few_speeds,
    render_near_duplicates,
    render_scale,
    render_speeds,
    render_study_scale,
    render_unlike_films,
    render_validity,
    render_ways,
)
from dataset_blocks import render_sources
from doctor_blocks import render_checks
from map_blocks import render_maps, render_vocabularies
from nih_blocks import (
    render_disk,
    render_epochs,
    render_memory,
    render_minutes,
    render_training_memory,
)
from result_blocks import (
    render_ablation,
    render_balance,
    render_models,
    render_rule,
    render_samplers,
    render_split,
    render_train,
    render_verdicts,
)

DOCS = Path(__file__).parent
RESULTS = DOCS / "results"
IMAGES = DOCS / "images"
COMMANDS = DOCS / "commands.md"

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
    """Count parameters and MACs of the six hybrids and their backbones, with 14 labels."""
    from xlite.models.census import list_default_names, measure_model

    counts = {}
    for name in list_default_names():
        figures = [measure_model(name, image_size=size) for size in (224, 512, 1024)]
        counts[name] = {
            "parameters": figures[0].num_parameters,
            "macs": {str(one.image_size): one.num_macs for one in figures},
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
    """The marked blocks of each page by name, as Markdown."""
    return {
        DOCS.parent / "README.md": {
            "split": render_split(),
            "balance": render_balance(),
            "train": render_train(),
            "verdict": render_verdicts(),
            "speed": render_few_speeds(),
        },
        DOCS / "label_maps.md": {
            "vocabularies": render_vocabularies(),
            "maps": render_maps(),
        },
        DOCS / "ablate.md": {
            "ablate": render_ablation(),
            "verdict": render_verdicts(),
            "rule": render_rule(),
        },
        DOCS / "before.md": {"memory": render_training_memory()},
        DOCS / "balance.md": {"samplers": render_samplers()},
        DOCS / "data.md": render_near_duplicates(),
        DOCS / "datasets.md": render_sources(),
        DOCS / "doctor.md": render_checks(),
        DOCS / "judging.md": render_validity(),
        DOCS / "models.md": {"models": render_models()},
        DOCS / "nih.md": {
            "disk": render_disk(),
            "minutes": render_minutes(),
            "epochs": render_epochs(),
            "memory": render_memory(),
        },
        DOCS / "predict.md": {"unlike-films": render_unlike_films()},
        DOCS / "scaling.md": {"scale": render_scale()},
        DOCS / "speed.md": {"speed": render_speeds()},
        DOCS / "studies.md": {"study-scale": render_study_scale()},
        DOCS / "training.md": {"ways": render_ways()},
    }


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


def _write_json(name: str, value: Any) -> None:
    (RESULTS / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


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
