"""Importing timm, and the trained weights of its models: from its hub or from a file."""

from __future__ import annotations

import difflib
import pickle
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from xlite.errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

HUB_TIMEOUT_SECONDS = 5.0

_MISSING_OPERATOR = "operator torchvision::nms does not exist"

# torch forgets operators when the Library that defined them is collected.
_libraries: list[torch.library.Library] = []


def import_timm() -> ModuleType:
    """The timm package, even where torchvision was built for another torch.

    The torchvision that pip finds is the CUDA build; beside a CPU torch, or another CUDA's, its
    C++ extension does not load and `import torchvision` dies registering a meta kernel for an
    operator that is not there. timm uses none of torchvision's compiled operators, so declaring
    them suffices: calling them still fails, saying that they are not implemented. A working
    torchvision is left alone.
    """
    try:
        import timm
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] in ("timm", "torchvision")]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            signature = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(signature)  # type: ignore[no-untyped-call]
        _libraries.append(library)
        import timm
    return timm


def check_timm_name(timm_name: str) -> None:
    """Raise InputError, with close matches, for a model or a tag of weights that timm lacks."""
    timm = import_timm()
    if not timm.is_model(timm_name):
        close = difflib.get_close_matches(timm_name, timm.list_models(), n=3)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise InputError(
            f"timm {timm.__version__} has no model {timm_name!r}.{hint} "
            "Its names are on https://huggingface.co/timm."
        )
    architecture, _, tag = timm_name.partition(".")
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise InputError(
            f"timm {timm.__version__} has no weights {tag!r} of {architecture}. "
            f"It has: {', '.join(tags) or 'none'}."
        )


def create_pretrained_model(timm_name: str) -> nn.Module:
    """timm's model without its classifier and with its weights, from the local cache or the hub.

    Raises InputError with the remedies when there are none or the hub can't be reached. That takes
    at most `HUB_TIMEOUT_SECONDS` for each of its addresses: left to itself, the hub's client
    was measured to retry for 47 s.
    """
    timm = import_timm()
    from huggingface_hub.errors import HfHubHTTPError

    remedies = "Pass --weights FILE.safetensors, or --no-pretrained to start from random weights."
    config = timm.get_pretrained_cfg(timm_name)
    if not config.has_weights:
        raise InputError(f"timm has no pretrained weights of {timm_name}. {remedies}")
    cached_path = find_cached_weights(timm_name)
    overlay = {"file": str(cached_path)} if cached_path else None
    if cached_path is None:
        address = _unreachable_hub()
        if address:
            raise InputError(
                f"the weights of {timm_name} can't be downloaded: {address} can't be reached. "
                f"{remedies}"
            )
    # The hub's client is httpx or requests, by its version; its own error derives from theirs.
    failures: tuple[type[BaseException], ...] = (OSError, *HfHubHTTPError.__bases__)
    try:
        model: nn.Module = timm.create_model(
            timm_name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
        )
    except failures as error:
        raise InputError(
            f"the weights of {timm_name} can't be downloaded ({error}). {remedies}"
        ) from error
    return model


def find_cached_weights(timm_name: str) -> Path | None:
    """The safetensors file of a timm model in the hub's local cache, or None."""
    from huggingface_hub import try_to_load_from_cache

    config = import_timm().get_pretrained_cfg(timm_name)
    filename = config.hf_hub_filename or "model.safetensors"
    if not config.hf_hub_id or not filename.endswith(".safetensors"):
        return None
    cached = try_to_load_from_cache(config.hf_hub_id, filename)
    return Path(cached) if isinstance(cached, str) else None


def _unreachable_hub() -> str | None:
    """The hub's address if nothing answers there (or offline mode is on), else None."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return f"{constants.ENDPOINT} (HF_HUB_OFFLINE is set)"
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=HUB_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError:
        return None
    except OSError as error:
        # A certificate that only the hub's client trusts is still an answer.
        answered = isinstance(getattr(error, "reason", None), ssl.SSLError)
        return None if answered else str(constants.ENDPOINT)
    return None


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors, .pt or .pth file by name; nothing in the file can run code.

    Raises InputError for a file that is missing or damaged, has another format or holds objects
    other than tensors and plain containers.
    """
    if path.suffix not in (".safetensors", ".pt", ".pth"):
        raise InputError(f"--weights {path}: the name has to end in .safetensors, .pt or .pth.")
    if not path.is_file():
        raise InputError(f"--weights {path}: there is no such file.")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    unreadable = f"--weights {path}: no {path.suffix} file of tensors can be read from it"
    is_safetensors = path.suffix == ".safetensors"
    try:
        content: Any = (
            load_file(path)
            if is_safetensors
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except pickle.UnpicklingError as error:
        # torch's own message advises to switch the protection off.
        raise InputError(
            f"{unreadable}: it is none, or holds objects that could run code. "
            "Convert it to .safetensors where you trust it."
        ) from error
    # torch raises EOFError for an empty file, RuntimeError or KeyError for a cut-off one.
    except (SafetensorError, RuntimeError, EOFError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{unreadable} ({reason}). Get the file again.") from error
    # Training scripts, timm's too, save more than the weights, and DDP prefixes their names.
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(w, Tensor) for w in content.values()):
        raise InputError(f"--weights {path}: it holds something else than named tensors.")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
