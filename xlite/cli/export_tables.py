"""What `xlite export` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from xlite.results.export import Export, ExportCheck


def print_export(written: Export | None, found: ExportCheck | None, *, json: bool) -> None:
    """What was exported and what was found of it, whichever there is; as JSON under their names
    where there are both.
    """
    if json:
        shown = {"export": written, "check": found}
        results = {name: one.to_json() for name, one in shown.items() if one is not None}
        console.result_json(results if len(results) > 1 else next(iter(results.values())))
        return
    if written is not None:
        _print_written(written)
    if found is not None:
        _print_check(found)


def _print_written(written: Export) -> None:
    """Where the folder is, how near it is to the run, and what it lacks."""
    console.result_text(
        f"exported: {written.folder} ({written.precision}, "
        f"{written.sizes['model.onnx'] / 1e6:.1f} MB)"
    )
    console.result_text(
        f"logits differ from torch's by {written.largest_logit_difference:.2g} at most, over "
        f"{written.films} synthetic films"
    )
    if written.gate is not None:
        console.result_text(f"NON-INFERIOR to float32: {written.gate.sentence}")
    for note in written.notes:
        console.warn(note)


def _print_check(found: ExportCheck) -> None:
    """What was found to hold, then latency and sizes."""
    console.result_text(
        f"{found.folder} ({found.precision}): every file is as it was exported; the reference film "
        f"becomes the same bytes, and its logits the same to {found.reference_difference:.2g}; "
        f"logits differ from torch's by {found.largest_logit_difference:.2g} at most, over "
        f"{found.films} synthetic films"
    )
    console.table(
        "Latency, milliseconds a batch",
        ["batch", "torch", "onnx", "onnx / torch"],
        [
            [str(row.batch), f"{row.torch:.1f}", f"{row.onnx:.1f}", f"{row.onnx / row.torch:.2f}"]
            for row in found.latency
        ],
    )
    console.table(
        "Size",
        ["file", "MB"],
        [[name, f"{size / 1e6:.2f}"] for name, size in found.sizes.items()],
    )
