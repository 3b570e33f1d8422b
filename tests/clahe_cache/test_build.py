from __future__ import annotations

import csv
import errno
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import cv2
import filelock
import numpy as np
import pytest
from dicom_cases import transcode
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import JPEGLosslessSV1

from xlite.clahe_cache import folder, radiograph, workers
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.journal import JOURNAL, read_journal
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.radiograph import read_radiograph
from xlite.clahe_cache.record import png_name
from xlite.clahe_cache.speedup import measure_loading_speedup
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.results.cache import CacheSummary
from xlite.settings import ClaheSettings
from xlite.synthetic.dicom_films import encode_dicom

SAMPLE = Path(__file__).parents[2].parent / "shared" / "nih-sample" / "images"
SETTINGS = ClaheSettings(size=32)
FORMATS = pytest.mark.parametrize("file_format", ["packed", "png"])


def write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (60, 48 + seed % 9), dtype=np.uint8)
    path.write_bytes(cv2.imencode(".png", noise)[1].tobytes())


def make_sources(folder: Path, number: int = 12) -> list[SourceImage]:
    sources = []
    for seed in range(number):
        path = folder / f"images_{seed % 2:03}" / f"{seed:08}_000.png"
        write_image(path, seed)
        sources.append(SourceImage(path.name, path))
    return sources


def build(sources: list[SourceImage], out: Path, file_format: str = "packed") -> CacheSummary:
    return build_cache(sources, out, SETTINGS, file_format=file_format, workers=1)  # type: ignore[arg-type]


def content(out: Path) -> tuple[tuple[str, ...], bytes, str]:
    cache = ClaheCache.open(out)
    pixels = cache.read_many(range(len(cache)))
    return cache.image_ids, pixels.tobytes(), cache.fingerprint


def assert_like_fresh(sources: list[SourceImage], out: Path, file_format: str) -> None:
    fresh = out.with_name("fresh")
    build_cache(sources, fresh, SETTINGS, file_format=file_format, workers=1, rebuild=True)  # type: ignore[arg-type]
    assert content(out) == content(fresh)
    records = [json.loads((folder / "cache.json").read_text()) for folder in (out, fresh)]
    # An image that was kept may lie in another row.
    assert all(record.pop("index_sha256") for record in records)
    assert records[0] == records[1]
    assert not (out / JOURNAL).exists()


@FORMATS
def test_cache_holds_what_apply_clahe_gives(tmp_path: Path, file_format: str) -> None:
    sources = make_sources(tmp_path / "raw")
    summary = build(sources, tmp_path / "cache", file_format)
    assert (summary.images, summary.failed, summary.skipped) == (12, 0, 0)
    assert summary.bytes_files == sum(source.path.stat().st_size for source in sources)
    assert summary.bytes_decoded == sum(60 * (48 + seed % 9) for seed in range(12))
    cache = ClaheCache.open(tmp_path / "cache")
    rows = cache.rows_of([sources[7].image_id, sources[2].image_id])
    batch = cache.read_many(rows)
    for source, row, image in zip((sources[7], sources[2]), rows, batch, strict=True):
        expected = apply_clahe(read_radiograph(source.path), SETTINGS)
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(cache.read(int(row)), expected)
    stored = {"packed": tmp_path / "cache" / "images.u8", "png": tmp_path / "cache" / "images"}
    assert stored[file_format].exists()
    assert not (tmp_path / "cache" / "failed.csv").exists()
    if file_format == "packed":
        assert summary.bytes == stored["packed"].stat().st_size == 12 * 32 * 32


def test_formats_and_numbers_of_workers_agree_on_real_images(tmp_path: Path) -> None:
    if not SAMPLE.exists():
        pytest.skip("../shared/nih-sample is not present")
    paths = sorted(SAMPLE.rglob("*.png"))
    rgba = [path for path in paths if path.read_bytes()[25] == 6]
    assert rgba, "ensure the colour images are among them"
    chosen = dict.fromkeys((*rgba, *paths[:20]))
    sources = [SourceImage(path.name, path) for path in chosen]
    settings = ClaheSettings(size=64)
    build_cache(sources, tmp_path / "packed", settings, workers=2)
    build_cache(sources, tmp_path / "png", settings, file_format="png", workers=2)
    build_cache(sources, tmp_path / "one", settings, workers=1)
    assert content(tmp_path / "packed") == content(tmp_path / "png") == content(tmp_path / "one")
    cache = ClaheCache.open(tmp_path / "packed")
    assert measure_loading_speedup(cache, sources, settings, sample=4) > 0


def plain_opencv(path: Path, size: int) -> np.ndarray:
    """The reference: what a few lines of OpenCV make of an 8-bit file."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
    return cv2.resize(equalised, (size, size), interpolation=cv2.INTER_AREA)


def write_deep_copies(paths: list[Path], folder: Path) -> list[Path]:
    """The same films in 16 bits, of which the 12 upper ones are used."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for path in paths:
        shallow = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.uint16)
        deep = shallow * 16 + rng.integers(0, 16, shallow.shape, dtype=np.uint16)
        cv2.imwrite(str(folder / f"deep_{path.name}"), deep * 16)
    return sorted(folder.iterdir())


def test_every_decoder_number_of_workers_and_format_gives_plain_opencvs_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SAMPLE.exists():
        pytest.skip("../shared/nih-sample is not present")
    paths = sorted(SAMPLE.rglob("*.png"))
    rgba = [path for path in paths if path.read_bytes()[25] == 6]
    assert rgba, "ensure the colour images are among them"
    shallow = list(dict.fromkeys((*rgba, *paths[:22])))
    deep = write_deep_copies(paths[:3], tmp_path / "deep")
    sources = [SourceImage(path.name, path) for path in (*shallow, *deep)]
    choice = ClaheSettings(size=224)
    build_cache(sources, tmp_path / "packed", choice, workers=2)
    build_cache(sources, tmp_path / "png", choice, file_format="png", workers=1)
    with monkeypatch.context() as patch:
        patch.setattr(radiograph, "_FAST_DECODERS", {})
        build_cache(sources, tmp_path / "slow", choice, workers=1)
    assert content(tmp_path / "packed") == content(tmp_path / "png") == content(tmp_path / "slow")
    cache = ClaheCache.open(tmp_path / "packed")
    for path in shallow:
        image = cache.read(int(cache.rows_of([path.name])[0]))
        np.testing.assert_array_equal(image, plain_opencv(path, 224), err_msg=path.name)
    for path in deep:
        image = cache.read(int(cache.rows_of([path.name])[0]))
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored.dtype == np.uint16
        np.testing.assert_array_equal(image, apply_clahe(stored, choice), err_msg=path.name)


@FORMATS
def test_second_run_reads_no_pixel(
    tmp_path: Path, file_format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    sources = make_sources(tmp_path / "raw")
    build(sources, tmp_path / "cache", file_format)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    monkeypatch.setattr(workers, "read_radiograph", None)
    monkeypatch.setattr(np, "memmap", None)
    summary = build(sources, tmp_path / "cache", file_format)
    assert (summary.images, summary.skipped, summary.failed) == (12, 12, 0)
    assert np.isnan(summary.ms_per_image)
    assert "nothing to do" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before


def test_a_data_set_that_moved_is_not_done_again(tmp_path: Path) -> None:
    build(make_sources(tmp_path / "raw"), tmp_path / "cache")
    (tmp_path / "raw").rename(tmp_path / "moved")
    paths = sorted((tmp_path / "moved").rglob("*.png"), key=lambda path: path.name)
    sources = [SourceImage(path.name, path) for path in paths]
    assert build(sources, tmp_path / "cache").skipped == 12


@FORMATS
def test_changed_added_removed_and_reordered_sources(tmp_path: Path, file_format: str) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build(sources, out, file_format)
    write_image(sources[4].path, 100)
    added = tmp_path / "raw" / "images_000" / "new.png"
    write_image(added, 101)
    changed = [SourceImage("new.png", added), *sources[2:6], *sources[:2], *sources[8:]]
    summary = build(changed, out, file_format)
    assert summary.images == 11
    assert 7 <= summary.skipped <= 9
    assert_like_fresh(changed, out, file_format)


def test_same_name_size_and_time_in_another_folder_is_noticed(tmp_path: Path) -> None:
    paths = [tmp_path / "raw" / folder / "x.bmp" for folder in "ab"]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True)
        noise = np.random.default_rng(seed).integers(0, 256, (40, 40), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".bmp", noise)[1].tobytes())
        os.utime(path, (1, 1))
    other = [SourceImage(f"{name}.bmp", path) for name, path in zip("pq", paths, strict=True)]
    build(other, tmp_path / "cache")
    swapped = [SourceImage("p.bmp", paths[1]), SourceImage("q.bmp", paths[0])]
    assert build(swapped, tmp_path / "cache").skipped == 0
    assert_like_fresh(swapped, tmp_path / "cache", "packed")


@FORMATS
def test_broken_images_are_named_left_out_and_tried_again(tmp_path: Path, file_format: str) -> None:
    sources = make_sources(tmp_path / "raw")
    whole = sources[3].path.read_bytes()
    sources[3].path.write_bytes(whole[:200])
    sources[5].path.unlink()
    out = tmp_path / "cache"
    summary = build(sources, out, file_format)
    assert (summary.images, summary.failed, summary.skipped) == (10, 2, 0)
    with (out / "failed.csv").open() as file:
        failed = list(csv.DictReader(file))
    assert [line["image_id"] for line in failed] == [sources[3].image_id, sources[5].image_id]
    assert "truncated" in failed[0]["reason"]
    assert failed[1]["path"] == str(sources[5].path)
    with pytest.raises(InputError, match=r"1 of 2 images are not in .*00000003_000.png"):
        ClaheCache.open(out).rows_of([sources[3].image_id, sources[0].image_id])
    sources[3].path.write_bytes(whole)
    write_image(sources[5].path, 5)
    summary = build(sources, out, file_format)
    assert (summary.images, summary.failed, summary.skipped) == (12, 0, 10)
    assert not (out / "failed.csv").exists()
    assert_like_fresh(sources, out, file_format)


def test_an_image_that_breaks_leaves_no_pixels_behind(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw")
    build(sources, tmp_path / "cache")
    sources[4].path.write_bytes(b"gone")
    build(sources, tmp_path / "cache")
    pixels = np.fromfile(tmp_path / "cache" / "images.u8", np.uint8).reshape(12, -1)
    assert [row for row in range(12) if not pixels[row].any()] == [4]


def test_other_settings_are_refused_unless_rebuilt(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw")
    out = tmp_path / "cache"
    build(sources, out)
    before = content(out)
    other = ClaheSettings(size=32, clip=3.0, fit="crop")
    with pytest.raises(InputError, match=r"clip 2.0 \(now 3.0\), fit pad \(now crop\).*--rebuild"):
        build_cache(sources, out, other, workers=1)
    assert content(out) == before
    assert build_cache(sources, out, other, workers=1, rebuild=True).skipped == 0
    assert ClaheCache.open(out).settings == other
    build_cache(sources, out, other, file_format="png", workers=1, rebuild=True)
    assert not (out / "images.u8").exists()


def test_pixels_of_two_opencv_versions_are_never_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = make_sources(tmp_path / "raw")
    build(sources[:10], tmp_path / "cache")
    monkeypatch.setattr(cv2, "__version__", "9.9")
    assert build(sources[:10], tmp_path / "cache").skipped == 10
    with pytest.raises(InputError, match=r"OpenCV .* and this is 9\.9"):
        build(sources, tmp_path / "cache")
    assert len(ClaheCache.open(tmp_path / "cache")) == 10


BUILDER = """
import sys, time
from pathlib import Path
from xlite.clahe_cache import build, workers
from xlite.settings import ClaheSettings
from xlite.errors import XliteError
from xlite.signals import catch_stop_signals

apply = workers.apply_clahe

def slow(image, settings):
    time.sleep(0.02)
    return apply(image, settings)

if __name__ == "__main__":
    folder, out, file_format, num_workers, size = sys.argv[1:]
    if num_workers == "1":
        workers.apply_clahe = slow
    paths = sorted(Path(folder).rglob("*.png"), key=lambda path: path.name)
    sources = [build.SourceImage(path.name, path) for path in paths]
    settings = ClaheSettings(size=int(size))
    try:
        build.build_cache(
            sources, Path(out), settings, file_format=file_format, workers=int(num_workers),
            stopping=catch_stop_signals)
    except XliteError as error:
        print(error)
        sys.exit(error.exit_code)
"""


def stop_midway(
    folder: Path, out: Path, number: signal.Signals, *, file_format: str, workers: int, size: int
) -> tuple[int, str]:
    """Run a build in a process group, send a signal once images are finished: code, output.

    The first one too: where there are helpers, they have begun.
    """
    script = out.with_name("builder.py")
    script.write_text(textwrap.dedent(BUILDER))
    process = subprocess.Popen(
        [sys.executable, script, folder, out, file_format, str(workers), str(size)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    journal = out / JOURNAL
    deadline = time.monotonic() + 60
    while True:
        finished = journal.read_bytes() if journal.exists() else b""
        if finished.count(b"\n") >= 4 and b'"row": 0,' in finished:
            break
        assert process.poll() is None, "ensure the build is still running"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    # Workers hold the pipe too: this returns once none of them is left.
    output, _ = process.communicate(timeout=30)
    return process.returncode, output


@FORMATS
def test_resume_after_sigkill_gives_the_bytes_of_an_uninterrupted_build(
    tmp_path: Path, file_format: str
) -> None:
    sources = make_sources(tmp_path / "raw", 40)
    out = tmp_path / "cache"
    code, _ = stop_midway(
        tmp_path / "raw", out, signal.SIGKILL, file_format=file_format, workers=1, size=32
    )
    assert code == -signal.SIGKILL
    with pytest.raises(InputError, match="not complete"):
        ClaheCache.open(out)
    finished = read_journal(out)[1]
    assert 3 <= len(finished) < 40, "ensure the kill came midway"

    torn = finished[-1]
    journal = (out / JOURNAL).read_bytes()
    lines = [line for line in journal.split(b"\n") if torn.image_id.encode() not in line]
    torn_line = next(line for line in journal.split(b"\n") if torn.image_id.encode() in line)
    (out / JOURNAL).write_bytes(b"\n".join([*lines[:-1], torn_line[: len(torn_line) // 2]]))
    if file_format == "packed":
        with (out / "images.u8").open("r+b") as file:
            file.seek(finished[0].row * 32 * 32 + 5)
            file.write(b"\x00\xff\x00")
    else:
        path = out / png_name(finished[0].image_id)
        path.write_bytes(path.read_bytes()[:-20])
    assert build(sources, out, file_format).skipped == len(finished) - 2
    assert_like_fresh(sources, out, file_format)
    if file_format == "packed":
        both = [(folder / "images.u8").read_bytes() for folder in (out, tmp_path / "fresh")]
        assert both[0] == both[1]


def test_an_interrupted_build_over_dicom_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(24):
        # What a file is called does not make it a PNG.
        grey = rng.integers(0, 4096, (64, 64)).astype(np.uint16)
        film = transcode(encode_dicom(grey, bits_stored=12), JPEGLosslessSV1)
        (folder / f"{number:02}.png").write_bytes(film)
    out = tmp_path / "cache"
    code, output = stop_midway(folder, out, signal.SIGINT, file_format="packed", workers=1, size=32)
    assert code == 128 + signal.SIGINT
    assert "Run the same command again to continue" in output
    with pytest.raises(InputError, match="not complete"):
        ClaheCache.open(out)
    finished = len(read_journal(out)[1])
    assert 0 < finished < 24, "ensure the signal came midway"
    sources = [SourceImage(path.name, path) for path in sorted(folder.iterdir())]
    assert build(sources, out, "packed").skipped == finished
    assert_like_fresh(sources, out, "packed")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_their_parent_and_the_build_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    if not SAMPLE.exists():
        pytest.skip("../shared/nih-sample is not present")
    out = tmp_path / "cache"
    code, output = stop_midway(SAMPLE, out, number, file_format="packed", workers=2, size=48)
    if number == signal.SIGKILL:
        assert code == -number
    else:
        assert code == 128 + number
        assert "Run the same command again to continue" in output
    finished = len(read_journal(out)[1])
    assert 0 < finished < len(list(SAMPLE.rglob("*.png")))
    paths = sorted(SAMPLE.rglob("*.png"), key=lambda path: path.name)
    sources = [SourceImage(path.name, path) for path in paths]
    settings = ClaheSettings(size=48)
    assert build_cache(sources, out, settings, workers=2).skipped == finished
    build_cache(sources, tmp_path / "fresh", settings, workers=2)
    assert (out / "images.u8").read_bytes() == (tmp_path / "fresh" / "images.u8").read_bytes()


@FORMATS
def test_a_disk_that_fills_up_midway_leaves_a_cache_to_continue(
    tmp_path: Path, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = make_sources(tmp_path / "raw")
    make = workers.PixelTarget.make

    def make_until_full(self: workers.PixelTarget, task: workers.Task) -> object:
        if task.position == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return make(self, task)

    with monkeypatch.context() as patch:
        patch.setattr(workers.PixelTarget, "make", make_until_full)
        with pytest.raises(InputError, match="no room for the CLAHE cache"):
            build(sources, tmp_path / "cache", file_format)
    assert build(sources, tmp_path / "cache", file_format).skipped == 5
    assert_like_fresh(sources, tmp_path / "cache", file_format)


def test_a_fault_here_keeps_what_the_helpers_have_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = make_sources(tmp_path / "raw", 60)
    out = tmp_path / "cache"

    def fail_once_a_helper_has_begun(self: workers.PixelTarget, task: workers.Task) -> object:
        deadline = time.monotonic() + 60
        while not np.fromfile(out / "images.u8", np.uint8, 32 * 32).any():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(workers.PixelTarget, "make", fail_once_a_helper_has_begun)
        with pytest.raises(InputError, match="no room for the CLAHE cache"):
            build_cache(sources, out, SETTINGS, workers=2)
    finished = len(read_journal(out)[1])
    assert finished > 0
    assert cv2.getNumThreads() > 1 or (os.cpu_count() or 1) == 1
    assert build(sources, out).skipped == finished
    assert_like_fresh(sources, out, "packed")


def test_no_room_is_known_before_the_first_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("no preallocation on this system")
    import resource

    sources = make_sources(tmp_path / "raw")
    monkeypatch.setattr(workers, "read_radiograph", None)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
    try:
        with pytest.raises(InputError, match=r"no room .* smaller --size"):
            build(sources, tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    monkeypatch.undo()
    assert (tmp_path / "cache" / "images.u8").stat().st_size == 0
    build(sources, tmp_path / "cache")
    assert_like_fresh(sources, tmp_path / "cache", "packed")


def test_targets_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = make_sources(tmp_path / "raw", 2)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file is not a folder\. Pass another --out"):
        build(sources, tmp_path / "file" / "cache")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    build(sources, tmp_path / "cache")
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert build(sources, tmp_path / "cache").skipped == 2
    with pytest.raises(InputError, match="Read-only file system"):
        build(sources[:1], tmp_path / "cache")
    assert len(ClaheCache.open(tmp_path / "cache")) == 2


def test_two_builds_at_once_and_folders_that_are_no_cache(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "raw", 2)
    out = tmp_path / "cache"
    with folder.locked(out), pytest.raises(InputError, match="Another process"):
        build(sources, out)
    assert isinstance(filelock.Timeout("x"), OSError), "ensure the lock was told from a full disk"
    build(sources, out)
    (tmp_path / "foreign" / "images").mkdir(parents=True)
    with pytest.raises(
        InputError, match="holds images, and nothing says that it belongs to a CLAHE cache"
    ):
        build(sources, tmp_path / "foreign")
    inside = [SourceImage("x.png", out / "images" / "x.png")]
    with pytest.raises(InputError, match="inside the cache folder"):
        build(inside, out)
    with pytest.raises(InputError, match="named twice"):
        build([sources[0], sources[0]], out)
    with pytest.raises(InputError, match="no image"):
        build([], out)


def test_open_refuses_what_is_not_a_whole_cache(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        ClaheCache.open(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"not complete.*xlite cache-clahe"):
        ClaheCache.open(tmp_path / "empty")
    build(make_sources(tmp_path / "raw"), tmp_path / "cache")
    with (tmp_path / "cache" / "images.u8").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(InputError, match="--rebuild"):
        ClaheCache.open(tmp_path / "cache")
    index = tmp_path / "cache" / "index.csv"
    index.write_text(index.read_text().replace("width", "girth"))
    with pytest.raises(InputError, match="was changed since"):
        ClaheCache.open(tmp_path / "cache")


def read_in_child(cache: ClaheCache) -> bytes:
    return cache.read_many([3, 1]).tobytes()


@FORMATS
def test_cache_survives_pickling_and_child_processes(tmp_path: Path, file_format: str) -> None:
    build(make_sources(tmp_path / "raw"), tmp_path / "cache", file_format)
    cache = ClaheCache.open(tmp_path / "cache")
    expected = read_in_child(cache)
    assert len(pickle.dumps(cache)) < 5000, "ensure the pixels are not pickled"
    assert read_in_child(pickle.loads(pickle.dumps(cache))) == expected
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(read_in_child, (cache,)) == expected


IDS = st.text(st.sampled_from("aA.b_/\\ -é%"), min_size=1, max_size=12)


@given(st.lists(IDS | IDS.map(lambda name: name + ".png"), min_size=2, max_size=20, unique=True))
def test_png_names_are_safe_and_differ_even_without_case(image_ids: list[str]) -> None:
    names = [png_name(image_id) for image_id in image_ids]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        *folders, file = name.split("/")
        assert folders[0] == "images"
        assert file.endswith(".png")
        assert all(folder and "." not in folder for folder in folders)
        assert name.isascii()
