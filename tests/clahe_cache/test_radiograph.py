from __future__ import annotations

import io
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xlite.clahe_cache import radiograph
from xlite.clahe_cache.radiograph import UnreadableImageError, decode_radiograph, read_radiograph

SAMPLE = Path(__file__).parents[2].parent / "shared" / "nih-sample" / "images"
GREY = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_grey_in_any_lossless_container_comes_back_unchanged(file_format: str, mode: str) -> None:
    if (file_format, mode) == ("BMP", "LA"):
        pytest.skip("BMP has no grey with alpha")
    image = Image.fromarray(GREY).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(GREY[::-1]))
    pixels = decode_radiograph(encoded(image, file_format))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, GREY)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_colour_is_pillows_luma_to_within_one_level(file_format: str) -> None:
    image = Image.fromarray(COLOUR)
    expected = np.asarray(image.convert("L")).astype(int)
    pixels = decode_radiograph(encoded(image, file_format)).astype(int)
    assert np.abs(pixels - expected).max() <= 1


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "GIF"])
@pytest.mark.parametrize("mode", ["P", "1"])
def test_palette_and_one_bit_are_expanded(file_format: str, mode: str) -> None:
    image = Image.fromarray(COLOUR if mode == "P" else GREY).convert(mode)
    expected = np.asarray(image.convert("RGB").convert("L")).astype(int)
    pixels = decode_radiograph(encoded(image, file_format)).astype(int)
    assert np.abs(pixels - expected).max() <= 1
    assert pixels.max() > 200


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_stay_sixteen_bits(file_format: str) -> None:
    deep = GREY.astype(np.uint16) * 257
    deep[0, 0] = 1
    pixels = decode_radiograph(encoded(Image.fromarray(deep), file_format))
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, deep)


def test_sixteen_bit_tiff_with_white_as_zero_is_inverted() -> None:
    deep = GREY.astype(np.uint16) * 257
    data = encoded(Image.fromarray(deep), "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(decode_radiograph(data), 65535 - deep)


def test_jpeg_is_read_and_its_exif_rotation_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth = Image.fromarray(np.tile(np.arange(60, dtype=np.uint8) * 4, (40, 1)))
    pixels = decode_radiograph(encoded(smooth, "JPEG", exif=exif, quality=95))
    assert pixels.shape == (40, 60)
    assert np.abs(pixels.astype(int) - np.asarray(smooth).astype(int)).max() <= 6


def test_png_metadata_neither_matters_nor_reaches_the_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = encoded(Image.fromarray(GREY), "PNG", icc_profile=b"no profile", transparency=7)
    np.testing.assert_array_equal(decode_radiograph(data), GREY)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused_in_silence(
    file_format: str, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encoded(Image.fromarray(GREY), file_format)
    with pytest.raises(UnreadableImageError) as caught:
        decode_radiograph(data[: int(len(data) * kept)])
    assert "\n" not in caught.value.reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_a_file_without_its_last_bytes_is_refused(file_format: str) -> None:
    data = encoded(Image.fromarray(GREY), file_format)
    with pytest.raises(UnreadableImageError, match=r"truncated|damaged"):
        decode_radiograph(data[:-1])


def test_one_flipped_bit_in_a_png_is_found() -> None:
    data = bytearray(encoded(Image.fromarray(GREY), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(UnreadableImageError, match="checksum"):
        decode_radiograph(bytes(data))


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def test_a_bomb_is_refused_by_its_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(radiograph, "_FAST_DECODERS", {8: decode})
    monkeypatch.setattr("cv2.imdecode", decode)
    with pytest.raises(UnreadableImageError, match="60000 x 60000 pixels are more than"):
        decode_radiograph(png_header(60_000, 60_000))
    monkeypatch.setattr(radiograph, "MAX_PIXELS", GREY.size - 1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    for file_format in ("JPEG", "TIFF", "BMP"):
        with pytest.raises(UnreadableImageError, match="60 x 40 pixels are more than"):
            decode_radiograph(encoded(Image.new("L", (60, 40)), file_format))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"patient,label\n", "not an image"), (b"<!doctype html>", "not an image")],
)
def test_files_that_are_no_image(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "radiograph.png"
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=reason):
        read_radiograph(path)


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


@needs_pipes
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "is a named pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
        (lambda path: path.mkdir(), "is a folder"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "x.png"
    make(path)
    with pytest.raises(UnreadableImageError, match=f"x.png: {reason}") as caught:
        read_radiograph(path)
    assert caught.value.reason == reason
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.reason, copy.path, str(copy)) == (reason, path, str(caught.value))


def test_a_sparse_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnreadableImageError, match="larger than the 512 MiB"):
        read_radiograph(tmp_path / "x.png")


def test_formats_that_nobody_exports_radiographs_in_are_not_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("Ghostscript started")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", start)
    for file_format in ("EPS", "TGA", "PCX", "SGI", "DDS", "ICO"):
        with pytest.raises(UnreadableImageError, match="not an image of a format that is read"):
            decode_radiograph(encoded(Image.fromarray(GREY), file_format))
    for file_format in ("BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PPM", "TIFF", "WEBP"):
        assert decode_radiograph(encoded(Image.fromarray(GREY), file_format)).shape == GREY.shape


def test_a_colour_png_is_not_unpacked_beyond_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    rows = [b"\0" * 31] * 10
    whole = png_of(rows, 10, colour=2)
    assert not decode_radiograph(whole).any()
    monkeypatch.setattr("cv2.imdecode", decode)
    noise = np.random.default_rng(0).bytes(100_000)
    with pytest.raises(UnreadableImageError, match="bytes of pixel data for 10 x 10 pixels"):
        decode_radiograph(png_of([*rows, noise], 10, colour=2, height=10))


def test_missing_file_folder_and_float_pixels(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="does not exist"):
        read_radiograph(tmp_path / "absent.png")
    with pytest.raises(UnreadableImageError, match="is a folder"):
        read_radiograph(tmp_path)
    with pytest.raises(UnreadableImageError, match="32-bit"):
        decode_radiograph(encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"))


def png_of(
    rows: list[bytes],
    width: int,
    *,
    height: int | None = None,
    bits: int = 8,
    colour: int = 0,
    interlace: int = 0,
) -> bytes:
    """A PNG of filtered rows, each with its filter's number in front."""
    size = (width, height or len(rows))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, interlace)),
        (b"IDAT", zlib.compress(b"".join(rows))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 12),
    bits=st.sampled_from([8, 16]),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_decoders_agree_on_every_filter(width: int, height: int, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [
        bytes([rng.integers(5)]) + rng.integers(0, 256, width * bits // 8, np.uint8).tobytes()
        for _ in range(height)
    ]
    data = png_of(rows, width, bits=bits)
    pixels = decode_radiograph(data)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_png_is_left_to_the_fast_decoder(
    dtype: type[np.generic], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = GREY.astype(dtype)
    data = encoded(Image.fromarray(image), "PNG", icc_profile=b"no profile", transparency=7)
    monkeypatch.setattr("cv2.imdecode", None)
    np.testing.assert_array_equal(decode_radiograph(data), image)


def fail(*_: object) -> None:
    raise Exception("Failed to decode the png image.")  # as bare as kornia-rs raises it


def test_what_the_fast_decoder_cannot_read_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(radiograph, "_FAST_DECODERS", {8: fail, 16: fail})
    for image in (GREY, GREY.astype(np.uint16) * 257):
        data = encoded(Image.fromarray(image), "PNG")
        np.testing.assert_array_equal(decode_radiograph(data), image)
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode_radiograph(data[:-1])


def test_interlaced_png() -> None:
    # Of 4 x 1 pixels, Adam7 stores the first in pass 1, the third in 4 and the others in 6.
    passes = [b"\x00\x0a", b"\x00\x1e", b"\x00\x14\x28"]
    data = png_of([b"".join(passes)], 4, interlace=1)
    np.testing.assert_array_equal(decode_radiograph(data), [[10, 20, 30, 40]])


def test_pixel_data_that_ends_early_is_damage_to_both_decoders() -> None:
    rows = [b"\0" + row.tobytes() for row in GREY]
    whole = png_of(rows, GREY.shape[1])
    np.testing.assert_array_equal(decode_radiograph(whole), GREY)
    rows[-1] = rows[-1][:-1]
    with pytest.raises(UnreadableImageError, match="damaged PNG"):
        decode_radiograph(png_of(rows, GREY.shape[1]))


def test_real_radiographs_equal_pillows_reading() -> None:
    if not SAMPLE.exists():
        pytest.skip("../shared/nih-sample is not present")
    modes = set()
    for path in sorted(SAMPLE.rglob("*.png")):
        with Image.open(path) as image:
            if image.mode == "L" and "L" in modes:
                continue
            modes.add(image.mode)
            np.testing.assert_array_equal(read_radiograph(path), np.asarray(image.convert("L")))
    assert modes == {"L", "RGBA"}


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_tiff_keeps_its_depth(channels: int) -> None:
    deep = GREY.astype(np.uint16) * 257 - (GREY > 0)
    colour = np.repeat(deep[:, :, None], channels, axis=2)
    data = cv2.imencode(".tiff", colour)[1].tobytes()
    np.testing.assert_array_equal(decode_radiograph(data), deep)


def test_cmyk_jpeg_is_read_as_its_grey() -> None:
    smooth = Image.fromarray(cv2.GaussianBlur(GREY, (15, 15), 5))
    data = encoded(smooth.convert("RGB").convert("CMYK"), "JPEG", quality=95)
    difference = decode_radiograph(data).astype(int) - np.asarray(smooth)
    assert np.abs(difference).max() <= 3
