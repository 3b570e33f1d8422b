"""One film in the encodings that DICOM has for it, and header values that no file may repeat."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid

from xlite.synthetic.dicom_films import encode_dicom

PRIVATE = {
    "PatientName": "Zsigmondy^Quirina",
    "PatientID": "MRN-70417731",
    "PatientBirthDate": "19430217",
    "PatientAddress": "Kastanienallee 77",
    "InstitutionName": "St. Hildegardis Klinikum",
    "ReferringPhysicianName": "Obermaier^Wendelin",
    "AccessionNumber": "ACC-5512093",
    "StudyDescription": "Thorax Zweitbefund Q77",
}
"""What a header holds and nobody else may."""

_BY_GDCM = {
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    uid.JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    uid.JPEG2000Lossless: gdcm.TransferSyntax.JPEG2000Lossless,
}


@dataclass(frozen=True)
class Encoding:
    """How a film of 8 bits is stored."""

    name: str
    syntax: str = uid.ExplicitVRLittleEndian
    bits: int = 8
    is_signed: bool = False
    elements: dict[str, Any] = field(default_factory=dict)

    @property
    def shift(self) -> int:
        """By how many bits the film's levels are raised to fill the depth."""
        return self.bits - 8

    def encode(self, grey: NDArray[np.uint8], **elements: Any) -> bytes:
        """The film as a DICOM file, with what `PRIVATE` has in its header."""
        levels = grey.astype(np.uint16) << self.shift
        if self.elements.get("PhotometricInterpretation") == "MONOCHROME1":
            levels = (1 << self.bits) - 1 - levels
        if float(self.elements.get("RescaleSlope", 1)) < 0:
            levels = (1 << self.bits) - 1 - levels
        made = encode_dicom(
            levels,
            bits_stored=self.bits,
            is_signed=self.is_signed,
            elements={**PRIVATE, **self.elements, **elements},
        )
        return transcode(made, self.syntax)

    def expected(self, grey: NDArray[np.uint8]) -> NDArray[Any]:
        """What has to come back: the film, or of more than 8 bits the film in as many."""
        return grey if self.bits == 8 else grey.astype(np.uint16) << self.shift


def _window(bits: int, **others: Any) -> dict[str, Any]:
    return {"WindowCenter": 1 << (bits - 1), "WindowWidth": 1 << bits, **others}


_MONO1 = {"PhotometricInterpretation": "MONOCHROME1"}
_CT = {"RescaleSlope": "1", "RescaleIntercept": "-1024"}

ENCODINGS = (
    Encoding("explicit little"),
    Encoding("implicit little", uid.ImplicitVRLittleEndian),
    Encoding("explicit big", uid.ExplicitVRBigEndian),
    Encoding("explicit big, 12 bits", uid.ExplicitVRBigEndian, bits=12),
    Encoding("deflated", uid.DeflatedExplicitVRLittleEndian),
    Encoding("10 bits", bits=10),
    Encoding("12 bits, implicit", uid.ImplicitVRLittleEndian, bits=12),
    Encoding("16 bits", bits=16),
    Encoding("8 bits signed", is_signed=True),
    Encoding("12 bits signed", bits=12, is_signed=True),
    Encoding("12 bits rescaled", bits=12, elements=_CT),
    Encoding("a slope below 0", bits=12, elements={"RescaleSlope": "-1", "RescaleIntercept": "4"}),
    Encoding("MONOCHROME1", elements=_MONO1),
    Encoding("MONOCHROME1, 12 bits signed", bits=12, is_signed=True, elements=_MONO1),
    Encoding("a whole window", elements=_window(8)),
    Encoding("two windows", elements={"WindowCenter": [128, 40], "WindowWidth": [256, 80]}),
    Encoding("RLE", uid.RLELossless),
    Encoding("RLE, 14 bits", uid.RLELossless, bits=14),
    Encoding("JPEG lossless", uid.JPEGLossless, bits=12),
    Encoding("JPEG lossless SV1", uid.JPEGLosslessSV1),
    Encoding("JPEG lossless SV1, 16 bits, MONOCHROME1", uid.JPEGLosslessSV1, 16, elements=_MONO1),
    Encoding("JPEG-LS, 12 bits", uid.JPEGLSLossless, bits=12),
    Encoding("JPEG 2000", uid.JPEG2000Lossless),
    Encoding("JPEG 2000, 12 bits signed", uid.JPEG2000Lossless, bits=12, is_signed=True),
)
"""All of them lossless."""


def transcode(data: bytes, syntax: str) -> bytes:
    """A DICOM file that is not compressed, in another transfer syntax."""
    if syntax in _BY_GDCM:
        return _transcode_by_gdcm(data, _BY_GDCM[uid.UID(syntax)])
    film = pydicom.dcmread(io.BytesIO(data))
    if syntax == uid.RLELossless:
        film.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
    else:
        is_big = syntax == uid.ExplicitVRBigEndian
        if is_big and film.BitsAllocated == 16:
            film.PixelData = np.frombuffer(film.PixelData, "<u2").astype(">u2").tobytes()
        elif is_big:
            film["PixelData"].VR = "OB"
        film.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    pydicom.dcmwrite(
        file,
        film,
        implicit_vr=syntax == uid.ImplicitVRLittleEndian,
        little_endian=syntax != uid.ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return file.getvalue()


def _transcode_by_gdcm(data: bytes, syntax: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.dcm", Path(folder) / "target.dcm"
        source.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def mutate(sound: bytes, rng: np.random.Generator) -> bytes:
    """The file with a few bytes of its header or pixels changed, or its end cut off."""
    content = bytearray(sound)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(content[: rng.integers(132, len(content))])
    # The header is short, and what is in it matters most.
    end = min(len(content), 1400) if kind < 3 else len(content)
    for at in rng.integers(132, end, rng.integers(1, 9)):
        content[at] = rng.choice([0, 1, 0xFF, 0x7F, 0x80, rng.integers(256)])
    if kind == 2:
        at, length = rng.integers(132, end), rng.integers(1, 40)
        content[at : at + length] = b"" if rng.random() < 0.5 else rng.bytes(int(length))
    return bytes(content)
