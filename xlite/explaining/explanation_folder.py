"""The folder of an explanation: its pictures and maps, and `localisation.json`, written last."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from xlite.errors import InputError
from xlite.files import atomic_path, write_json
from xlite.ownership import refuse_links, require_our_folder
from xlite.places import EXPLANATIONS, LOCALISATION
from xlite.results.explanation import Explanation
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder

_PICTURES, _MAPS = "gallery_*.png", "maps"
_REMEDY = "Explain the run again, with --overwrite."


def find_explanations_dir(run_dir: Path) -> Path:
    """The folder of explanations beside a run's: in its experiments folder, wherever that lies.

    >>> find_explanations_dir(Path("/data/experiments/runs/a")).as_posix()
    '/data/experiments/explanations'
    """
    parent = run_dir.resolve().parent
    return (parent.parent if parent.name == RUNS else parent) / EXPLANATIONS


@dataclass(frozen=True)
class ExplanationFolder:
    """Where an explanation is written to."""

    path: Path

    @property
    def record(self) -> Path:
        """`localisation.json`, by which the folder is known."""
        return self.path / LOCALISATION

    def require_free(self, *, overwrite: bool) -> None:
        """Raise InputError unless an explanation may be written here.

        That is not so in a run's folder, among files of others with our names, and, without
        `overwrite`, where there is an explanation already.
        """
        if RunFolder(self.path).is_begun:
            raise InputError(f"{self.path} is a run's folder. Pass another --out.")
        pictures = [path.name for path in self.path.glob(_PICTURES)]
        require_our_folder(
            self.path,
            markers=[LOCALISATION],
            names=[*pictures, _MAPS],
            what="`xlite explain`",
        )
        if not os.path.lexists(self.record):
            return
        if not overwrite:
            raise InputError(
                f"{self.path} holds an explanation already. Pass another --out, or --overwrite to "
                "replace it."
            )
        Explanation.read(self.record, remedy="Pass another --out.")

    def begin(self) -> None:
        """Take away an earlier explanation's files, its record first."""
        self.path.mkdir(parents=True, exist_ok=True)
        refuse_links([self.path / _MAPS])
        self.record.unlink(missing_ok=True)
        for path in [*self.path.glob(_PICTURES), *(self.path / _MAPS).glob("*.png")]:
            path.unlink()

    def write_map(self, name: str, heat: NDArray[np.float32]) -> None:
        """Write a film's map (H, W) as an 8-bit grey PNG, its maximum white."""
        largest = float(heat.max())
        grey = np.rint(heat / largest * 255 if largest > 0 else heat).astype(np.uint8)
        _, encoded = cv2.imencode(".png", grey)
        with atomic_path(self.path / _MAPS / name) as temporary:
            temporary.write_bytes(encoded.tobytes())

    def write(self, explanation: Explanation) -> None:
        """Write the record: the explanation is whole."""
        write_json(self.record, explanation.to_json())


def read_explanation(folder: Path) -> Explanation:
    """The explanation in a folder; InputError where there is none, or it is damaged."""
    return Explanation.read(folder / LOCALISATION, remedy=_REMEDY)


def name_files(texts: Sequence[str], ending: str = ".png") -> list[str]:
    """A file name for each text, each another, of letters that every disk takes.

    >>> name_files(["a/1.png Mass", "a_1.png Mass", "Lésion $x$"])
    ['a_1.png_Mass.png', 'a_1.png_Mass-2.png', 'L_sion_x.png']
    """
    used: dict[str, int] = {}
    names = []
    for text in texts:
        stem = re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_.")[:120] or "_"
        used[stem.lower()] = count = used.get(stem.lower(), 0) + 1
        names.append(f"{stem}{'' if count == 1 else f'-{count}'}{ending}")
    return names
