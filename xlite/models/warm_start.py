"""Starting a classifier from another one's checkpoint, with a changed head, attention or width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from xlite.errors import InputError
from xlite.models.classifier import Classifier
from xlite.models.weights_file import abridge_names, read_weights, require_sound

_BACKBONE = "backbone.model."
"""What stands before timm's names in a classifier's."""

_NORMALISATION = ("pixel_scale", "pixel_shift")
"""Buffers that belong to the backbone's weights: what its pixels were scaled to in training."""

_NOT_IN_MODEL = "not in the model"
_OTHER_SHAPE = "of another shape"
_OTHER_BACKBONE = "belongs to a backbone that was not loaded whole"


@dataclass(frozen=True)
class WarmStart:
    """What a checkpoint gave to a classifier, tensor by tensor (parameters and buffers)."""

    path: Path
    """The checkpoint."""
    loaded: tuple[str, ...]
    """Names, in the model, of the tensors that now hold the checkpoint's values."""
    left_out: dict[str, str]
    """The reason by name, in the checkpoint, for each tensor of it that was not loaded."""
    missing: tuple[str, ...]
    """Names, in the model, of the tensors that kept their values."""

    @property
    def has_whole_backbone(self) -> bool:
        """Whether nothing of the backbone's own initial weights is left."""
        return not any(name.startswith(_BACKBONE) for name in self.missing)

    def describe(self) -> str:
        """What was loaded, and a line each for what was left out and for what is missing."""
        total = len(self.loaded) + len(self.missing)
        lines = [f"warm start: {len(self.loaded)} of {total} tensors loaded from {self.path}."]
        if self.left_out:
            lines.append(f"left out of the file: {_summarise_reasons(self.left_out)}.")
        if self.missing:
            # The normalisation's two buffers stand outside the parts; they come last.
            names = sorted(self.missing, key=lambda name: "." not in name)
            parts = Counter(
                name.partition(".")[0] if "." in name else "pixel normalisation" for name in names
            )
            counts = ", ".join(f"{count} of {part}" for part, count in parts.items())
            lines.append(f"kept as they were in the model: {counts} ({abridge_names(names)}).")
        return "\n".join(lines)


def warm_start(model: Classifier, path: Path) -> WarmStart:
    """What was loaded into `model`, in place, from the checkpoint in `path`, and what was not.

    See `match_checkpoint`, whose errors leave the model as it was.
    """
    found, tensors = match_checkpoint(model, path)
    model.load_state_dict(tensors, strict=False)
    return found


def match_checkpoint(model: Classifier, path: Path) -> tuple[WarmStart, dict[str, Tensor]]:
    """What of the checkpoint in `path` a warm start of `model` loads, and its tensors by name.

    A tensor fits where name and shape are the model's; its values do not matter, so that a model
    on the meta device will do. The checkpoint is read by `read_weights`; its names may be a
    classifier's or timm's, behind any prefix (`model.`, `net.backbone.`): of all readings, the one
    by which most weights fit is taken. Pixel normalisation comes along with a whole backbone only.

    Raises InputError for a file that can't be read, for values that no training leaves behind
    (`require_sound`), and when no weight of two or more dimensions fits: a bias fits any model
    with as many labels, and buffers nearly any.
    """
    weights = read_weights(path)
    expected = model.state_dict()
    matrices = {name for name, parameter in model.named_parameters() if parameter.ndim > 1}
    model_names = _match_names(weights, expected, matrices)

    fitting: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, tensor in weights.items():
        model_name = model_names.get(name)
        if model_name is None:
            left_out[name] = _NOT_IN_MODEL
        elif tensor.shape != expected[model_name].shape:
            shapes = f"{tuple(tensor.shape)} instead of {tuple(expected[model_name].shape)}"
            left_out[name] = f"{_OTHER_SHAPE}: {shapes}"
        else:
            fitting[model_name] = name
    if not matrices & fitting.keys():
        raise InputError(
            f"warm start: nothing of {path} fits this model on {model.backbone.timm_name}. Of its "
            f"{len(weights)} tensors: {_summarise_reasons(left_out) or 'biases or buffers only'}. "
            "Pass a checkpoint of a model on the same backbone, or train without it."
        )

    backbone = {name for name, _ in model.named_parameters() if name.startswith(_BACKBONE)}
    if not backbone <= fitting.keys():
        for model_name in _NORMALISATION:
            if model_name in fitting:
                left_out[fitting.pop(model_name)] = _OTHER_BACKBONE
    require_sound({name: weights[name] for name in fitting.values()}, path, option="--warm-start")
    tensors = {model_name: weights[name] for model_name, name in fitting.items()}
    loaded = tuple(name for name in expected if name in fitting)
    missing = tuple(name for name in expected if name not in fitting)
    return WarmStart(path=path, loaded=loaded, left_out=left_out, missing=missing), tensors


def _match_names(
    weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], matrices: set[str]
) -> dict[str, str]:
    """The model's name for each of the checkpoint's tensors that the model knows by name.

    One prefix is taken off and one put before; the pair by which most of the weight matrices fit
    wins, the plainest at a tie.
    """
    prefixes = {""}
    for name in weights:
        components = name.split(".")
        # Wrappers seen: model., net.backbone., model._orig_mod.backbone.; none has four levels.
        prefixes |= {".".join(components[:n]) + "." for n in range(1, min(4, len(components)))}

    def read(removed: str, added: str) -> dict[str, str]:
        renamed = {
            name: added + name.removeprefix(removed) for name in weights if name.startswith(removed)
        }
        return {name: new for name, new in renamed.items() if new in expected}

    def count_fitting(model_names: Mapping[str, str]) -> int:
        return sum(
            new in matrices and weights[name].shape == expected[new].shape
            for name, new in model_names.items()
        )

    readings = [
        read(removed, added)
        for removed in sorted(prefixes, key=lambda prefix: (len(prefix), prefix))
        for added in ("", _BACKBONE)
    ]
    # max takes the first of equals.
    return max(readings, key=lambda names: (count_fitting(names), len(names)))


def _summarise_reasons(left_out: Mapping[str, str]) -> str:
    """How many tensors were left out for which reason, with the first few names."""
    by_reason: dict[str, list[str]] = {}
    for name, text in left_out.items():
        reason, colon, shapes = text.partition(": ")
        by_reason.setdefault(reason, []).append(f"{name} {shapes}" if colon else name)
    return "; ".join(
        f"{len(names)} {reason} ({abridge_names(names)})" for reason, names in by_reason.items()
    )
