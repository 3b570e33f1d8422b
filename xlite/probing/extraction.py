"""Extracting features into their folder, a chunk of films after another.

N films, V views, D features, S image side.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import torch

from xlite import console
from xlite.errors import InterruptedRunError
from xlite.loading.loader import resize_images
from xlite.probing.feature_folder import CHUNK, FeatureFolder, FeatureKey, Features, hash_ids
from xlite.probing.pooled_backbone import POOLING
from xlite.probing.views import choose_views
from xlite.training.predict import PartedForward

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lightning_fabric import Fabric
    from numpy.typing import NDArray

    from xlite.clahe_cache.store import ClaheCache
    from xlite.loading.loader import ImageTransform
    from xlite.probing.pooled_backbone import PooledBackbone
    from xlite.signals import StopRequest

_BATCH = 32


def extract_features(
    backbone: PooledBackbone,
    cache: ClaheCache,
    image_ids: Sequence[str],
    *,
    image_size: int,
    num_views: int,
    parent: Path,
    fabric: Fabric,
    stop: StopRequest,
) -> tuple[Features, bool]:
    """The features of the films of these ids, in their order, and whether they were there already.

    They are kept in a folder of their own below `parent`. Raises InterruptedRunError once `stop`
    is set; the chunks that are done by then are not made again.
    """
    views = choose_views(num_views)
    key = FeatureKey(
        backbone=backbone.timm_name,
        weights=backbone.hash_weights(),
        image_size=image_size,
        cache=cache.fingerprint,
        views=tuple(views),
        pooling=POOLING,
        images=hash_ids(image_ids),
    )
    folder = FeatureFolder(parent, key)
    found = folder.read()
    if found is not None:
        return found, True
    widths = backbone.measure_widths(image_size)
    with folder.hold():
        _extract_missing(folder, backbone.to(fabric.device), cache, image_ids, views, fabric, stop)
        return folder.finish(len(image_ids), widths), False


def _extract_missing(
    folder: FeatureFolder,
    backbone: PooledBackbone,
    cache: ClaheCache,
    image_ids: Sequence[str],
    views: Mapping[str, ImageTransform],
    fabric: Fabric,
    stop: StopRequest,
) -> None:
    missing, rows = folder.find_missing(len(image_ids)), cache.rows_of(image_ids)
    size = folder.key.image_size
    forward = PartedForward(lambda images: (backbone(images),), fabric)
    what = f"features of {folder.key.backbone} at {size}"
    with console.progress_bar(len(missing) * len(views), what, "chunk") as bar:
        for number in missing:
            images = cache.read_many(rows[number * CHUNK : (number + 1) * CHUNK])
            if images.shape[1] != size:
                images = resize_images(images, size)
            pieces = []
            for view in views.values():
                if stop:
                    raise InterruptedRunError(
                        "stopped while extracting features: the chunks that are done are kept, "
                        "and the same command goes on.",
                        signal_number=stop.signal_number or signal.SIGTERM,
                    )
                pieces.append(_see(forward, images, view))
                bar.update()
            folder.write_chunk(number, np.stack(pieces, axis=1))


def _see(
    forward: PartedForward, images: NDArray[np.uint8], view: ImageTransform
) -> NDArray[np.float32]:
    """The features (n, D) of images (n, S, S) by a view of each."""
    seen = np.stack([view(image, epoch=0, position=0) for image in images])[:, None]
    batches = (seen[at : at + _BATCH] for at in range(0, len(seen), _BATCH))
    return np.concatenate([forward(torch.from_numpy(batch))[0] for batch in batches])
