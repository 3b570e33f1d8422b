"""What the runs of a plan may cost: seconds and bytes, as earlier runs of the same models did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from xlite.run_folder.listing import list_runs
from xlite.studies.plan_size import Load

_BYTES_OF_PARAMETER = 20
"""Of a finished run: 4 of the best weights, and in the checkpoint 4 each of weights, best weights
and AdamW's two moments."""
_BYTES_OF_PREDICTION = 12
"""Of a number in a run's predictions."""


@dataclass(frozen=True)
class ModelCosts:
    """Seconds an epoch and bytes a run by model, where earlier runs tell."""

    seconds: dict[str, float]
    num_bytes: dict[str, int]
    num_labels: int

    @classmethod
    def of_runs(cls, experiments: Path, *, num_labels: int) -> ModelCosts:
        """What the finished runs of an experiments folder tell; unreadable ones tell nothing."""
        seconds: dict[str, list[float]] = {}
        sizes: dict[str, list[int]] = {}
        for run in list_runs(experiments)[0]:
            scores = run.scores
            if scores is not None and scores.epochs:
                seconds.setdefault(scores.model, []).append(scores.seconds / scores.epochs)
                files = [path for path in run.path.iterdir() if path.is_file()]
                sizes.setdefault(scores.model, []).append(sum(p.stat().st_size for p in files))
        return cls(
            {model: median(found) for model, found in seconds.items()},
            {model: max(found) for model, found in sizes.items()},
            num_labels,
        )

    def count_seconds(self, loads: Sequence[Load]) -> float | None:
        """Of all runs, one after the other; None where a model's speed is unknown."""
        if self.list_unknown(loads):
            return None
        return sum(
            load.epochs * max(self.seconds[model] for model in load.models)
            for load in loads
            if load.models
        )

    def list_unknown(self, loads: Sequence[Load]) -> tuple[str, ...]:
        """The models of which no earlier run tells the speed."""
        models = dict.fromkeys(model for load in loads for model in load.models)
        return tuple(model for model in models if model not in self.seconds)

    def count_bytes(self, loads: Sequence[Load], num_images: int) -> int | None:
        """Of weights, checkpoint and predictions of all runs; None without a model to count."""
        if not all(load.models for load in loads):
            return None
        predictions = num_images * max(1, self.num_labels) * _BYTES_OF_PREDICTION
        total = 0
        for load in loads:
            total += load.num_runs * (max(map(self._bytes_of, load.models)) + predictions)
        return total

    def _bytes_of(self, model: str) -> int:
        if model not in self.num_bytes:
            from xlite.models.census import build_shapes
            from xlite.models.classifier import count_parameters

            shapes = build_shapes(model, num_classes=max(1, self.num_labels))
            self.num_bytes[model] = count_parameters(shapes) * _BYTES_OF_PARAMETER
        return self.num_bytes[model]
