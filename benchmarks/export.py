"""Export of the six hybrids: `python -m benchmarks.export`, which writes `benchmarks/export.json`.

Each is a run whose weights are drawn, not trained: batch normalisation has the statistics of
synthetic films, and the head is scaled until logits have an sd of 2, as those of trained models do,
so that rounding shows. `xlite export` runs as a command of its own, imports included; its seconds
are the wall's and those of all cores. Latency is the median of torch and onnxruntime in turns, each
with all cores.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.__main__ import describe_machine
from xlite import console, files
from xlite.exporting.films import draw_films
from xlite.labels import NIH_LABELS
from xlite.models.catalogue import MODELS
from xlite.models.classifier import Classifier, build_classifier, count_parameters
from xlite.run_folder.records import (
    ClaheRecord,
    Environment,
    Preprocessing,
    RunConfig,
    RunData,
    RunScores,
    Sitting,
    write_config,
    write_sittings,
)
from xlite.run_folder.weights import WeightsDescription, write_weights
from xlite.settings import TrainSettings
from xlite.workflows.check_export import check_export

RESULTS = Path(__file__).with_name("export.json")
_SIZE = 224
_LOGIT_SD = 2.0


def main() -> None:
    """Export each of the six, check it, and write down what that took and what was found."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as folder:
        for name in MODELS:
            rows.append(measure(name, Path(folder)))
            row = rows[-1]
            console.say(
                f"{name}: {row['seconds']:.1f} s ({row['core_seconds']:.1f} of cores), logits to "
                f"{row['largest_logit_difference']:.1e}, "
                + ", ".join(
                    f"batch {one['batch']}: {one['torch']:.1f} ms torch, {one['onnx']:.1f} onnx, "
                    f"ratio {one['onnx'] / one['torch']:.2f}"
                    for one in row["latency"]
                )
            )
    load = os.getloadavg()[0]
    files.write_json(RESULTS, {"machine": describe_machine(), "load": load, "models": rows})


def measure(name: str, folder: Path) -> dict[str, Any]:
    """What one hybrid's export took, and what its check found."""
    run, out = write_drawn_run(folder / "runs" / name, name), folder / name
    command = [sys.executable, "-m", "xlite", "--quiet", "export", str(run), "--out", str(out)]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = check_export(out).to_json()
    return {
        "model": name,
        "seconds": seconds,
        "core_seconds": sum(
            getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime")
        ),
        "largest_logit_difference": found["largest_logit_difference"],
        "films": found["films"],
        "latency": found["latency"],
        "bytes": found["sizes"]["model.onnx"],
    }


def write_drawn_run(run_dir: Path, name: str) -> Path:
    """The folder of a finished run of that model, with drawn weights."""
    settings = TrainSettings(model=name, initial_weights="none", epochs=1, image_size=_SIZE)
    classifier = build_classifier(name, pretrained=False, seed=0)
    preprocessing = Preprocessing(
        clahe=ClaheRecord(size=_SIZE, clip=2.0, grid=8, fit="pad"),
        image_size=_SIZE,
        mean=list(classifier.backbone.mean),
        std=list(classifier.backbone.std),
    )
    settle(classifier, torch.from_numpy(draw_films(16, preprocessing)))
    run_dir.mkdir(parents=True)
    labels = list(NIH_LABELS)
    data = RunData(images={}, train_positives=[0] * len(labels), split_sha256={}, source="drawn")
    write_config(
        run_dir,
        RunConfig(
            schema_version=RunConfig.newest_schema,
            settings=settings.model_dump(mode="json"),
            labels=labels,
            data=data,
            preprocessing=preprocessing,
        ),
    )
    here = Environment(xlite="", torch=torch.__version__, python="", machine="", num_threads=1)
    sitting = Sitting(started="", epochs=1, from_epoch=0, from_step=0, environment=here)
    write_sittings(run_dir, [sitting])
    described = WeightsDescription.of(settings, labels, preprocessing)
    write_weights(run_dir, classifier.state_dict(), described)
    scores = RunScores(
        schema_version=RunScores.newest_schema,
        model=name,
        num_parameters=count_parameters(classifier),
        epochs=1,
        best_epoch=1,
        stopped_early=False,
        seconds=0.0,
        val=None,
    )
    files.write_json(run_dir / "scores.json", scores.to_json())
    return run_dir


@torch.no_grad()
def settle(classifier: Classifier, films: torch.Tensor) -> None:
    """Give normalisation the films' statistics, and logits over them an sd of 2."""
    classifier.train()
    for module in classifier.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # The mean over all passes.
    classifier(films)
    classifier.eval()
    last = classifier.head[-1]  # type: ignore[index]
    last.weight.mul_(_LOGIT_SD / classifier(films).std())
    last.bias.zero_()


if __name__ == "__main__":
    main()
