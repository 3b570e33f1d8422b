"""Commands as page, log and card print them: pasted into a shell, each runs from any folder.

What was typed names its folders as they were seen from where it was typed, so each command begins
by going there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlite.reporting.log_markdown import join_command
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison
from xlite.run_folder.folder import RunFolder
from xlite.settings import TrainSettings
from xlite.settings.names import PARTS

WEIGHTS_FILE = "sha256:"
"""What a setting begins with that names a file by its sum."""
WEIGHTS_OPTIONS = {
    "initial_weights": ("--weights", "weights_path"),
    "warm_start": ("--warm-start", "warm_start"),
}
"""Settings that name a file by its SHA-256: their option, and where its path is noted."""

_UNTRAINED = "--no-pretrained"
_AGAIN = "-again"


def paste_command(words: Sequence[str], folder: str | Path | None) -> str:
    """The words as one line for a shell, after going to `folder`; None: where that is not known.

    >>> paste_command(["xlite", "train", "--out", "my runs"], "/home/me/chest films")
    "cd '/home/me/chest films' && xlite train --out 'my runs'"
    """
    line = join_command(words)
    return line if folder is None else f"{join_command(['cd', str(folder)])} && {line}"


def build_train_command(run: RunFolder) -> str:
    """The command line that trains the run again beside it, and says so where that is done."""
    return paste_command(list_train_words(run), find_working_dir(run))


def list_train_words(run: RunFolder) -> list[str]:
    """The words of the same command, to be given in the folder where the run was trained.

    Of a run of version 0.1 it is not known where split and cache lay.
    """
    settings, config = run.settings, run.config
    runtime: Mapping[str, Any] = run.sittings[-1].runtime if run.sittings else {}
    # Always said, since a default of the command may come to differ from this run.
    always = {
        "--models": settings.model,
        "--loss": settings.loss.name,
        "--sampler": settings.sampler.name,
        "--epochs": settings.epochs,
        "--seed": settings.seed,
        "--precision": settings.precision,
    }
    words = ["xlite", "train", *(str(word) for pair in always.items() for word in pair)]
    for name, value in list_changes(run).items():
        option = _option_of(name)
        if name in WEIGHTS_OPTIONS and str(value).startswith(WEIGHTS_FILE):
            option, noted = WEIGHTS_OPTIONS[name]
            words += [option, str(runtime.get(noted) or "FILE")]
        elif name == "initial_weights":
            words.append(_UNTRAINED)
        elif option not in always:
            words += [option] if value is True else [option, _as_argument(value)]
    machine = {"--device": ("device", "auto"), "--devices": ("devices", 1)}
    for option, (name, default) in machine.items():
        if runtime.get(name, default) != default:
            words += [option, str(runtime[name])]
    data = config.data
    for option, place in (
        ("--split", data.split_dir),
        ("--cache", data.cache_dir),
        ("--images", data.images_dir),
    ):
        if place is not None:
            words += [option, place]
    return [*words, *_put_beside(Path(config.out_dir or "experiments")), "--resume"]


def build_judging_command(study: Ablation | Comparison, experiments_dir: Path) -> str | None:
    """The command line that makes an ablation anew beside `experiments_dir`, or judges the methods
    of a comparison there again; None where what made it was no command.
    """
    try:
        words = shlex.split(study.command)
    except ValueError:  # The file was edited: half a quotation is no command.
        return None
    if words[:1] != ["xlite"]:
        return None
    if isinstance(study, Ablation) and study.working_dir is not None:
        # The last of an option counts.
        words += [*_put_beside(_name_from(experiments_dir, study.working_dir)), "--resume"]
    return paste_command(words, study.working_dir)


def find_working_dir(run: RunFolder) -> str | None:
    """The folder that the run's relative paths are seen from; None where that is not known.

    Where the experiments folder was named relative to it that still says where it is, wherever
    the whole project has been moved to since.
    """
    config = run.config
    # The first sitting has written `config.json`, from where it was.
    begun_in = run.sittings[0].working_dir if run.sittings else None
    named = Path(config.out_dir or "")
    experiments = run.path.absolute().parent.parent
    parts = named.parts
    if config.out_dir is None or named.is_absolute() or ".." in parts:
        return begun_in
    if experiments.parts[len(experiments.parts) - len(parts) :] != parts:
        return begun_in
    return str(Path(*experiments.parts[: len(experiments.parts) - len(parts)]))


def list_changes(run: RunFolder) -> dict[str, Any]:
    """The settings that differ from the defaults, without the model."""
    return {name: value for name, value in run.settings.changes().items() if name != "model"}


def _put_beside(out: Path) -> list[str]:
    """The option for a folder beside `out`: in `out` itself runs would be found finished."""
    return ["--out", str(out.with_name(f"{out.name}{_AGAIN}")) if out.name else _AGAIN[1:]]


def _name_from(folder: Path, working_dir: str) -> Path:
    absolute = folder.absolute()
    if absolute.is_relative_to(working_dir):
        return absolute.relative_to(working_dir)
    return absolute


def _option_of(setting: str) -> str:
    group, _, field = setting.rpartition(".")
    return PARTS.get(group, TrainSettings).option(field)


def _as_argument(value: Any) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
