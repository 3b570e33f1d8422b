"""Weights & Biases: a run a run, online or offline as its own settings say (WANDB_MODE).

Online the server knows a run's last step, and what comes after it is sent. Offline nobody goes on
with a run: its folder is written whole, and a file in it, written last, says of what. A folder
without that file was left by one who was killed: it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The package reports its own mistakes to its makers, unless it is asked not to before it is loaded.
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import wandb

from xlite.errors import InputError
from xlite.files import write_json
from xlite.ownership import require_writable_folder
from xlite.signals import hold_back_interrupts
from xlite.tracking.tracked import Tracked
from xlite.tracking.tracker import Place

_WHOLE = "xlite_tracked.json"
"""In the folder of an offline run: what was written there."""
_OFFLINE = ("offline", "dryrun")


def open_place(place: Place) -> WandbTracker:
    """The project; InputError where the folder can't be written to."""
    folder = place.find_folder(os.environ.get("WANDB_DIR"))
    require_writable_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return WandbTracker(folder, place.project or place.default_project)


class WandbTracker:
    """A project, and the folder where its runs are kept until they are sent."""

    def __init__(self, folder: Path, project: str) -> None:
        self.folder, self._project = folder.resolve(), project
        self._runs: dict[str, _OpenRun] = {}
        with _explain():
            self._mode: Any = os.environ.get("WANDB_MODE") or wandb.setup().settings.mode
        self._is_offline = self._mode in _OFFLINE
        # The package makes a folder of its name in the one that it is given.
        kept = folder / "wandb"
        self.where = str(kept) if self._is_offline else f"project {project}"
        self.show = f"wandb sync {kept}/offline-run-*" if self._is_offline else ""

    def write(self, tracked: Tracked) -> int:
        """See `Tracker`."""
        with _explain():
            run = self._runs.get(tracked.name)
            if run is None:
                if self._is_offline and not self._is_to_be_written(tracked):
                    return 0
                run = self._runs[tracked.name] = _OpenRun(self._begin(tracked))
            num_steps = run.write(tracked)
            if tracked.state != "running":
                run.finish()
                del self._runs[tracked.name]
            return num_steps

    def close(self) -> None:
        """Finish what is open."""
        with _explain():
            while self._runs:
                self._runs.popitem()[1].finish()

    def _is_to_be_written(self, tracked: Tracked) -> bool:
        """Whether no folder has it all; one that has less of it is ours to remove, and goes."""
        is_there = False
        for folder in (self.folder / "wandb").glob(f"offline-run-*-{_id_of(tracked)}"):
            if _read_digest(folder) == tracked.digest:
                is_there = True
            else:
                shutil.rmtree(folder)
        return not is_there

    def _begin(self, tracked: Tracked) -> Any:
        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            save_code=False,
            # What this process runs on is no matter of the run's.
            x_disable_stats=True,
            x_disable_meta=True,
            x_disable_machine_info=True,
        )
        with hold_back_interrupts():
            run = wandb.init(
                project=self._project,
                dir=str(self.folder),
                id=_id_of(tracked),
                name=tracked.name,
                group=str(tracked.facts["study"]) if "study" in tracked.facts else None,
                job_type=tracked.kind,
                config=dict(tracked.settings),
                resume=None if self._is_offline else "allow",
                mode=self._mode,
                reinit="create_new",
                settings=settings,
            )
        self.show = self.show or run.project_url or ""
        return run


class _OpenRun:
    """A run of the package, open until what it replays has ended."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._next: int = run.starting_step
        self._tracked: Tracked | None = None

    def write(self, tracked: Tracked) -> int:
        run, self._tracked = self._run, tracked
        new = [step for step in tracked.steps if step.number >= self._next]
        for step in new:
            run.log(dict(step.values), step=step.number)
            self._next = step.number + 1
        run.config.update(dict(tracked.facts), allow_val_change=True)
        if tracked.best is not None:
            run.summary.update(dict(tracked.best.values))
        if tracked.text:
            run.notes = tracked.text
        for path in tracked.figures.values():
            run.save(str(path), base_path=str(path.parent), policy="now")
        return len(new)

    def finish(self) -> None:
        self._run.finish()
        if self._run.settings.mode in _OFFLINE and self._tracked is not None:
            folder = Path(self._run.settings.sync_dir)
            write_json(folder / _WHOLE, {"digest": self._tracked.digest})


def _id_of(tracked: Tracked) -> str:
    """The id of its run: made of its name, which may have signs that ids can't have."""
    return f"xlite-{hashlib.sha256(tracked.name.encode()).hexdigest()[:16]}"


def _read_digest(folder: Path) -> object:
    try:
        content = json.loads((folder / _WHOLE).read_bytes())
    except (OSError, ValueError):
        return None
    return content.get("digest") if isinstance(content, dict) else None


@contextmanager
def _explain() -> Iterator[None]:
    """What the package refuses is said in one line."""
    try:
        yield
    except wandb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"Weights & Biases can't be used: {reason} Run `wandb login`, or set "
            "WANDB_MODE=offline to write files that `wandb sync` sends later."
        ) from None
