"""The model as it is served: bytes in, probabilities out; and the same as an ONNX program.

B batch, C classes, D channels, S image side.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.ensemble import AnyClassifier
from xlite.predicting.exported_folder import INPUT, OUTPUTS

_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "root")
_EXAMPLES = 2
"""Of one image alone the tracer would take it that there is always one."""
_TOOLS = ("onnx", "onnxscript", "onnxruntime")


class ServedModel(nn.Module):
    """uint8 images (B, 1, S, S), equalised and reduced, to `OUTPUTS`: logits (B, C), probs (B, C)
    and features (B, D), all in float32. Normalisation and sigmoid are inside.
    """

    def __init__(self, classifier: AnyClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three outputs."""
        logits, features = self.classifier.see(images)
        return logits, torch.sigmoid(logits), features.float()


def serve(classifier: AnyClassifier) -> ServedModel:
    """The classifier in evaluation mode on the CPU, as the exporters trace it."""
    # The tracer would write channels_last strides into the graph as transpositions.
    classifier.cpu().to(memory_format=torch.contiguous_format)
    # Without gradients tracing takes a sixth less time.
    return ServedModel(classifier).eval().requires_grad_(False)


def require_export_tools() -> None:
    """Raise InputError unless the extra that exports is installed."""
    absent = [name for name in _TOOLS if importlib.util.find_spec(name) is None]
    if absent:
        raise InputError(
            f"exporting needs {', '.join(absent)}. Install it with: pip install 'xlite[export]'"
        )


def write_onnx(model: ServedModel, path: Path, *, image_size: int, labels: Sequence[str]) -> int:
    """The opset of the ONNX program that was written: torch.export's graph, any batch size.

    The file holds the weights and the labels, and nothing of the machine that wrote it.
    """
    images = torch.zeros(_EXAMPLES, 1, image_size, image_size, dtype=torch.uint8)
    with hush_tools(), torch.no_grad():
        program = torch.onnx.export(
            model,
            (images,),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("B")},),
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        _forget_origins(program.model)
        program.model.metadata_props["labels"] = json.dumps(list(labels))
        program.save(path, external_data=False)
    return int(program.model.opset_imports[""])


def write_torchscript(model: ServedModel, path: Path, *, image_size: int) -> None:
    """Write the traced model as TorchScript, which torch has given up: for old programs alone."""
    images = torch.zeros(_EXAMPLES, 1, image_size, image_size, dtype=torch.uint8)
    with hush_tools(), torch.inference_mode():
        jit: Any = torch.jit  # Its functions are not typed.
        jit.save(jit.freeze(jit.trace(model, (images,))), str(path))


@contextlib.contextmanager
def hush_tools() -> Iterator[None]:
    """Within the block the exporters say nothing: what they tell is for those who write them."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _forget_origins(model: Any) -> None:
    """Leave out of the graph where the code lay that it was traced from: folders and their names,
    and half the size of a small model's file.
    """
    model.metadata_props.clear()
    for graph in (model.graph, *model.functions.values()):
        graph.metadata_props.clear()
        for node in graph.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()
