"""What the files of a CLAHE cache are called."""

from __future__ import annotations

CACHE_RECORD = "cache.json"
"""How the pixels were made; written last."""
CACHE_INDEX = "index.csv"
"""A row an image."""
CACHE_IMAGES = "images.u8"
"""The pixels, packed."""
CACHE_FAILED = "failed.csv"
"""The images that could not be read."""
CACHE_NEAR_DUPLICATES = "near_duplicates.json"
"""Pairs of images that are the same film, once they were looked for."""
