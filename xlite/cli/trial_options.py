"""What `xlite train` tries instead of training: one thing at a time, before a run is worth it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.expansion import RARE
from xlite.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.cli.running_options import RunningOptions
    from xlite.cli.training_command import StudyOptions
    from xlite.studies.plan import PlannedRun

_option = partial(typer.Option, rich_help_panel="Before the run")


@dataclass(frozen=True)
class TrialOptions:
    """What is tried; at most one of them."""

    overfit: Annotated[
        int | None,
        _option(
            "--overfit",
            metavar="N",
            min=2,
            help="Train nothing: see whether each model learns N films by heart (exit 1 if not).",
        ),
        RARE,
    ] = None
    find_lr: Annotated[
        bool,
        _option(
            "--find-lr",
            help="Train nothing: let the learning rate rise over 100 steps and suggest one.",
        ),
        RARE,
    ] = False
    profile_loader: Annotated[
        bool,
        _option(
            "--profile-loader",
            help="Train nothing: images/s of loading, of computing, and of both; 20 seconds.",
        ),
        RARE,
    ] = False
    show_augmentation: Annotated[
        bool,
        _option(
            "--show-augmentation",
            help="Train nothing: a picture of films as the first epochs will show them.",
        ),
        RARE,
    ] = False

    @property
    def chosen(self) -> str | None:
        """The option that was passed; InputError where there are several."""
        passed = {
            "--overfit": self.overfit is not None,
            "--find-lr": self.find_lr,
            "--profile-loader": self.profile_loader,
            "--show-augmentation": self.show_augmentation,
        }
        names = [name for name, is_passed in passed.items() if is_passed]
        if len(names) > 1:
            raise InputError(f"{' and '.join(names)} are tried one at a time. Pass one of them.")
        return names[0] if names else None

    def check(self, study: StudyOptions, running: RunningOptions, **passed: bool) -> None:
        """Raise InputError for an option that is for runs, by its name, where none is trained."""
        passed |= {"resume": study.resume, "tune": running.tune}
        idle = [f"--{name.replace('_', '-')}" for name, is_passed in passed.items() if is_passed]
        if self.chosen and idle:
            raise InputError(
                f"{self.chosen} trains no runs, so {', '.join(idle)} would change nothing. Leave "
                "it out."
            )

    def is_carried_out(
        self,
        plan: Sequence[PlannedRun],
        study: StudyOptions,
        running: RunningOptions,
        *,
        json: bool,
    ) -> bool:
        """Try what was chosen with each of the planned runs and show what was found; whether
        anything was."""
        if self.chosen is None:
            return False
        from xlite.cli import trial_tables as tables
        from xlite.workflows import before_training as before

        settings = [running.settle_precision(run.settings) for run in plan]
        if self.show_augmentation:
            # Whatever the model, it sees the same.
            sheet = before.show_augmentation(settings[0], **study.places)
            tables.show_sheet(sheet, json=json)
            return True
        runtime = running.prepare(settings[0], is_cached=study.images is None)
        places = {**study.places, "runtime": runtime}
        if self.find_lr:
            tables.show_rates([before.find_lr(one, **places) for one in settings], json=json)
            return True
        del places["out"]
        if self.profile_loader:
            profiles = [before.profile_loader(one, **places) for one in settings]
            tables.show_profiles(profiles, json=json)
        elif self.overfit is not None:
            checks = [before.overfit(one, self.overfit, **places) for one in settings]
            tables.show_overfitting(checks, json=json)
        return True
