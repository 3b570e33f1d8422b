"""Importing timm, and the trained weights of its models from its hub or the hub's cache."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from xlite.errors import InputError, did_you_mean
from xlite.models.catalogue import MODELS

if TYPE_CHECKING:
    from types import ModuleType

_REMEDIES = "Pass --weights FILE.safetensors, or --no-pretrained to start from random weights."

HUB_TIMEOUT_SECONDS = 5.0

_MISSING_OPERATOR = "operator torchvision::nms does not exist"
"""What importing a torchvision says that was built for another torch."""


def import_timm() -> ModuleType:
    """The timm package, late: with torchvision, which it imports, it takes over a second.

    Raises InputError where torchvision was built for another torch, as pip's is beside a torch from
    another index.
    """
    try:
        import timm
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
        raise InputError(
            f"torchvision was built for another torch than the one here ({torch.__version__}), and "
            "timm can't be imported. Install both from one place: pip install --force-reinstall "
            "torch torchvision, with --index-url https://download.pytorch.org/whl/cpu on a "
            "machine without a GPU."
        ) from error
    return timm


def check_timm_name(timm_name: str) -> None:
    """Raise InputError, with close matches, for a model or a tag of weights that timm lacks."""
    timm = import_timm()
    if not timm.is_model(timm_name):
        # One of the six hybrids may have been meant.
        hint = did_you_mean(timm_name, [*MODELS, *timm.list_models()])
        raise InputError(
            f"timm {timm.__version__} has no model {timm_name!r}.{hint} "
            "Its names are on https://huggingface.co/timm."
        )
    architecture, _, tag = timm_name.partition(".")
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise InputError(
            f"timm {timm.__version__} has no weights {tag!r} of {architecture}."
            f"{did_you_mean(tag, tags)} "
            f"It has: {', '.join(tags) or 'none'}."
        )


def create_pretrained_model(timm_name: str, **arguments: float) -> nn.Module:
    """timm's model without its classifier and with its weights, from the local cache or the hub.

    arguments: further ones of timm's `create_model`.
    Raises InputError with the remedies when there are none or the hub can't be reached. That takes
    at most `HUB_TIMEOUT_SECONDS` for each of its addresses: left to itself, the hub's client
    was measured to retry for 47 s.
    """
    timm = import_timm()
    from huggingface_hub.errors import HfHubHTTPError

    require_pretrained(timm_name)
    cached_path = find_cached_weights(timm_name)
    overlay = {"file": str(cached_path)} if cached_path else None
    # The hub's client is httpx or requests, by its version; its own error derives from theirs.
    failures: tuple[type[BaseException], ...] = (OSError, *HfHubHTTPError.__bases__)
    try:
        model: nn.Module = timm.create_model(
            timm_name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay, **arguments
        )
    except failures as error:
        raise InputError(
            f"the weights of {timm_name} can't be downloaded ({error}). {_REMEDIES}"
        ) from error
    return model


def require_pretrained(timm_name: str) -> None:
    """Raise the InputError that `create_pretrained_model` would, without loading any weights."""
    if not has_pretrained_weights(timm_name):
        raise InputError(f"timm has no pretrained weights of {timm_name}. {_REMEDIES}")
    address = None if find_cached_weights(timm_name) else _unreachable_hub()
    if address:
        raise InputError(
            f"the weights of {timm_name} can't be downloaded: {address} can't be reached. "
            f"{_REMEDIES}"
        )


def has_pretrained_weights(timm_name: str) -> bool:
    """Whether timm knows of trained weights for a model, wherever they are."""
    return bool(import_timm().get_pretrained_cfg(timm_name).has_weights)


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
