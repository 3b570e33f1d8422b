"""What makes resume exact: a checkpoint of all that training carries along, whole at any instant.

In it are the weights, the optimizer, the scaler of fp16 and the average of the weights
(`Stepper.parts`), the best epoch's weights, and where the run stands (`TrainState`). No random
stream needs saving: order, augmentation, dropout and redrawn features are pure functions of
(seed, epoch, position or step).

A checkpoint is written under a temporary name, flushed to the disk and read back; only then does
the last one become `previous.pt` and the new one `last.pt`. Whatever the instant of a kill, one
of the two is whole; and because training is a pure function of a checkpoint, going on from the
older one gives the same bytes, only later.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xlite import console
from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.inputs import open_regular
from xlite.models.weights_file import refuse_bomb
from xlite.run_folder.folder import RunFolder
from xlite.training.identity import RunIdentity, require_same_run
from xlite.training.state import TrainState

FORMAT = 2
"""Version of the content; another one is refused by name."""

_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError)


def save_checkpoint(
    run_dir: Path,
    *,
    parts: Mapping[str, Any],
    state: TrainState,
    best: Mapping[str, Tensor],
    identity: RunIdentity,
) -> None:
    """Write `last.pt`, keeping the one before as `previous.pt`.

    parts: objects with a `state_dict()`, by name. best: the weights of the best epoch.
    """
    content: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    content |= {
        "format": FORMAT,
        "state": state.to_content(),
        "best": dict(best),
        "identity": identity.to_content(),
        "num_threads": torch.get_num_threads(),
    }
    run = RunFolder(run_dir)
    with atomic_path(run.last_checkpoint) as temporary:
        _write(content, temporary)
        read_checkpoint(temporary)
        if run.last_checkpoint.exists():
            run.last_checkpoint.replace(run.previous_checkpoint)


def _write(content: dict[str, Any], path: Path) -> None:
    # Of a full disk torch's own writer says that it stopped at another place than it should have.
    try:
        with path.open("wb") as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        raise OSError(cause.errno, cause.strerror, str(path.parent)) from None


def load_checkpoint(
    run_dir: Path, *, parts: Mapping[str, Any], identity: RunIdentity
) -> tuple[TrainState, dict[str, Tensor]] | None:
    """Restore `parts` from a run's checkpoint; returns the state and the best weights.

    None when there is no checkpoint yet. A file that can't be read is named, and the previous
    checkpoint is used. Raises InputError when neither can be read, when the checkpoint belongs to
    another run (other settings or data), whose differences it names, or says what can't be.
    """
    content = _read_newest(run_dir)
    if content is None:
        if RunFolder(run_dir).is_begun:
            console.warn(f"{run_dir} has no checkpoint any more: it is trained from its start.")
        return None
    saved = RunIdentity.from_content(content["identity"], where=run_dir)
    require_same_run(saved, identity, where=run_dir)
    try:
        state = TrainState.from_content(content["state"])
    except (TypeError, KeyError, ValueError) as error:
        raise _untrue(run_dir, str(error)) from None
    for name, part in parts.items():
        if name not in content:
            raise _untrue(run_dir, f"it has no {name}")
        try:
            part.load_state_dict(content[name])
        except (TypeError, KeyError, ValueError, AttributeError, RuntimeError) as error:
            raise _untrue(run_dir, f"its {name} does not fit ({_explain(error)})") from None
    return state, content["best"]


def _untrue(run_dir: Path, fault: str) -> InputError:
    return InputError(
        f"the checkpoint in {run_dir} can't be true: {fault}. Delete its last.pt to go on from "
        "the checkpoint before, if there is one, or to train this run from its start."
    )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, every byte of it checked; it can't run code.

    Raises InputError for a file that is damaged, would run code, or is not xlite's.
    """
    try:
        with open_regular(path, what="checkpoint", remedy="Delete it.") as file:
            with zipfile.ZipFile(file) as archive:
                refuse_bomb(archive, path)
                damaged = archive.testzip()
            if damaged is not None:
                raise InputError(f"checkpoint {path} is damaged: {damaged} fails its checksum.")
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except zipfile.BadZipFile:
        raise InputError(f"checkpoint {path} is cut short, or no checkpoint at all.") from None
    except _UNREADABLE as error:
        raise InputError(f"checkpoint {path} can't be read: {_explain(error)}.") from None
    if (
        not isinstance(content, dict)
        or content.get("format") != FORMAT
        or not {"state", "best", "identity"} <= content.keys()
    ):
        raise InputError(f"checkpoint {path} was not written by this version of xlite.")
    return content


def _read_newest(run_dir: Path) -> dict[str, Any] | None:
    faults = []
    for path in RunFolder(run_dir).checkpoints:
        try:
            content = read_checkpoint(path)
        except InputError as error:
            faults.append(str(error))
            continue
        for fault in faults:
            console.warn(f"{fault} Training goes on from {path} instead.")
        return content
    if faults:
        raise InputError(
            f"{' '.join(faults)} No other checkpoint is left. Delete the file to train this run "
            "from its start."
        )
    return None


def _explain(error: BaseException) -> str:
    """One clause: what the file would have run, or torch's own first sentence."""
    # torch goes on to advise that the protection be switched off.
    wanted = re.search(r"GLOBAL (\S+)", str(error))
    if wanted:
        return f"opening it would run code ({wanted[1]}), which xlite never does"
    return re.split(r"\n|\. ", str(error))[0]
