"""TensorBoard: a folder a run, an event file a sitting of ours.

What the folder has is read from all of its event files, the torn end of a killed one passed over,
and what is missing goes into a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.ownership import require_writable_folder
from xlite.tracking.tracked import Plain, Tracked, find_missing
from xlite.tracking.tracker import Place

_RECORD, _FACTS = "record", "facts"


def open_place(place: Place) -> TensorBoardTracker:
    """The folder of event files; InputError where it can't be written to, and for a project."""
    if place.project is not None:
        raise InputError("TensorBoard has no projects. Pass --out DIR instead of --project.")
    folder = place.find_folder(None)
    require_writable_folder(folder)
    return TensorBoardTracker(folder)


class TensorBoardTracker:
    """A folder of folders of event files."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self.show = f"tensorboard --logdir {folder}"
        self._folders: dict[str, _RunFolder] = {}
        self.folder = folder

    def write(self, tracked: Tracked) -> int:
        """See `Tracker`."""
        if tracked.name not in self._folders:
            self._folders[tracked.name] = _RunFolder(self.folder / tracked.name)
        return self._folders[tracked.name].write(tracked)

    def close(self) -> None:
        """Close all event files."""
        for folder in self._folders.values():
            folder.close()


@dataclass
class _Content:
    """What the event files of a folder hold."""

    scalars: dict[tuple[str, int], float] = field(default_factory=dict)
    others: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Texts and figures by tag: their last step, and what tells one from another."""

    def note(self, event: Event) -> None:
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                self.scalars[value.tag, event.step] = value.simple_value
            else:
                self.others[value.tag] = (event.step, _mark(value))


class _RunFolder:
    """The event files of one run; a new one is begun with the first thing that is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = _Content()
        self._writer: EventFileWriter | None = None
        for event in _read_events(path):
            self._content.note(event)

    def write(self, tracked: Tracked) -> int:
        missing = find_missing(tracked, self._content.scalars, where=str(self._path.parent))
        if tracked.settings and hparams.SESSION_START_INFO_TAG not in self._content.others:
            self._add(_describe_settings(tracked), step=0, at=tracked.started)
        for step in missing:
            values = [Summary.Value(tag=t, simple_value=v) for t, v in step.values.items()]
            self._add(Summary(value=values), step=step.number, at=step.at)
        texts = {_RECORD: tracked.text, _FACTS: _tabulate(tracked.facts)}
        for tag, text in texts.items():
            if text:
                self._add_if_new(text_pb(tag, text), at=tracked.ended)
        for name, path in tracked.figures.items():
            self._add_if_new(_describe_figure(f"figures/{name}", path), at=tracked.ended)
        if self._writer is not None:
            self._writer.flush()
        return len({step.number for step in missing})

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _add_if_new(self, summary: Summary, *, at: float | None) -> None:
        """Add a text or a figure, a step after the one there is, unless it is the same."""
        (value,) = summary.value
        step, mark = self._content.others.get(value.tag, (-1, ""))
        if mark != _mark(value):
            self._add(summary, step=step + 1, at=at)

    def _add(self, summary: Summary, *, step: int, at: float | None) -> None:
        if self._writer is None:
            self._path.mkdir(parents=True, exist_ok=True)
            self._writer = EventFileWriter(str(self._path))
        event = Event(wall_time=at or 0.0, step=step, summary=summary)
        self._writer.add_event(event)
        self._content.note(event)


def _read_events(folder: Path) -> Iterator[Event]:
    for path in sorted(folder.glob("events.out.tfevents.*")):
        # A torn end ends the file, as it does for TensorBoard itself.
        for record in RawEventFileLoader(str(path)).Load():
            yield Event.FromString(record)


def _mark(value: Summary.Value) -> str:
    content = value.tensor if value.HasField("tensor") else value.metadata
    return hashlib.sha256(content.SerializeToString()).hexdigest()


def _describe_figure(tag: str, path: Path) -> Summary:
    """A PNG; its sum is beside it, so that it is known again without being decoded."""
    from PIL import Image

    with Image.open(path) as image:
        width, height = image.size
    shown = Summary.Image(
        height=height, width=width, colorspace=4, encoded_image_string=path.read_bytes()
    )
    about = SummaryMetadata(summary_description=f"SHA-256 {sha256_of_file(path)}")
    return Summary(value=[Summary.Value(tag=tag, image=shown, metadata=about)])


def _describe_settings(tracked: Tracked) -> Summary:
    """The settings as the plugin HParams reads them."""
    start = SessionStartInfo(start_time_secs=tracked.started or 0.0, group_name=tracked.name)
    for name, value in tracked.settings.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            start.hparams[name].number_value = value
        else:
            start.hparams[name].string_value = "none" if value is None else value
    about = hparams.create_summary_metadata(HParamsPluginData(session_start_info=start))
    tag = hparams.SESSION_START_INFO_TAG
    value = Summary.Value(tag=tag, metadata=about, tensor=hparams.NULL_TENSOR)
    return Summary(value=[value])


def _tabulate(facts: Mapping[str, Plain]) -> str:
    """A Markdown table of facts; nothing for none."""
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join(["| fact | value |", "| --- | --- |", *rows]) if rows else ""
