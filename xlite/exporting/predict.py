"""Predicts chest films with the model beside this file: python predict.py FILM ... > calls.csv

Needs numpy, onnxruntime and opencv-python-headless. Films are what OpenCV reads (PNG, JPEG, TIFF,
BMP), not DICOM. Copy what you need: `prepare` is all that stands between a film and the model.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

HERE = Path(__file__).parent


def load(name: str) -> Any:
    """What a JSON file beside this one holds."""
    return json.loads((HERE / name).read_text("utf-8"))


def load_thresholds() -> Any:
    """Slope, intercept and threshold by label; nothing where the model has none."""
    return load("thresholds.json")["per_class"] if (HERE / "thresholds.json").exists() else {}


def decode(content: Any) -> Any:
    """The film in an encoded image, (H, W) uint8 or uint16 as stored; colour becomes luma."""
    film = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if film is None or film.dtype not in (np.uint8, np.uint16):
        raise ValueError("no image of 8 or 16 bits that OpenCV reads")
    if film.ndim == 3:
        film = cv2.cvtColor(film, cv2.COLOR_BGRA2GRAY if film.shape[2] == 4 else cv2.COLOR_BGR2GRAY)
    return film


def prepare(film: Any, spec: Any) -> Any:
    """The model's input, (S, S) uint8: CLAHE at full resolution, then reduced by area."""
    size, clip, grid, fit = (spec["clahe"][name] for name in ("size", "clip", "grid", "fit"))
    low, high = int(film.min()), int(film.max())
    if film.dtype == np.uint16 and high > low:  # to 4096 levels at most; the limit is for these
        steps = min(high - low, 4095)
        clip *= 65536 / min(max(np.unique(film).size, 256), steps + 1)
        step = np.rint((film.astype(np.float64) - low) * steps / (high - low))
        film = np.rint(step * 65535 / steps).astype(np.uint16)
    if film.dtype == np.uint8 or high > low:
        film = cv2.createCLAHE(clip, (grid, grid)).apply(np.ascontiguousarray(film))
    else:
        film = np.zeros_like(film)  # 16 bits of one level: nothing to stretch
    rows, columns = film.shape
    if fit == "crop":
        edge, top, left = (
            min(rows, columns),
            max(0, rows - columns) // 2,
            max(0, columns - rows) // 2,
        )
        film = film[top : top + edge, left : left + edge]
    longest = max(rows, columns)
    rows, columns = (
        max(1, round(n * size / longest)) if fit == "pad" else size for n in (rows, columns)
    )
    film = cv2.resize(film, (columns, rows), interpolation=cv2.INTER_AREA)
    if film.dtype == np.uint16:
        film = ((film.astype(np.uint32) + 128) // 257).astype(np.uint8)
    image, top, left = np.zeros((size, size), np.uint8), (size - rows) // 2, (size - columns) // 2
    image[top : top + rows, left : left + columns] = film
    side = spec["image_size"]
    method = cv2.INTER_AREA if side < size else cv2.INTER_LINEAR
    return image if side == size else cv2.resize(image, (side, side), interpolation=method)


def infer(session: Any, images: Any) -> Any:
    """The logits (B, C) of images (B, S, S) uint8."""
    return session.run(["logits"], {"images": images[:, None]})[0].astype(np.float64)


def check(session: Any, spec: Any) -> None:
    """Stop unless the reference film becomes here what it became where the model was exported."""
    wanted = spec["reference"]
    image = prepare(decode(np.fromfile(HERE / wanted["film"], np.uint8)), spec)
    if hashlib.sha256(image.tobytes()).hexdigest() != wanted["input_sha256"]:
        sys.exit("the reference film is prepared otherwise here: another version of OpenCV?")
    if not np.abs(infer(session, image[None])[0] - wanted["logits"]).max() <= wanted["tolerance"]:
        sys.exit("the model says something else of the reference film: another model.onnx?")


def call(logits: Any, labels: list[str], fitted: Any) -> dict[str, dict[str, Any]]:
    """By label: the prob, the same calibrated, and whether that reaches the threshold, if any."""
    calls = {}
    for label, logit in zip(labels, logits, strict=True):
        prob = 1 / (1 + np.exp(-logit))
        own = fitted.get(label, {"slope": 1.0, "intercept": 0.0, "threshold": None})
        clipped = np.clip(prob, 1e-7, 1 - 1e-7)
        scaled = 1 / (
            1 + np.exp(-own["slope"] * np.log(clipped / (1 - clipped)) - own["intercept"])
        )
        called = None if own["threshold"] is None else bool(scaled >= own["threshold"])
        calls[label] = {"prob": float(prob), "calibrated": float(scaled), "call": called}
    return calls


def main(films: list[str]) -> None:
    """Write a row a film: prob, calibrated prob and call (1, 0, or nothing) of each label."""
    spec, fitted = load("preprocessing.json"), load_thresholds()
    session = onnxruntime.InferenceSession(HERE / "model.onnx")
    check(session, spec)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    kinds = ("prob", "calibrated", "call")
    rows.writerow(["image_id", *(f"{kind}_{label}" for kind in kinds for label in spec["labels"])])
    for film in films:
        image = prepare(decode(np.fromfile(film, np.uint8)), spec)
        calls = call(infer(session, image[None])[0], spec["labels"], fitted).values()
        numbers = [f"{one[kind]:.9g}" for kind in kinds[:2] for one in calls]
        rows.writerow(
            [film, *numbers, *("" if one["call"] is None else int(one["call"]) for one in calls)]
        )


if __name__ == "__main__":
    main(sys.argv[1:])
