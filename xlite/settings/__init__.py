"""Frozen, validated settings, their JSON form and their fingerprint.

What is in a settings object changes the result of a run and so enters its fingerprint; what
does not (device, workers) is in `Runtime`.
"""

from xlite.settings.dataset import TARGET_SAMPLERS, ClaheSettings, SamplerName, SamplerSettings
from xlite.settings.loss import (
    INSEPARABLE,
    LossName,
    LossSettings,
    PosWeightScheme,
)
from xlite.settings.policy import PolicySettings, RowSettings
from xlite.settings.settings import LARGEST_SEED, Settings, Shown, fingerprint_of
from xlite.settings.slurm import SlurmSettings
from xlite.settings.training import (
    CSRA_LAMBDA,
    MemoryFormat,
    Monitor,
    Precision,
    Runtime,
    TrainSettings,
)

__all__ = [
    "CSRA_LAMBDA",
    "INSEPARABLE",
    "LARGEST_SEED",
    "TARGET_SAMPLERS",
    "ClaheSettings",
    "LossName",
    "LossSettings",
    "MemoryFormat",
    "Monitor",
    "PolicySettings",
    "PosWeightScheme",
    "Precision",
    "RowSettings",
    "Runtime",
    "SamplerName",
    "SamplerSettings",
    "Settings",
    "Shown",
    "SlurmSettings",
    "TrainSettings",
    "fingerprint_of",
]
