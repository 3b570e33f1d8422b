"""What can be known to be wrong with any run of a plan before the first one is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from xlite import console
from xlite.errors import InputError
from xlite.losses.training_loss import build_training_loss
from xlite.models.backbone import match_weights
from xlite.models.census import explain_refused_size
from xlite.models.classifier import Classifier, build_described
from xlite.models.normalisation import require_normalisation
from xlite.models.pretrained import require_pretrained
from xlite.models.stage_heads import StageHeads
from xlite.models.warm_start import match_checkpoint
from xlite.sampling.sampling_plan import plan_sampling, require_sound_sampling
from xlite.sampling.source_sets import find_sampling_sets
from xlite.settings import INSEPARABLE, Runtime, TrainSettings
from xlite.training.device import count_all_processes, require_precision
from xlite.training.probe_features import require_room_for_probe

if TYPE_CHECKING:
    from xlite.training.data import StudyData

_OF_MODEL = (
    *("model", "image_size", "position_encoding", "batch_norm", "drop_path", "drop_rate"),
    *("csra_lambda", "csra_temperature", "csra_heads", "deep_supervision"),
    *("policy", "probe_epochs"),
)
"""The settings that decide whether a model can be built, and trained as they say."""


def check_runs(planned: Sequence[TrainSettings], data: StudyData, runtime: Runtime) -> None:
    """Raise what training one of the planned runs would end with, as far as it can be foreseen.

    That is the fit of settings to each other, to labels, image size, devices, and of the files of
    weights to the models. Nothing is downloaded, no weights are built, and what is said on the way
    (warnings about labels, for one) is left to the run.
    """
    num_processes = count_all_processes()
    with console.hushed():
        for settings in planned:
            require_one_piece(settings)
            require_precision(settings.precision)
            share_batch(settings, num_processes)
        for settings in _distinct(planned, "policy"):
            alike = [one for one in planned if one.policy == settings.policy]
            read = data.read_by(settings)
            _check_losses(alike, read)
            _check_samplers(alike, read, num_processes)
        for settings in _distinct(planned, *_OF_MODEL):
            _check_model(settings, data, runtime)


def require_one_piece(settings: TrainSettings) -> None:
    """Raise InputError when a step is to be computed in parts and the loss would be another."""
    if settings.accumulate > 1 and settings.loss.name in INSEPARABLE:
        raise InputError(
            f"--loss {settings.loss.name} compares the images of a batch with each other, so a "
            f"step can't be computed in {settings.accumulate} parts (--accumulate, --power-safe). "
            "Lower --batch-size instead, or choose another loss."
        )


def share_batch(settings: TrainSettings, num_processes: int) -> int:
    """The images of a batch for each process; InputError where that is no whole number, or too few
    for what the settings do with them.
    """
    share, rest = divmod(settings.batch_size, num_processes)
    if rest:
        raise InputError(
            f"a batch of {settings.batch_size} can't be dealt out evenly to {num_processes} "
            "processes. Change --batch-size or --devices."
        )
    if share == 1 and settings.mixes_films:
        raise InputError(
            f"a batch of {settings.batch_size} leaves each of {num_processes} processes one film, "
            "and --mixup and --cutmix mix those of a process. Raise --batch-size."
        )
    return share


def needs_hub_weights(settings: TrainSettings, runtime: Runtime, *, num_classes: int) -> bool:
    """Whether timm's weights are needed: not where a warm start replaces the whole backbone's."""
    if settings.initial_weights != "hub":
        return False
    if runtime.warm_start is None:
        return True
    found, _ = match_checkpoint(_outline(settings, num_classes), runtime.warm_start)
    return not found.has_whole_backbone


def _check_losses(planned: Sequence[TrainSettings], data: StudyData) -> None:
    train, cpu = data.parts["train"], torch.device("cpu")
    for settings in _distinct(planned, "loss"):
        build_training_loss(settings.loss, train.labels, train.vocabulary, device=cpu)


def _check_samplers(planned: Sequence[TrainSettings], data: StudyData, num_processes: int) -> None:
    train = data.parts["train"]
    for settings in _distinct(planned, "sampler", "batch_size"):
        sampling = plan_sampling(
            find_sampling_sets(train, settings.sampler),
            settings.sampler,
            train.vocabulary,
            batch_size=share_batch(settings, num_processes),
            seed=settings.seed,
            world_size=num_processes,
        )
        require_sound_sampling(sampling, train.vocabulary)


def _check_model(settings: TrainSettings, data: StudyData, runtime: Runtime) -> None:
    model = _outline(settings, len(data.vocabulary))
    size = settings.image_size or data.image_size
    with explain_refused_size(model, size), torch.no_grad():
        images = torch.zeros(1, 1, size, size, device="meta")
        if settings.deep_supervision:
            with torch.device("meta"):
                heads = StageHeads(model.backbone, len(data.vocabulary))
            heads.run(model.eval(), images)
        else:
            model.eval()(images)
    if settings.probe_epochs:
        train = data.read_by(settings).parts["train"]
        require_room_for_probe(model, num_images=len(train), image_size=size)
    require_normalisation(model.backbone, settings.batch_norm)
    if runtime.weights_path is not None:
        match_weights(model.backbone, runtime.weights_path)
    if needs_hub_weights(settings, runtime, num_classes=len(data.vocabulary)):
        require_pretrained(model.backbone.timm_name)
    elif runtime.warm_start is not None:
        match_checkpoint(model, runtime.warm_start)


def _outline(settings: TrainSettings, num_classes: int) -> Classifier:
    """The model without values: on the meta device nothing is initialised or computed."""
    with torch.device("meta"):
        return build_described(
            settings,
            num_classes=num_classes,
            drop_path=settings.drop_path,
            drop_rate=settings.drop_rate,
        )


def _distinct(planned: Sequence[TrainSettings], *fields: str) -> list[TrainSettings]:
    """One of the settings for each combination of the fields' values."""
    found: dict[tuple[object, ...], TrainSettings] = {}
    for settings in planned:
        found.setdefault(tuple(getattr(settings, field) for field in fields), settings)
    return list(found.values())
