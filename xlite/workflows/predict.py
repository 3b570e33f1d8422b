"""`predict`: what a run, the mean of several or an exported model says of films."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console
from xlite.errors import ArgumentError, InputError, InterruptedRunError
from xlite.predicting.calls import FALSE_ALARMS
from xlite.predicting.chunks import PredictedChunk, identify
from xlite.predicting.failed_films import require_none_failed
from xlite.predicting.film_tables import read_film_table
from xlite.predicting.films import find_cached_films, find_films
from xlite.predicting.open_predictor import OpenedPredictor, open_predictor
from xlite.predicting.predict_films import count_chunks, describe_batches, predict_films
from xlite.predicting.predicted_films import PredictedFilms, gather_chunks, with_summary
from xlite.predicting.prediction_files import PredictionFiles
from xlite.settings import Runtime
from xlite.signals import StopRequest, StopSource, heed_no_signals

if TYPE_CHECKING:
    from xlite.predicting.films import Films
    from xlite.tables.read_labels import LabelSource
    from xlite.tables.table_format import TableFormat

Places = str | Path | Sequence[str | Path]
"""One place, or several."""


def predict(
    run: Places,
    images: Places | None = None,
    *,
    labels: LabelSource | None = None,
    table_format: TableFormat | None = None,
    cache: str | Path | None = None,
    skip_missing: bool = False,
    thresholds: str | Path | None = None,
    split: str | Path | None = None,
    false_alarms: float = FALSE_ALARMS,
    out: str | Path | None = None,
    overwrite: bool = False,
    runtime: Runtime | None = None,
    stopping: StopSource = heed_no_signals,
) -> PredictedFilms:
    """What a model says of films: probs, calibrated ones, calls, and which are unlike training.

    run: a run's folder, its name in `experiments/runs`, several (the mean of their probs), a folder
    of runs, as of folds, or an exported folder. images: a folder, or files; with `labels` the
    folder that holds the films of that table. cache: a CLAHE cache to take the films from instead,
    or, beside `images`, the one that a run of version 0.1 was trained on. thresholds, split: what
    calls are made by where a run keeps none. false_alarms: the share of ordinary films that may be
    marked as unlike. out: the table to write, with `_calls.csv` and `.json` beside it; the same
    call goes on there after it was stopped. Without it nothing is written.

    Films that can't be read are in `summary.failed`. Raises InputError for what can't be used, and
    InterruptedRunError once what `stopping` gives is set; what was done by then is kept.
    """
    if not 0 < false_alarms < 1:
        raise InputError(f"--false-alarms {false_alarms:g} is no share of films. Pass one as 0.05.")
    files = None if out is None else PredictionFiles(_path(out))
    if files is not None:
        files.check_place()
    opened = open_predictor(
        list_places(run),
        thresholds=None if thresholds is None else _path(thresholds),
        split_dir=None if split is None else _path(split),
        cache_dir=None if cache is None else _path(cache),
        runtime=runtime,
    )
    _say_what_is_missing(opened)
    made = opened.predictor.preprocessing
    places = [] if images is None else list_places(images)
    manifest = read_film_table(labels, places, table_format)
    if images is not None:
        films = find_films(places, made, manifest=manifest, skip_missing=skip_missing)
    elif cache is not None:
        films = find_cached_films(_path(cache), made, manifest=manifest)
    else:
        raise InputError("pass the films: --images DIR or files, or their cache with --cache DIR.")
    workers = None if runtime is None else runtime.num_workers
    request = _Request(opened, films, false_alarms, workers, stopping)
    return request.answer() if files is None else _answer_into(files, request, overwrite=overwrite)


def require_all_predicted(predicted: PredictedFilms) -> None:
    """Raise CheckFailedError where films could not be read."""
    summary = predicted.summary
    require_none_failed(summary.failed, num_read=summary.images, they="have no row")


@dataclass(frozen=True, eq=False)
class _Request:
    """A model, films, and how they are gone through."""

    opened: OpenedPredictor
    films: Films
    false_alarms: float
    num_workers: int | None
    stopping: StopSource

    def identify_chunks(self) -> str:
        """Of all that the model's outputs depend on."""
        films, opened = self.films, self.opened
        stamps = (films.source.stamp(position) for position in range(len(films)))
        kept = opened.typical
        return identify(
            *opened.identity,
            describe_batches(),
            None if kept is None else kept.identity,
            *(f"{name}\0{stamp}" for name, stamp in zip(films.image_ids, stamps, strict=True)),
        )

    def identify(self, chunks: str) -> str:
        """Of what the tables depend on: thresholds and level, too."""
        fitted = self.opened.thresholds.fitted
        called_by = None
        if fitted is not None:
            scaling = fitted.scaling
            called_by = [a.tolist() for a in (scaling.slope, scaling.intercept, fitted.thresholds)]
        return identify(chunks, called_by, self.false_alarms)

    def predict(
        self, numbers: Sequence[int], stop: StopRequest
    ) -> Iterator[tuple[int, PredictedChunk]]:
        """The chunks of these numbers, until a stop is asked for."""
        return predict_films(
            self.opened.predictor,
            self.films,
            numbers=numbers,
            typical=self.opened.typical,
            num_workers=self.num_workers,
            should_stop=stop.__bool__,
        )

    def gather(self, chunks: Sequence[PredictedChunk], identity: str) -> PredictedFilms:
        """The chunks as one."""
        return gather_chunks(
            self.opened, self.films, chunks, false_alarms=self.false_alarms, identity=identity
        )

    def answer(self) -> PredictedFilms:
        """What the model says, in memory alone."""
        begun = time.monotonic()
        numbers = range(count_chunks(self.films))
        with self.stopping() as stop:
            chunks = dict(self.predict(numbers, stop))
            if len(chunks) < len(numbers):
                raise _interrupted("nothing was kept: pass --out FILE to go on later", stop)
        identity = self.identify(self.identify_chunks())
        predicted = self.gather(list(chunks.values()), identity)
        return _with_time(predicted, begun, num_before=0)


def _answer_into(files: PredictionFiles, request: _Request, *, overwrite: bool) -> PredictedFilms:
    """What the model says, written; what an earlier call has done is taken as it is."""
    begun = time.monotonic()
    of_chunks = request.identify_chunks()
    identity = request.identify(of_chunks)
    kept = files.find_same(identity)
    folder = files.open_chunks(of_chunks)
    if kept is not None:
        console.say(f"{files.table} holds these predictions already")
        return files.read_back(request.opened, kept)
    files.require_free(is_begun=folder.is_of_this_request(), overwrite=overwrite)
    with request.stopping() as stop, folder.hold():
        done = folder.find_done()
        numbers = [one for one in range(count_chunks(request.films)) if one not in done]
        for number, chunk in request.predict(numbers, stop):
            folder.write(number, chunk)
        every = folder.find_done()
        if len(every) < count_chunks(request.films):
            said = f"{len(every)} of {count_chunks(request.films)} chunks of films are kept"
            raise _interrupted(f"{said}; the same command goes on", stop)
        chunks = {number: folder.read(number) for number in every}
        predicted = request.gather(list(chunks.values()), identity)
        before = sum(len(chunks[one].positions) for one in done)
        written = files.write(_with_time(predicted, begun, num_before=before))
        folder.remove()
    return written


def _with_time(predicted: PredictedFilms, begun: float, *, num_before: int) -> PredictedFilms:
    seconds = time.monotonic() - begun
    return with_summary(
        predicted,
        images_before=num_before,
        seconds=round(seconds, 3),
        images_per_second=round((predicted.summary.images - num_before) / max(seconds, 1e-9), 2),
    )


def _interrupted(what: str, stop: StopRequest) -> InterruptedRunError:
    return InterruptedRunError(
        f"stopped while predicting: {what}.", signal_number=stop.signal_number or signal.SIGTERM
    )


def _say_what_is_missing(opened: OpenedPredictor) -> None:
    if opened.thresholds.fitted is None:
        console.warn(f"no calls are made: {opened.thresholds.source}")
    if opened.typical is None:
        remedy = (
            "Export the run again, once it keeps that."
            if opened.kind == "exported"
            else "An earlier version trained it: delete its scores.json, and train with --resume."
        )
        console.warn(
            f"{opened.names[0]} keeps nothing of the films of its training, so that films unlike "
            f"them are not marked. {remedy}"
        )


def list_places(given: Places) -> list[Path]:
    """One place or several as a list; ArgumentError for what is no path."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        return [_path(given)]
    return [_path(one) for one in given]


def _path(place: Any) -> Path:
    if not isinstance(place, str | Path):
        raise ArgumentError(f"{place!r} is no path. Pass text, or a pathlib.Path.")
    return Path(place)
