"""The front matter of a card: YAML that the Hugging Face hub reads, and what people add to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml

_TASK = {"type": "image-classification", "name": "multi-label classification"}


def render_front_matter(
    name: str, tags: tuple[str, ...], scores: Mapping[str, float | None], *, added: str = ""
) -> list[str]:
    """The lines from one `---` to the next, and an empty one.

    scores: by name with its part, as `val.auroc`; what is undefined is left out. added: lines of
    YAML that stand at the end as they are. No licence is among them: it is for whoever publishes.
    """
    values: dict[str, Any] = {
        "pipeline_tag": "image-classification",
        "library_name": "xlite",
        "tags": ["chest-x-ray", "multi-label", "xlite", *tags],
    }
    results = [
        {
            "task": dict(_TASK),  # one object twice would become an alias, which no hub reads
            "dataset": {"type": "chest-radiographs", "name": f"{score.partition('.')[0]} part"},
            "metrics": [
                {"type": score.partition(".")[2], "name": score, "value": round(float(value), 6)}
            ],
        }
        for score, value in scores.items()
        if value is not None and math.isfinite(value)
    ]
    if results:
        values["model-index"] = [{"name": name, "results": results}]
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return ["---", *text.splitlines(), *added.splitlines(), "---", ""]
