"""Names of models, understood without importing torch or timm.

A model is one of the six hybrids of `MODELS`, or a timm name, alone or with `+mhsa`,
`+performer` or their control `+mean`; behind that may stand the head, `+linear`, `+gem`, `+csra` or
`+query`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from xlite.errors import ArgumentError, InputError, did_you_mean

Attention = Literal["none", "mhsa", "performer", "mean"]
HeadName = Literal["plain", "linear", "gem", "csra", "query"]


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What a model's name stands for."""

    name: str
    """As the user wrote it; run folders and tables carry it."""
    timm_name: str
    """The backbone's name in timm, with its weights' tag if one was given."""
    attention: Attention
    """The block between the feature map and the head."""
    head: HeadName = "plain"
    """What makes logits of the tokens."""


_HYBRID_BACKBONES = {
    "efficientnet_b0": "efficientnet_b0",
    "convnext_tiny": "convnext_tiny",
    "mobilenet_v3_large": "mobilenetv3_large_100",
}

MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for backbone, timm_name in _HYBRID_BACKBONES.items()
    for spec in (
        ModelSpec(name=f"{backbone}_mhsa", timm_name=timm_name, attention="mhsa"),
        ModelSpec(name=f"{backbone}_performer", timm_name=timm_name, attention="performer"),
    )
}
"""The six hybrids by name."""

_ATTENTIONS: tuple[Attention, ...] = tuple(kind for kind in get_args(Attention) if kind != "none")
_HEADS: tuple[HeadName, ...] = tuple(kind for kind in get_args(HeadName) if kind != "plain")


def parse_model_name(name: str) -> ModelSpec:
    """The backbone, the attention and the head that a model's name asks for.

    Raises InputError for an ending that is neither an attention nor a head, for two of a kind, for
    a head before the attention, for text that can't be a timm name, and for a near miss of one of
    the six. Whether timm has the backbone is `create_backbone`'s question.

    >>> parse_model_name("efficientnet_b0_mhsa").timm_name
    'efficientnet_b0'
    >>> parse_model_name("resnet18+performer+csra")  # doctest: +NORMALIZE_WHITESPACE
    ModelSpec(name='resnet18+performer+csra', timm_name='resnet18', attention='performer',
              head='csra')
    >>> parse_model_name("resnet18").attention, parse_model_name("resnet18").head
    ('none', 'plain')
    """
    if not isinstance(name, str):
        raise ArgumentError(f"the model's name must be text, not {name!r}.")
    if name in MODELS:
        return MODELS[name]
    first, *endings = name.split("+")
    if not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?", first):
        raise InputError(f"{name!r} is no model name. {_allowed_names()}")
    hybrid = MODELS.get(first)
    # A hybrid's ending on something else is a typing error, not a backbone that timm may have.
    if hybrid is None and first.endswith(tuple(f"_{kind}" for kind in _ATTENTIONS)):
        hint = did_you_mean(first, MODELS)
        raise InputError(f"{name!r} is none of the six hybrids.{hint} {_allowed_names()}")
    attention, head = _read_endings(name, endings)
    if hybrid is None:
        return ModelSpec(name=name, timm_name=first, attention=attention or "none", head=head)
    if attention is not None:
        raise InputError(f"{name!r}: {first} has its attention already; leave out +{attention}.")
    return replace(hybrid, name=name, head=head)


def _read_endings(name: str, endings: Sequence[str]) -> tuple[Attention | None, HeadName]:
    """The attention, None where there is none, and the head of a model's name."""
    attention = next((kind for kind in _ATTENTIONS if endings[:1] == [kind]), None)
    rest = endings[attention is not None :]
    head: HeadName = next((kind for kind in _HEADS if rest[:1] == [kind]), "plain")
    strange = rest[head != "plain" :]
    if not strange:
        return attention, head
    one = strange[0]
    if one in _ATTENTIONS and head != "plain":
        raise InputError(
            f"{name!r}: the attention stands before the head, as in TIMM_NAME+{one}+{head}."
        )
    for kinds, what in ((_ATTENTIONS, "attention"), (_HEADS, "head")):
        if one in kinds:
            raise InputError(f"{name!r}: a model has one {what}; leave out +{one}.")
    hint = did_you_mean(one, [*_ATTENTIONS, *_HEADS])
    raise InputError(
        f"{name!r}: no attention is called {one!r}, and no head.{hint} {_allowed_names()}"
    )


def require_listed(name: str) -> None:
    """Raise InputError for a model's name that timm can't know, without importing timm.

    Importing timm, and torch for it, takes seconds; reading the names in its source 0.1. Names
    that pass may still be refused by `check_timm_name`, as those of unknown weights are.
    """
    architecture = parse_model_name(name).timm_name.partition(".")[0]
    names, words = _read_timm_names()
    if names and architecture not in words:
        raise InputError(
            f"timm has no model {architecture!r}.{did_you_mean(architecture, [*MODELS, *names])} "
            "Its names are on https://huggingface.co/timm."
        )


@cache
def _read_timm_names() -> tuple[frozenset[str], frozenset[str]]:
    """The models that timm's source registers, and all words that may be a former name of one."""
    found = importlib.util.find_spec("timm")
    if found is None or found.origin is None:
        return frozenset(), frozenset()
    names: set[str] = set()
    words: set[str] = set()
    for path in (Path(found.origin).parent / "models").rglob("*.py"):
        text = path.read_text(encoding="utf-8", errors="replace")
        names.update(re.findall(r"@register_model\s+def (\w+)\(", text))
        words.update(re.findall(r"['\"](\w+)(?:\.\w+)?['\"]", text))
    return frozenset(names), frozenset(names | words)


def _allowed_names() -> str:
    endings = ", ".join(f"TIMM_NAME+{kind}" for kind in _ATTENTIONS)
    heads = ", ".join(f"+{kind}" for kind in _HEADS)
    return (
        f"A model is one of {', '.join(MODELS)}, or TIMM_NAME, {endings}; a head may follow: "
        f"{heads}."
    )
