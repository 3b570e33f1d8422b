"""A model with numbers of 8 bits, by onnxruntime's own tools.

Measured on a tf_efficientnet_lite0 that was trained on 280 radiographs (docs/export.md): int8 in
its convolutions by scales found for each batch ranks films otherwise (rank correlation 0.57 to
0.70) and takes 2 to 18 times as long; in its linear layers alone it is 0.9999.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xlite.exporting.served_model import hush_tools
from xlite.predicting.exported_folder import INPUT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Quantising = Literal["dynamic", "static"]
QUANTISINGS: tuple[Quantising, ...] = ("dynamic", "static")

_LINEAR = ["MatMul", "Gemm"]


def quantise_dynamic(source: Path, target: Path) -> None:
    """Write the model with the weights of its linear layers, those of attention and head, as int8;
    the scales of what comes in are found for each batch.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with hush_tools(), _prepared(source) as prepared:
        quantize_dynamic(
            prepared,
            target,
            op_types_to_quantize=_LINEAR,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


def quantise_static(source: Path, target: Path, films: NDArray[np.uint8]) -> None:
    """Write the model with weights and activations as int8 wherever onnxruntime can.

    films: (N, 1, S, S) of the training part, whose smallest and largest activations set the scales;
    percentiles of these, and entropy, took three times as long and were no nearer to float32.
    """
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    with hush_tools(), _prepared(source) as prepared:
        quantize_static(
            prepared,
            target,
            _Films(films),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
        )


class _Films:
    """What onnxruntime reads its calibration from: film by film, then None."""

    def __init__(self, films: NDArray[np.uint8]) -> None:
        self._films: Iterator[NDArray[np.uint8]] = iter(films)

    def get_next(self) -> dict[str, Any] | None:
        film = next(self._films, None)
        return None if film is None else {INPUT: film[None]}


@contextlib.contextmanager
def _prepared(source: Path) -> Iterator[Path]:
    """The model with shapes inferred and normalisation folded into convolutions."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / source.name
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        yield prepared
