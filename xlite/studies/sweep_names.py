"""What Weights & Biases' users call settings, and what these are called here."""

from __future__ import annotations

import re
from typing import Final

from xlite.settings.names import setting_places

_OTHER_NAMES: Final = {
    "arch": "model",
    "architecture": "model",
    "backbone": "model",
    "encoder": "model",
    "model_name": "model",
    "network": "model",
    "learning_rate": "lr",
    "base_lr": "lr",
    "init_lr": "lr",
    "lr0": "lr",
    "bs": "batch-size",
    "batchsize": "batch-size",
    "train_batch_size": "batch-size",
    "wd": "weight-decay",
    "mixup_alpha": "mixup",
    "cutmix_alpha": "cutmix",
    "dropout_rate": "dropout",
    "drop_rate": "dropout",
    "dropout_p": "dropout",
    "smoothing": "label-smoothing",
    "label_smooth": "label-smoothing",
    "num_epochs": "epochs",
    "n_epochs": "epochs",
    "max_epochs": "epochs",
    "img_size": "image-size",
    "imgsz": "image-size",
    "input_size": "image-size",
    "resolution": "image-size",
    "criterion": "loss",
    "loss_fn": "loss",
    "loss_function": "loss",
    "loss_type": "loss",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "lr_schedule": "schedule",
    "warmup": "warmup-epochs",
    "grad_clip": "clip-norm",
    "clip_grad_norm": "clip-norm",
    "gradient_clip_val": "clip-norm",
    "max_grad_norm": "clip-norm",
    "augmentation": "augment",
    "gamma": "focal-gamma",
    "alpha": "focal-alpha",
    "patience": "early-stopping",
    "early_stopping_patience": "early-stopping",
    "random_seed": "seed",
    "manual_seed": "seed",
    "use_pretrained": "pretrained",
}

_OTHER_VALUES: Final = {
    "loss": {
        "bcewithlogitsloss": "bce",
        "bce_with_logits": "bce",
        "weighted_bce": "pos-weight",
        "focal_loss": "focal",
        "focalloss": "focal",
        "asl": "asymmetric",
    },
    "schedule": {
        "cosineannealinglr": "cosine",
        "cosine_annealing": "cosine",
        "reducelronplateau": "plateau",
        "reduce_on_plateau": "plateau",
        "none": "constant",
    },
}

_SCORES: Final = (
    (r"auroc|roc_?auc|auc", "auroc"),
    (r"average_?precision|au?prc|pr_?auc|mean_?ap|\bmap\b", "average_precision"),
    (r"\bf1|f1_?score", "f1"),
    (r"recall|sensitivity", "recall"),
    (r"precision", "precision"),
)
"""A score by what its name in a sweep holds; of several the first that fits."""


def find_setting(name: str) -> str | None:
    """The setting, or `seed` or `pretrained`, that a parameter's name means; None for others.

    >>> find_setting("optimizer.learning_rate"), find_setting("batch_size"), find_setting("amsgrad")
    ('lr', 'batch-size', None)
    """
    plain = name.rpartition(".")[2].strip().lower().replace("-", "_")
    found = _OTHER_NAMES.get(plain, plain.replace("_", "-"))
    return found if found in setting_places() or found == "pretrained" else None


def find_value(setting: str, value: object) -> object:
    """What a value of a setting is called here.

    >>> find_value("schedule", "ReduceLROnPlateau"), find_value("model", "efficientnet-b0")
    ('plateau', 'efficientnet_b0')
    """
    if not isinstance(value, str):
        return value
    if setting == "model":
        return value.strip().replace("-", "_")
    return _OTHER_VALUES.get(setting, {}).get(value.strip().lower(), value)


def find_score(metric: str) -> str | None:
    """The score that a metric's name means; None where it is none to choose a trial by.

    >>> find_score("val/macro_AUROC"), find_score("valid_loss")
    ('auroc', None)
    """
    plain = metric.lower()
    return next((score for pattern, score in _SCORES if re.search(pattern, plain)), None)
