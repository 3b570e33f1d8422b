"""Four data sets merged, half a million images, from the CSV to a split and its exposure.

CheXpert, PadChest, NIH and VinBigData as torchxrayvision ships their tables, in its 18 labels.
Seconds of this process's CPU, so that what else the machine does is not counted, and the most
memory that the process ever held.

    python -m benchmarks.merged_table
"""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TABLES = {
    "chexpert": ("chexpert_train.csv.gz", "chexpert"),
    "padchest": ("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", "padchest"),
    "nih": ("Data_Entry_2017_v2020.csv.gz", "nih"),
    "vinbig": ("vinbigdata-train.csv.gz", "vindr"),
}


def write_list(folder: Path, data: Path) -> Path:
    """The list of the four data sets, as `xlite tables merge` takes it."""
    path = folder / "sets.toml"
    path.write_text(
        "\n".join(
            f'[[table]]\nsource = "{name}"\nlabels = "{data / table}"\n'
            f'map = "{labels}-to-torchxrayvision"\n'
            for name, (table, labels) in TABLES.items()
        )
    )
    return path


def main() -> None:
    """Print the figures as JSON."""
    from xlite import console
    from xlite.splitting.split import split_by_patient
    from xlite.workflows.merge_tables import merge_tables
    from xlite.workflows.verify_balance import verify_balance

    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        sys.exit("torchxrayvision is not installed: pip install 'xlite[datasets]'")
    figures: dict[str, float] = {}
    console.set_verbosity(console.QUIET)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = write_list(folder, Path(spec.origin).parent / "data")
        steps: dict[str, Callable[[], object]] = {
            "merge": lambda: merge_tables(sets, out=folder / "merged.csv"),
            "split": lambda: split_by_patient(folder / "merged.csv", out=folder / "split"),
            "exposure": lambda: verify_balance(
                split=folder / "split", out=folder, sampler="inverse-mean"
            ),
        }
        for step, work in steps.items():
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            figures[f"{step}_cpu_s"] = round(time.process_time() - cpu, 1)
            figures[f"{step}_wall_s"] = round(time.perf_counter() - wall, 1)
            # Kibibytes, on Linux.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            figures[f"{step}_peak_mb"] = round(peak / 1024)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
