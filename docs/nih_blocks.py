"""What the whole of NIH ChestX-ray14 takes, computed from benchmarks/*.json: disk, time, memory."""

from __future__ import annotations

from benchmark_blocks import read_record
from markdown_table import join_cells, three_digits
from result_blocks import read_result

NUM_IMAGES = 112_120
NUM_TRAIN = 78_484
"""Images of a training part of 70 %."""
CACHE_SIZES = (224, 320, 384, 512)
MEMORY_SIZES = ("224", "320", "512", "1024")
BATCH = 32

RUN_BYTES = 36
"""Of a run folder, a parameter: best.safetensors, and two checkpoints of weights, two moments and
best weights; 4 bytes each."""
CACHE_ROW = "CLAHE cache, packed: plain OpenCV to 224 PNG, 2 processes"
LOADER_ROW = "batches, augmentation light: runtime CLAHE (bare loop), same augmentation"


def render_disk() -> str:
    """Gigabytes of each cache and of each hybrid's run folder."""
    caches = [
        [f"CLAHE cache, {size} x {size}", f"{NUM_IMAGES * size**2 / 1e9:.1f} GB"]
        for size in CACHE_SIZES
    ]
    runs = [
        [f"a run of `{name}`", f"{RUN_BYTES * row['parameters'] / 1e9:.2f} GB"]
        for name, row in _mhsa_models().items()
    ]
    return join_cells(["what", "disk"], [*caches, *runs])


def render_minutes() -> str:
    """What each step before and after training takes at the rates that were measured."""
    rates = {row["name"]: row for row in read_record("results.json")["rows"]}
    split = next(
        line["seconds"] for line in read_record("scale.json")["split"] if line["size"] == 100_000
    )
    balance = rates["verify-balance, 112,120 rows, whole command: seconds allowed"]["ours"]
    cache, loader = rates[CACHE_ROW]["ours"], rates[LOADER_ROW]["ours"]
    resamples = rates[
        "bootstrap of macro AUROC by patient, 22,433 x 14, 1,000 resamples: seconds allowed"
    ]
    return join_cells(
        ["step", "rate that was measured", "time"],
        [
            ["split", "100,000 rows", f"{split:.1f} s"],
            [
                "CLAHE cache, 2 processes",
                f"{cache:.0f} images/s",
                f"{NUM_IMAGES / cache / 60:.0f} min",
            ],
            ["verify-balance", "112,120 rows", f"{balance:.1f} s"],
            [
                "an epoch's images from the cache, augmentation light, 2 processes",
                f"{loader:,.0f} images/s",
                f"{NUM_TRAIN / loader:.0f} s",
            ],
            ["1,000 resamples of the test part", "22,433 images", f"{resamples['ours']:.1f} s"],
        ],
    )


def render_epochs() -> str:
    """An epoch of each hybrid: on two CPU cores, as measured, and its work, as counted."""
    ways, models = read_record("ways.json"), read_result("models.json")
    rows = []
    for name, measured in ways.items():
        rate = measured["fp32 channels_last"]
        work = [
            f"{6 * NUM_TRAIN * models[name]['macs'][size] / 1e15:.2f}" for size in ("224", "512")
        ]
        rows.append([f"`{name}`", three_digits(rate), f"{NUM_TRAIN / rate / 3600:.1f} h", *work])
    header = ["model", "images/s, 2 CPU cores, 224", "epoch there", "PFLOP, 224", "PFLOP, 512"]
    return join_cells(header, rows)


def render_memory() -> str:
    """What a training step keeps, at least, for each hybrid and image size."""
    rows = []
    for name, one in read_record("memory.json").items():
        kept = [one["image"][size] for size in MEMORY_SIZES]
        steps = [f"{(one['state'] + BATCH * image) / 1e9:.1f} GB" for image in kept]
        rows.append(
            [f"`{name}`", f"{one['state'] / 1e9:.2f} GB", f"{kept[0] / 1e6:.0f} MB", *steps]
        )
    sizes = [f"{BATCH} x {size}" for size in MEMORY_SIZES]
    return join_cells(["model", "state", "an image of 224", *sizes], rows)


def render_training_memory() -> str:
    """What is estimated that training takes, against what it took."""
    rows = [
        [
            f"`{row['model']}`",
            f"{row['batch_size']} x {row['image_size']}",
            f"{row['estimated'] / 1e6:,.0f} MB",
            f"{row['peak'] / 1e6:,.0f} MB",
            f"{row['ratio']:.2f}",
        ]
        for row in read_record("training_memory.json")["rows"]
    ]
    return join_cells(["model", "images", "estimated", "measured", "ratio"], rows)


def _mhsa_models() -> dict[str, dict[str, int]]:
    """The hybrids with softmax attention; a Performer has as many parameters."""
    models = read_result("models.json").items()
    return {name: row for name, row in models if name.endswith("_mhsa")}
