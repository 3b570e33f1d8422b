"""Damaged codestreams against the decoders: `python tests/dicom_fuzz.py 5000`.

Films are decoded in a child process, each announced before it is, so that one that ends the
process, or takes more than ten seconds, is known by its number.
"""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
from dicom_cases import transcode
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid

from xlite.clahe_cache.radiograph import UnreadableImageError, decode_radiograph
from xlite.synthetic.dicom_films import encode_dicom

SECONDS_A_FILM = 10.0
_SYNTAXES = {
    "RLE": uid.RLELossless,
    "JPEG baseline": uid.JPEGBaseline8Bit,
    "JPEG lossless": uid.JPEGLosslessSV1,
    "JPEG-LS": uid.JPEGLSLossless,
    "JPEG 2000": uid.JPEG2000Lossless,
}
KINDS = tuple(_SYNTAXES)


def make_sound(kind: str) -> bytes:
    """A film of 96 x 80 pixels, smooth with some noise, in one of the compressed encodings."""
    rng = np.random.default_rng(7)
    ramp = np.add.outer(np.arange(96), np.arange(80)).astype(np.float64)
    grey = np.clip(ramp + rng.normal(0, 4, ramp.shape), 0, 255).astype(np.uint8)
    plain = encode_dicom(grey, bits_stored=8)
    if kind != "JPEG baseline":
        return transcode(plain, _SYNTAXES[kind])
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "JPEG", quality=90)
    film = pydicom.dcmread(io.BytesIO(plain))
    film.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
    film["PixelData"].VR = "OB"
    film.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    return file.getvalue()


def damage(sound: bytes, rng: np.random.Generator) -> bytes:
    """The film with its codestream cut off, or with up to eight of its bytes changed."""
    film = pydicom.dcmread(io.BytesIO(sound))
    frame = pydicom.encaps.get_frame(film.PixelData, 0, number_of_frames=1)
    stream = np.frombuffer(frame, np.uint8).copy()
    if rng.random() < 0.4:
        stream = stream[: rng.integers(1, len(stream))]
    else:
        # Headers of codestreams are at their beginning, and steer the decoder.
        reach = len(stream) if rng.random() < 0.5 else min(200, len(stream))
        places = rng.integers(0, reach, rng.integers(1, 9))
        stream[places] = rng.integers(0, 256, len(places))
    film.PixelData = pydicom.encaps.encapsulate([stream.tobytes()])
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    return file.getvalue()


def decode_range(first: int, last: int) -> None:
    """Decode films by number, and print what becomes of each; the child's part."""
    sound = {kind: make_sound(kind) for kind in KINDS}
    for number in range(first, last):
        kind = KINDS[number % len(KINDS)]
        film = damage(sound[kind], np.random.default_rng([11, number]))
        _say(f"{number} ")
        try:
            pixels: NDArray[np.generic] = decode_radiograph(film)
            _say("decoded\n" if pixels.shape == (96, 80) else "misshapen\n")
        except UnreadableImageError:
            _say("refused\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def run_fuzz(num_films: int) -> dict[str, Counter[str]]:
    """What became of the films, by encoding: decoded, refused, crashed, timed out."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    first = 0
    while first < num_films:
        command = [sys.executable, __file__, "--child", str(first), str(num_films)]
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert child.stdout is not None
        spoke = [time.monotonic() + 60]  # for the imports
        watcher = threading.Thread(target=_kill_when_silent, args=(child, spoke), daemon=True)
        watcher.start()
        begun = first
        for line in child.stdout:
            spoke[0] = time.monotonic()
            number, _, outcome = line.strip().partition(" ")
            begun = int(number)
            if outcome:
                found[KINDS[begun % len(KINDS)]][outcome] += 1
                begun += 1
        code = child.wait()
        if begun < num_films:
            outcome = "timed out" if code == -9 else f"crashed ({code})"
            found[KINDS[begun % len(KINDS)]][outcome] += 1
            begun += 1
        first = begun
    return found


def _kill_when_silent(child: subprocess.Popen[str], spoke: list[float]) -> None:
    while child.poll() is None:
        if time.monotonic() - spoke[0] > SECONDS_A_FILM:
            child.kill()
        time.sleep(0.2)


def main() -> None:
    """Print what became of as many films as asked for."""
    if sys.argv[1] == "--child":
        decode_range(int(sys.argv[2]), int(sys.argv[3]))
        return
    started = time.perf_counter()
    for kind, counts in run_fuzz(int(sys.argv[1])).items():
        _say(f"{kind}: {dict(counts)}\n")
    _say(f"{time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
