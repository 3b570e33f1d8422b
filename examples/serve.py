"""An exported folder behind HTTP: EXPORTED=exported uvicorn --app-dir examples serve:app

Needs numpy, opencv-python-headless, onnxruntime, fastapi, uvicorn; not xlite.
It answers anybody, and for any picture: docs/serving.md says what a hospital would still need.
"""

import os
import runpy
from typing import Annotated

import cv2
import numpy as np
import onnxruntime
from fastapi import Body, FastAPI, HTTPException

folder = os.environ.get("EXPORTED", "exported")
reader = runpy.run_path(f"{folder}/predict.py")
spec, fitted = reader["load"]("preprocessing.json"), reader["load_thresholds"]()
session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
reader["check"](session, spec)
app = FastAPI(title="Research only: no medical device")


@app.post("/predict")
def predict(
    film: Annotated[bytes, Body(media_type="image/png")],
) -> dict[str, dict[str, float | bool | None]]:
    """The probability of each label, calibrated, and whether it reaches its threshold."""
    try:
        pixels = reader["decode"](np.frombuffer(film, np.uint8))
    except (ValueError, cv2.error):
        raise HTTPException(415, "not an image of 8 or 16 bits that OpenCV reads") from None
    logits = reader["infer"](session, reader["prepare"](pixels, spec)[None])[0]
    return reader["call"](logits, spec["labels"], fitted)
