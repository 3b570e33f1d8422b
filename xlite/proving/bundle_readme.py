"""The page in a bundle that says what it is, and how it is recomputed."""

from __future__ import annotations

from collections.abc import Mapping

from xlite.proving.project import BundledProject

_TEXT = """# What these results rest on

Predictions, labels, splits, settings, histories and verdicts of the runs below. Patients and images
have hashed names, and the key of the hashes is not here. No image is needed to recompute the
numbers:

    pip install xlite
    xlite verify THIS.zip

ends with 0 where every number that can be recomputed is what its file says, and else with 1 and a
list of those that are not.
"""


def describe_bundle(project: BundledProject, stated: Mapping[str, tuple[str, ...]]) -> str:
    """The page as Markdown, the same for the same bundle."""
    lines = [_TEXT, "## Runs", ""]
    for run in project.runs.values():
        images = ", ".join(f"{count:,} {part}" for part, count in run.data.images.items())
        lines.append(f"- `{run.name}`: {images}; macro AUROC on validation {run.val_auroc:.3f}")
    lines += ["", "## What is stated and can't be recomputed from this", ""]
    for name, keys in stated.items():
        lines.append(f"- `{name}`: {', '.join(keys)}")
    lines.append(
        "- each `history.csv`: losses, learning rates, times, and scores on training images"
    )
    return "\n".join(lines) + "\n"
