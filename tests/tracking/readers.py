"""What trackers have, read by their own readers: every value, as often as it is there."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xlite.tracking.tracker import TRACKERS


@dataclass
class Entry:
    """What a tracker has of a run."""

    values: list[tuple[str, int, float]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    text: str = ""
    figures: set[str] = field(default_factory=set)

    @property
    def by_step(self) -> dict[tuple[str, int], float]:
        """The values, none of which is there twice."""
        times = Counter((name, step) for name, step, _ in self.values)
        assert not [key for key, number in times.items() if number > 1]
        return {(name, step): value for name, step, value in self.values}


def read_tensorboard(out: Path) -> dict[str, Entry]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    entries = {}
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        read = EventAccumulator(str(folder), {"scalars": 0, "tensors": 0, "images": 0}).Reload()
        tags = read.Tags()
        entry = Entry(figures={tag.removeprefix("figures/") for tag in tags["images"]})
        for tag in tags["scalars"]:
            entry.values += [(tag, one.step, one.value) for one in read.Scalars(tag)]
        if "record" in tags["tensors"]:
            entry.text = read.Tensors("record")[-1].tensor_proto.string_val[0].decode()
        with contextlib.suppress(KeyError):  # a study has no settings
            (content,) = read.PluginTagToContent("hparams").values()
            start = HParamsPluginData.FromString(content).session_start_info
            entry.settings = {
                name: str(getattr(value, str(value.WhichOneof("kind"))))
                for name, value in start.hparams.items()
            }
        entries[folder.name] = entry
    return entries


def read_mlflow(out: Path) -> dict[str, Entry]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{out / 'mlflow.db'}")
    entries: dict[str, Entry] = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            assert run.info.run_name not in entries
            entries[run.info.run_name] = Entry(
                values=[
                    (name, one.step, one.value)
                    for name in run.data.metrics
                    for one in client.get_metric_history(run.info.run_id, name)
                ],
                settings=run.data.params,
                text=run.data.tags.get("mlflow.note.content", ""),
                figures={
                    Path(one.path).stem for one in client.list_artifacts(run.info.run_id, "figures")
                },
            )
    return entries


def read_wandb(out: Path) -> dict[str, Entry]:
    """Of the files that `wandb sync` sends; two folders of one run would both be sent."""
    from wandb.proto.wandb_internal_pb2 import Record

    entries: dict[str, Entry] = {}
    for path in sorted(out.glob("wandb/offline-run-*/*.wandb")):
        records = [Record.FromString(one) for one in _read_leveldb_log(path.read_bytes())]
        name = next(one.run.display_name for one in records if one.HasField("run"))
        entry = entries.setdefault(name, Entry())
        for record in records:
            for item in record.history.item:
                key = item.key or "/".join(item.nested_key)
                if not key.startswith("_"):
                    value = json.loads(item.value_json)
                    entry.values.append((key, record.history.step.num, value))
            if record.HasField("run"):
                entry.text = record.run.notes or entry.text
                for item in record.run.config.update:
                    key = item.key or "/".join(item.nested_key)
                    entry.settings[key] = str(json.loads(item.value_json))
        best = {}
        for record in records:
            for item in record.summary.update:
                key = item.key or "/".join(item.nested_key)
                if key.startswith("best/"):
                    best[key] = json.loads(item.value_json)
        entry.values += [(key, -1, value) for key, value in best.items()]
        entry.figures = {file.stem for file in path.parent.glob("files/*.png")}
    return entries


def _read_leveldb_log(content: bytes) -> Iterator[bytes]:
    """The records of a log in blocks of 32 KiB, as far as they are whole."""
    block, head = 1 << 15, 7
    place, record = head, b""
    assert content[:4] == b":W&B"
    while place + head <= len(content):
        if block - place % block < head:
            place += block - place % block
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + head])
        piece = content[place + head : place + head + length]
        if len(piece) < length or kind == 0:
            return
        place, record = place + head + length, record + piece
        if kind in (1, 4):
            yield record
            record = b""


def read_trackio(out: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for path in out.glob("*.db"):
        with sqlite3.connect(path) as database:
            for name, step, text in database.execute("SELECT run_name, step, metrics FROM metrics"):
                entry = entries.setdefault(name, Entry())
                for key, value in json.loads(text).items():
                    if isinstance(value, dict):
                        entry.text = value["_value"]
                    else:
                        entry.values.append((key, step, value))
            for name, text in database.execute("SELECT run_name, config FROM configs"):
                entries[name].settings = {k: str(v) for k, v in json.loads(text).items()}
    return entries


READERS: dict[str, Callable[[Path], dict[str, Entry]]] = {
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
    "mlflow": read_mlflow,
    "trackio": read_trackio,
}
assert READERS.keys() == {*TRACKERS}


@dataclass(frozen=True)
class Reader:
    """A tracker under test: its name, and where it writes."""

    name: str
    out: Path
    database: Path | None
    """Of MLflow an empty one, which takes seconds to make."""

    def entries(self) -> dict[str, Entry]:
        return READERS[self.name](self.out)

    def begin(self) -> None:
        """Forget what was written."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        if self.database is not None:
            shutil.copyfile(self.database, self.out / "mlflow.db")
