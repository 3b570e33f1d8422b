"""OpenCV's own threads, which wait for each other more than they work on a film."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2


@contextlib.contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV's threads from this process while the block runs."""
    former = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(former)
