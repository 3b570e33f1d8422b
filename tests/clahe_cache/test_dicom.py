from __future__ import annotations

import importlib
import io
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from dicom_cases import ENCODINGS, PRIVATE, Encoding, mutate, transcode
from dicom_fuzz import KINDS, make_sound, run_fuzz
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from typer.testing import CliRunner

from xlite import dicom_file
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.radiograph import UnreadableImageError, decode_radiograph
from xlite.clahe_cache.store import ClaheCache
from xlite.cli.app import app
from xlite.errors import InputError
from xlite.settings import ClaheSettings
from xlite.synthetic.dicom_films import encode_dicom
from xlite.synthetic.generate import generate_synthetic

SAMPLE = Path(__file__).parents[2].parent / "shared" / "nih-sample" / "images"
NUM_MUTANTS = 2000


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[NDArray[np.uint8]]:
    """Real films where they are at hand, else synthetic ones; cut to save time, edges odd."""
    if SAMPLE.is_dir():
        paths = sorted(SAMPLE.glob("*.png"))[:400:200]
    else:
        folder = tmp_path_factory.mktemp("films")
        table = generate_synthetic(folder, num_images=16, image_size=512, min_positives=0)
        paths = sorted((table.parent / "images").glob("*.png"))[:2]
    whole = [np.asarray(decode_radiograph(path.read_bytes()), np.uint8) for path in paths]
    return [film[100:400, 90:420] for film in whole]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
def test_a_film_in_a_lossless_encoding_comes_back_to_the_byte(
    encoding: Encoding, films: list[NDArray[np.uint8]]
) -> None:
    for film in films:
        pixels = decode_radiograph(encoding.encode(film))
        expected = encoding.expected(film)
        assert pixels.dtype == expected.dtype
        np.testing.assert_array_equal(pixels, expected)


def test_the_matrix_is_one_of_24_encodings() -> None:
    assert len({encoding.name for encoding in ENCODINGS}) == 24
    assert len({encoding.syntax for encoding in ENCODINGS}) == 9


def test_cached_pixels_are_those_of_the_png(films: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    deep = [encoding for encoding in ENCODINGS if encoding.bits == 12]
    for encoding, depth in ((ENCODINGS[12], np.uint8), (deep[-1], np.uint16)):
        folder = tmp_path / encoding.name.replace(" ", "_")
        folder.mkdir()
        (folder / "film").write_bytes(encoding.encode(films[0]))
        png = films[0].astype(depth) << encoding.shift
        cv2.imwrite(str(folder / "film.png"), png.astype(depth))
        sources = [SourceImage(name, folder / name) for name in ("film", "film.png")]
        build_cache(sources, folder / "cache", ClaheSettings(size=64), workers=1)
        cache = ClaheCache.open(folder / "cache")
        np.testing.assert_array_equal(cache.read(0), cache.read(1))
        assert cache.read(0).max() > 100


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_is_pydicoms_first(function: str, films: list[NDArray[np.uint8]]) -> None:
    elements = {
        "WindowCenter": [-100, 3],
        "WindowWidth": [1900, 9],
        "VOILUTFunction": function,
        "RescaleSlope": "2",
        "RescaleIntercept": "-1024",
    }
    data = encode_dicom(films[0].astype(np.uint16) * 4, bits_stored=10, elements=elements)
    film = pydicom.dcmread(io.BytesIO(data))
    shown = apply_voi_lut(apply_modality_lut(film.pixel_array, film), film, index=0)
    # Of pydicom's range, which is that of the rescaled values.
    low, high = -1024.0, 2 * 1023 - 1024.0
    expected = (shown - low) / (high - low) * 65535
    pixels = decode_radiograph(data)
    assert pixels.dtype == np.uint16
    assert np.abs(pixels - expected).max() <= 1
    assert len(np.unique(pixels)) > 50


@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_of_greys_goes_before_the_window(name: str, films: list[NDArray[np.uint8]]) -> None:
    item = pydicom.Dataset()
    curve = (np.linspace(0, 1, 256) ** 2 * 1023).astype("<u2")
    item.LUTDescriptor = [256, 0, 10]
    item.add_new(0x00283006, "OW", curve.tobytes())
    item.ModalityLUTType = "US"
    elements: dict[str, Any] = {name: [item], "PhotometricInterpretation": "MONOCHROME1"}
    if name == "VOILUTSequence":
        elements |= {"WindowCenter": 20, "WindowWidth": 20}
    data = encode_dicom(films[0], bits_stored=8, elements=elements)
    np.testing.assert_array_equal(decode_radiograph(data), 1023 - curve[films[0]].astype(int))


def test_bits_of_an_overlay_are_not_pixels(films: list[NDArray[np.uint8]]) -> None:
    levels = films[0].astype(np.uint16) * 16
    data = encode_dicom(levels | 0xF000, bits_stored=16, elements={"BitsStored": 12, "HighBit": 11})
    np.testing.assert_array_equal(decode_radiograph(data), levels)


def test_overlays_beside_the_pixels_are_passed_over(films: list[NDArray[np.uint8]]) -> None:
    film = pydicom.dcmread(io.BytesIO(encode_dicom(films[0], bits_stored=8)))
    for group in (0x6000, 0x6002):
        film.add_new((group, 0x0010), "US", films[0].shape[0])
        film.add_new((group, 0x0011), "US", films[0].shape[1])
        film.add_new((group, 0x0040), "CS", "G")
        film.add_new((group, 0x0050), "SS", [1, 1])
        film.add_new((group, 0x0100), "US", 1)
        film.add_new((group, 0x0102), "US", 0)
        film.add_new((group, 0x3000), "OW", b"\xff" * (films[0].size // 8 // 2 * 2))
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    assert len(file.getvalue()) > films[0].size * 1.2
    np.testing.assert_array_equal(decode_radiograph(file.getvalue()), films[0])


@pytest.mark.parametrize("name", ["JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm"])
def test_near_lossless_jpeg_ls_is_read(name: str) -> None:
    path = Path(pydicom.__file__).parent / "data" / "test_files" / name
    film = pydicom.dcmread(path)
    film.decompress(decoding_plugin="gdcm")
    words = film.pixel_array
    if "WindowCenter" in film:
        del film.WindowCenter, film.WindowWidth
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    expected = decode_radiograph(file.getvalue())
    found = decode_radiograph(_without_windows(path))
    assert found.shape == words.shape
    np.testing.assert_array_equal(found, expected)


def _without_windows(path: Path) -> bytes:
    film = pydicom.dcmread(path)
    for name in ("WindowCenter", "WindowWidth"):
        if name in film:
            delattr(film, name)
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K])
def test_high_throughput_jpeg_2000_is_openjpegs(
    syntax: str, films: list[NDArray[np.uint8]]
) -> None:
    # Nothing here writes such streams; OpenJPEG reads both kinds by one decoder.
    film = pydicom.dcmread(
        io.BytesIO(transcode(encode_dicom(films[0], bits_stored=8), uid.JPEG2000Lossless))
    )
    film.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    np.testing.assert_array_equal(decode_radiograph(file.getvalue()), films[0])
    frame = pydicom.encaps.get_frame(film.PixelData, 0, number_of_frames=1)
    film.PixelData = pydicom.encaps.encapsulate([frame[:70]])
    cut = io.BytesIO()
    pydicom.dcmwrite(cut, film, enforce_file_format=True)
    with pytest.raises(UnreadableImageError, match="High-throughput JPEG 2000 pixels can't be"):
        decode_radiograph(cut.getvalue())


def test_damaged_codestreams_end_no_process(films: list[NDArray[np.uint8]]) -> None:
    for kind in KINDS:
        assert decode_radiograph(make_sound(kind)).shape == (96, 80)
    found = run_fuzz(150)
    assert {sum(counts.values()) for counts in found.values()} == {30}
    outcomes = {outcome for counts in found.values() for outcome in counts}
    assert outcomes == {"decoded", "refused"}


def test_films_of_several_windows_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = {"WindowCenter": [128, 40], "WindowWidth": [256, 80]}
    for number in range(3):
        elements = two if number else {"WindowCenter": 128, "WindowWidth": 256}
        (tmp_path / str(number)).write_bytes(encode_dicom(GREY, bits_stored=8, elements=elements))
    sources = [SourceImage(str(number), tmp_path / str(number)) for number in range(3)]
    build_cache(sources, tmp_path / "cache", ClaheSettings(size=32), workers=1)
    assert "2 DICOM films have several windows; the first was taken." in capsys.readouterr().err


def test_jpeg_baseline_is_read(films: list[NDArray[np.uint8]]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(films[0]).save(buffer, "JPEG", quality=95)
    film = pydicom.dcmread(io.BytesIO(encode_dicom(films[0], bits_stored=8)))
    film.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
    film["PixelData"].VR = "OB"
    film.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    pixels = decode_radiograph(file.getvalue())
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(buffer)))


GREY = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48).astype(np.uint8)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "frames": ({"NumberOfFrames": 3}, "several frames"),
    "colour": ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "in colour"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "no known kind"),
    "32 bits": ({"BitsAllocated": 32, "BitsStored": 32}, "neither 8 nor 16 bits"),
    "a huge film": ({"Rows": 65535, "Columns": 65535}, "65535 x 65535 pixels are more than"),
    "more rows": ({"Rows": 100}, "truncated DICOM (3,072 bytes of pixels where 4,800 belong)"),
    "no rows": ({"Rows": None}, "no Rows in its header"),
    "floats": ({"DoubleFloatPixelData": b"\0" * 8}, "pixels of floats"),
    "a slope of 0": ({"RescaleSlope": 0, "RescaleIntercept": 1}, "RescaleSlope of 0"),
    "an empty window": ({"WindowCenter": 9000, "WindowWidth": 5}, "one grey level"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_film_is_refused_with_its_reason(case: str) -> None:
    elements, reason = REFUSED[case]
    data = encode_dicom(GREY, bits_stored=8, elements={**PRIVATE, **elements})
    tracemalloc.start()
    with pytest.raises(UnreadableImageError) as raised:
        decode_radiograph(data)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reason in raised.value.reason
    assert most < 10 << 20


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_a_compressed_film_of_another_size_is_refused(syntax: str) -> None:
    data = bytearray(transcode(encode_dicom(GREY, bits_stored=8), syntax))
    # Rows, explicit little endian.
    at = data.index(b"\x28\x00\x10\x00US\x02\x00") + 8
    data[at : at + 2] = b"\x60\x00"
    with pytest.raises(UnreadableImageError, match="damaged DICOM"):
        decode_radiograph(bytes(data))


def test_damaged_files_are_refused_in_words_of_ours(capfd: pytest.CaptureFixture[str]) -> None:
    grey = cv2.GaussianBlur(np.random.default_rng(0).random((64, 48)) * 255, (7, 7), 2.0)
    sound = [encoding.encode(grey.astype(np.uint8)) for encoding in ENCODINGS]
    reasons = []
    for number in range(NUM_MUTANTS):
        mutant = mutate(sound[number % len(sound)], np.random.default_rng([0, number]))
        try:
            decode_radiograph(mutant)
        except UnreadableImageError as error:
            reasons.append(error.reason)
    assert len(reasons) > NUM_MUTANTS / 3
    assert len(set(reasons)) > 10
    said = "".join([*reasons, *capfd.readouterr()])
    assert not any(value in said for value in PRIVATE.values())
    # The reasons are sentences of ours; sizes are all that differs in them.
    assert all(
        "DICOM" in one or "pixels" in one or "not an image" in one or "window" in one
        for one in reasons
    )


def test_a_tree_of_dicom_is_cached_and_nothing_of_a_header_is_written(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    names = []
    for number, encoding in enumerate(ENCODINGS):
        name = f"series{number % 3}/IM{number:04d}" + (".dcm" if number % 2 else "")
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        data = encoding.encode(GREY)
        (tree / name).write_bytes(data if number % 4 else data[: len(data) * 2 // 3])
        names.append(name)
    rows = "".join(f"{name},1,{number}\n" for number, name in enumerate(names))
    (tmp_path / "table.csv").write_text(f"file,Mass,who\n{rows}")
    out = tmp_path / "cache"
    columns = ["--image-col", "file", "--label-cols", "Mass", "--patient-col", "who"]
    options = ["--images", str(tree), "--out", str(out), "--size", "32", "--workers", "2"]
    command = ["cache-clahe", "--labels", str(tmp_path / "table.csv"), *columns, *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1, result.output
    assert "6 of 24 images could not be read" in result.output
    failed = (out / "failed.csv").read_text()
    reasons = ("damaged DICOM", "truncated DICOM", "a truncated file")
    assert sum(map(failed.count, reasons)) == 6
    written = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert not any(value.encode() in written + result.output.encode() for value in PRIVATE.values())
    assert '"dicom": "modality, then VOI LUT, else first window' in (out / "cache.json").read_text()


def test_a_cache_whose_dicom_became_grey_another_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(encode_dicom(GREY, bits_stored=8))
    sources = [SourceImage("a", tmp_path / "a")]
    out = tmp_path / "cache"
    build_cache(sources, out, ClaheSettings(size=32), workers=1)
    record = out / "cache.json"
    record.write_text(record.read_text().replace("modality, then VOI LUT", "minimum to maximum"))
    with pytest.raises(InputError, match="made with other settings: dicom minimum to maximum"):
        build_cache(sources, out, ClaheSettings(size=32), workers=1)


def test_without_the_extra_a_sentence_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(name)

    (tmp_path / "a").write_bytes(encode_dicom(GREY, bits_stored=8))
    dicom_file.import_pydicom.cache_clear()
    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(InputError, match=r'pip install "xlite\[dicom\]"'):
        build_cache(
            [SourceImage("a", tmp_path / "a")], tmp_path / "out", ClaheSettings(), workers=1
        )
