"""Train imbalanced, multi-label chest X-ray classifiers whose experiments can be believed.

What `__all__` names is the public API (docs/python.md). A name is imported when it is first asked
for: the package itself costs nothing to import, and data functions never load torch.
"""

__version__ = "0.1.0"

# What type checkers read; a test holds it to `_HOMES`. The typing module would cost its import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from xlite.clahe_cache.store import ClaheCache as ClaheCache
    from xlite.errors import ArgumentError as ArgumentError
    from xlite.errors import CheckFailedError as CheckFailedError
    from xlite.errors import InputError as InputError
    from xlite.errors import XliteError as XliteError
    from xlite.executors.queue_status import read_queue_status as read_queue_status
    from xlite.executors.study_status import read_study_status as read_study_status
    from xlite.judging.sample_plan import Aim as Aim
    from xlite.judging.seen_patients import compare_seen_patients as compare_seen_patients
    from xlite.loading.loader import RadiographDataset as RadiographDataset
    from xlite.loading.loader import build_loader as build_loader
    from xlite.loading.transforms import Augmentation as Augmentation
    from xlite.losses.training_loss import build_loss as build_loss
    from xlite.models.census import count_models as count_models
    from xlite.models.classifier import build_classifier as build_classifier
    from xlite.models.memory import estimate_memory as estimate_memory
    from xlite.run_folder import read_run as read_run
    from xlite.sampling.exposure import expected_exposure as expected_exposure
    from xlite.sampling.sampler import EpochSampler as EpochSampler
    from xlite.sampling.weights import max_entropy_weights as max_entropy_weights
    from xlite.sampling.weights import sampling_weights as sampling_weights
    from xlite.scores.auroc_interval import auroc_interval as auroc_interval
    from xlite.scores.delong import compare_aurocs as compare_aurocs
    from xlite.scores.patient_bootstrap import bootstrap_scores as bootstrap_scores
    from xlite.scores.threshold_methods import fit_thresholds as fit_thresholds
    from xlite.settings import ClaheSettings as ClaheSettings
    from xlite.settings import LossSettings as LossSettings
    from xlite.settings import PolicySettings as PolicySettings
    from xlite.settings import Runtime as Runtime
    from xlite.settings import SamplerSettings as SamplerSettings
    from xlite.settings import TrainSettings as TrainSettings
    from xlite.splitting.audit import audit_split as audit_split
    from xlite.splitting.folds import make_folds as make_folds
    from xlite.splitting.given_parts import adopt_split as adopt_split
    from xlite.splitting.split import split_by_patient as split_by_patient
    from xlite.synthetic.generate import generate_synthetic as generate_synthetic
    from xlite.tables.read_labels import read_labels as read_labels
    from xlite.tables.table_format import TableFormat as TableFormat
    from xlite.workflows.ablate import ablate as ablate
    from xlite.workflows.before_training import find_lr as find_lr
    from xlite.workflows.before_training import overfit as overfit
    from xlite.workflows.before_training import profile_loader as profile_loader
    from xlite.workflows.before_training import show_augmentation as show_augmentation
    from xlite.workflows.bundle import bundle as bundle
    from xlite.workflows.cache_clahe import cache_clahe as cache_clahe
    from xlite.workflows.check_export import check_export as check_export
    from xlite.workflows.checklist import check_lists as check_lists
    from xlite.workflows.combine import combine as combine
    from xlite.workflows.compare import compare as compare
    from xlite.workflows.demo import demo as demo
    from xlite.workflows.doctor import doctor as doctor
    from xlite.workflows.evaluate import evaluate as evaluate
    from xlite.workflows.explain import explain as explain
    from xlite.workflows.export import export as export
    from xlite.workflows.learning_curve import read_learning_curve as read_learning_curve
    from xlite.workflows.log import add_to_log as add_to_log
    from xlite.workflows.merge_tables import merge_tables as merge_tables
    from xlite.workflows.power import plan_sample as plan_sample
    from xlite.workflows.predict import predict as predict
    from xlite.workflows.probe import probe as probe
    from xlite.workflows.read_tables import read_tables as read_tables
    from xlite.workflows.report import report as report
    from xlite.workflows.study import run_study_plan as run_study_plan
    from xlite.workflows.study import work_on_study as work_on_study
    from xlite.workflows.study_answer import answer_question as answer_question
    from xlite.workflows.study_check import check_study as check_study
    from xlite.workflows.study_import import import_wandb as import_wandb
    from xlite.workflows.study_slurm import work_on_slurm as work_on_slurm
    from xlite.workflows.track import track as track
    from xlite.workflows.train import train as train
    from xlite.workflows.verify import verify as verify
    from xlite.workflows.verify_balance import verify_balance as verify_balance

_HOMES = {
    "demo": "xlite.workflows.demo",
    "generate_synthetic": "xlite.synthetic.generate",
    "read_labels": "xlite.tables.read_labels",
    "TableFormat": "xlite.tables.table_format",
    "merge_tables": "xlite.workflows.merge_tables",
    "read_tables": "xlite.workflows.read_tables",
    "split_by_patient": "xlite.splitting.split",
    "make_folds": "xlite.splitting.folds",
    "adopt_split": "xlite.splitting.given_parts",
    "audit_split": "xlite.splitting.audit",
    "compare_seen_patients": "xlite.judging.seen_patients",
    "cache_clahe": "xlite.workflows.cache_clahe",
    "verify_balance": "xlite.workflows.verify_balance",
    "count_models": "xlite.models.census",
    "estimate_memory": "xlite.models.memory",
    "read_queue_status": "xlite.executors.queue_status",
    "read_run": "xlite.run_folder",
    "plan_sample": "xlite.workflows.power",
    "Aim": "xlite.judging.sample_plan",
    "evaluate": "xlite.workflows.evaluate",
    "probe": "xlite.workflows.probe",
    "train": "xlite.workflows.train",
    "overfit": "xlite.workflows.before_training",
    "find_lr": "xlite.workflows.before_training",
    "profile_loader": "xlite.workflows.before_training",
    "show_augmentation": "xlite.workflows.before_training",
    "read_learning_curve": "xlite.workflows.learning_curve",
    "ablate": "xlite.workflows.ablate",
    "compare": "xlite.workflows.compare",
    "doctor": "xlite.workflows.doctor",
    "combine": "xlite.workflows.combine",
    "predict": "xlite.workflows.predict",
    "explain": "xlite.workflows.explain",
    "check_study": "xlite.workflows.study_check",
    "run_study_plan": "xlite.workflows.study",
    "work_on_study": "xlite.workflows.study",
    "work_on_slurm": "xlite.workflows.study_slurm",
    "read_study_status": "xlite.executors.study_status",
    "answer_question": "xlite.workflows.study_answer",
    "import_wandb": "xlite.workflows.study_import",
    "export": "xlite.workflows.export",
    "check_export": "xlite.workflows.check_export",
    "report": "xlite.workflows.report",
    "bundle": "xlite.workflows.bundle",
    "verify": "xlite.workflows.verify",
    "track": "xlite.workflows.track",
    "add_to_log": "xlite.workflows.log",
    "check_lists": "xlite.workflows.checklist",
    "sampling_weights": "xlite.sampling.weights",
    "max_entropy_weights": "xlite.sampling.weights",
    "expected_exposure": "xlite.sampling.exposure",
    "EpochSampler": "xlite.sampling.sampler",
    "ClaheCache": "xlite.clahe_cache.store",
    "RadiographDataset": "xlite.loading.loader",
    "Augmentation": "xlite.loading.transforms",
    "build_loader": "xlite.loading.loader",
    "build_loss": "xlite.losses.training_loss",
    "build_classifier": "xlite.models.classifier",
    "auroc_interval": "xlite.scores.auroc_interval",
    "compare_aurocs": "xlite.scores.delong",
    "bootstrap_scores": "xlite.scores.patient_bootstrap",
    "fit_thresholds": "xlite.scores.threshold_methods",
    "ClaheSettings": "xlite.settings",
    "SamplerSettings": "xlite.settings",
    "LossSettings": "xlite.settings",
    "PolicySettings": "xlite.settings",
    "TrainSettings": "xlite.settings",
    "Runtime": "xlite.settings",
    "XliteError": "xlite.errors",
    "InputError": "xlite.errors",
    "ArgumentError": "xlite.errors",
    "CheckFailedError": "xlite.errors",
}
"""The module of each public name."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'xlite' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
