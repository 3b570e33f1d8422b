"""The sections of docs/datasets.md: each source as its declaration says, and what differs."""

from __future__ import annotations

from typing import Any

from markdown_table import join_cells

_ROWS = {
    "image": "an image",
    "box": "a box, folded: an image has the label of any",
    "reader": "a reader, or a reader's box, folded by `--fold-rows`",
    "study": "a study, joined with its images",
}

_DIFFERENCES = (
    ("siim", "12,954 rows", "12,047 images", "theirs has a row a mask, several of some images"),
    ("vinbig", "any reader", "most readers", "the same with `--fold-rows any`"),
    ("rsna", "two labels alike", "Pneumonia", "the table has one, Target"),
    (
        "chexpert",
        "a blank is NaN",
        "a blank is absent",
        "`--blank unknown` as theirs; theirs takes all but Support Devices as absent beside "
        "No Finding",
    ),
    (
        "openi",
        "7,470 images",
        "7,298 images",
        "172 images of reports that nobody indexed; four positives are theirs alone",
    ),
    (
        "padchest",
        "158,616 images",
        "153,915 images",
        "ours leaves out 6,946 rows, by the rules above; theirs 2,245: who was born after 2008 or "
        "in no known year, rows without labels, and 21 files",
    ),
    (
        "padchest",
        "28 groups of words",
        "189 labels",
        "theirs looks for words within the list's text; on the 151,871 images of both, each of "
        "its 28 is the same",
    ),
)
"""By source: theirs, ours, why. The tests of the real tables hold each figure."""


def render_sources() -> dict[str, str]:
    """The table of all sources with a table each, and what differs from torchxrayvision."""
    from xlite.tables.sources.registry import SOURCES

    overview = join_cells(
        ("`--dataset`", "data set", "by its header", "a row is"),
        [
            (
                f"[`{name}`](#{_anchor(name)})",
                source.title,
                "yes" if source.is_recognised else "no",
                _ROWS[source.rows],
            )
            for name, source in SOURCES.items()
        ],
    )
    sections = [_render_source(source) for source in SOURCES.values()]
    differences = join_cells(("`--dataset`", "torchxrayvision", "xlite", "why"), _DIFFERENCES)
    return {"sources": "\n".join([overview, *sections]), "differences": differences}


def _anchor(name: str) -> str:
    return name.lower()


def _render_source(source: Any) -> str:
    about = source.about
    rows = [
        ("what it is", f"{source.title}: {about.what}"),
        ("read", about.reads),
        ("labels", _describe_labels(source)),
        ("a blank", f"{source.blank}" if "" in _codes(source) else "there is none"),
        ("assumed", "<br>".join(about.assumes) or "nothing"),
        ("left out", "<br>".join(about.leaves_out) or "nothing"),
        ("licence", about.licence),
        ("where", f"<{about.where}>" if about.where.startswith("http") else about.where),
        ("citation", about.citation),
        *([("not verified", "<br>".join(about.not_verified))] if about.not_verified else []),
    ]
    table = join_cells(("", ""), rows)
    return f"### {source.name}\n\n{table}"


def _codes(source: Any) -> Any:
    codes = getattr(source.labels, "codes", {})
    return codes if codes.get("", 0) < 0 else {}


def _describe_labels(source: Any) -> str:
    labels = source.labels
    if labels is None:
        return "none"
    names = getattr(labels, "vocabulary", ()) or tuple(getattr(labels, "columns", {}).values())
    return f"{len(names)}: {', '.join(names)}" if names else "those that occur"
