"""The options of the settings, written by `python -m xlite.cli.generate_options`.

Change the fields of `xlite/settings/` instead. A command takes one of the classes built on these
(`TrainingOptions`, `LossOptions`, …) as a parameter; `expand_groups` makes options of its fields.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite.cli.expansion import RARE


@dataclass(frozen=True)
class TrainSettingsFields:
    """Options of `TrainSettings` by the names of the options."""

    position_encoding: Annotated[
        bool,
        typer.Option(
            "--position-encoding",
            help="Tell attention where its tokens are, by a 2-D sine-cosine code.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = False
    redraw_features: Annotated[
        int,
        typer.Option(
            "--redraw-features",
            help="Performer: epochs between two draws of its random features; 0: never. From 0.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = 0
    csra_lambda: Annotated[
        float,
        typer.Option(
            "--csra-lambda",
            help="csra: weight of the attended logit beside the mean one; 0 is mean pooling. From "
            "0.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = 0.1
    csra_temperature: Annotated[
        float,
        typer.Option(
            "--csra-temperature",
            help="csra: how much more a place counts that speaks for the label. Of a single head. "
            "Above 0.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = 1.0
    csra_heads: Annotated[
        int,
        typer.Option(
            "--csra-heads",
            help="csra: heads, each with a temperature of its own: 1, 2, 4, 6 or 8. From 1 to 8.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = 1
    epochs: Annotated[
        int,
        typer.Option(
            "--epochs",
            help="Epochs, at most. From 1 to 1,000,000.",
            rich_help_panel="Optimisation",
        ),
    ] = 20
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            help="Images of an optimizer step, over all devices and parts. From 1.",
            rich_help_panel="Optimisation",
        ),
    ] = 32
    accumulate: Annotated[
        int,
        typer.Option(
            "--accumulate",
            help="Parts in which a device computes its share of a step, to save memory: same "
            "batch. From 1.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 1
    image_size: Annotated[
        int | None,
        typer.Option(
            "--image-size",
            help="Side in pixels. Default: the cache's. From 32 to 8,192.",
            rich_help_panel="Optimisation",
        ),
    ] = None
    lr: Annotated[
        float,
        typer.Option(
            "--lr",
            help="Learning rate of AdamW. Above 0.",
            rich_help_panel="Optimisation",
        ),
    ] = 0.0001
    attention_lr: Annotated[
        float | None,
        typer.Option(
            "--attention-lr",
            help="Learning rate of the attention. Default: --lr. Above 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = None
    head_lr: Annotated[
        float | None,
        typer.Option(
            "--head-lr",
            help="Learning rate of the head. Default: --lr. Above 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = None
    layer_decay: Annotated[
        float,
        typer.Option(
            "--layer-decay",
            help="Factor of the learning rate from a backbone layer to the one before. Above 0 to "
            "1.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 1.0
    probe_epochs: Annotated[
        int,
        typer.Option(
            "--probe-epochs",
            help="Passes before the first epoch in which attention and head alone are trained, on "
            "features of the unaugmented images that are computed once. From 0 to 10,000.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0
    freeze_epochs: Annotated[
        int,
        typer.Option(
            "--freeze-epochs",
            help="Epochs at the start in which the backbone is not trained. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0
    unfreeze_epochs: Annotated[
        int,
        typer.Option(
            "--unfreeze-epochs",
            help="Epochs after those over which it thaws, last layers first; 0 thaws it at once. "
            "From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0
    batch_norm: Annotated[
        str,
        typer.Option(
            "--batch-norm",
            help="The backbone's batch normalisation: train its scale, shift and statistics; "
            "frozen: fix all of it; affine: fix its statistics, and of the backbone train "
            "scale and shift alone.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = "train"
    deep_supervision: Annotated[
        float,
        typer.Option(
            "--deep-supervision",
            help="Weight of the mean loss of linear heads on two stages of the backbone, which "
            "exist in training alone; 0: none. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0
    component_weights: Annotated[
        str,
        typer.Option(
            "--component-weights",
            help="Weights of a loss's components (combined, --deep-supervision): as they are set, "
            "or such that each keeps its share whatever its size comes down to: fixed or "
            "balanced.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = "fixed"
    weight_decay: Annotated[
        float,
        typer.Option(
            "--weight-decay",
            help="Decoupled weight decay of AdamW. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 1e-05
    schedule: Annotated[
        str,
        typer.Option(
            "--schedule",
            help="How the learning rate falls after the warm-up: plateau, cosine or constant.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = "plateau"
    warmup_epochs: Annotated[
        float,
        typer.Option(
            "--warmup-epochs",
            help="Epochs, also parts of one, over which the rate rises from 0. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0
    min_lr_factor: Annotated[
        float,
        typer.Option(
            "--min-lr-factor",
            help="Share of the rate under which plateau and cosine never go. From 0 to below 1.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0
    plateau_patience: Annotated[
        int,
        typer.Option(
            "--plateau-patience",
            help="plateau: epochs without a gain in --monitor before the rate is cut. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 5
    plateau_factor: Annotated[
        float,
        typer.Option(
            "--plateau-factor",
            help="plateau: what the rate is multiplied with then. Above 0 to below 1.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.5
    monitor: Annotated[
        str,
        typer.Option(
            "--monitor",
            help="Macro validation score that chooses the best epoch, cuts the rate and stops "
            "early: auroc, average_precision, f1, precision, recall or loss.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = "auroc"
    early_stopping: Annotated[
        int,
        typer.Option(
            "--early-stopping",
            help="Epochs without a gain in --monitor before the end. From 1.",
            rich_help_panel="Optimisation",
        ),
    ] = 10
    min_delta: Annotated[
        float,
        typer.Option(
            "--min-delta",
            help="Smallest change of --monitor that is a gain. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0
    select: Annotated[
        str,
        typer.Option(
            "--select",
            help="Weights that are kept. best: of the best epoch by --monitor; last: of the last "
            "one; average: the mean of those after each epoch of the last quarter. Only best "
            "picks, and stops early.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = "best"
    ema_decay: Annotated[
        float,
        typer.Option(
            "--ema-decay",
            help="Decay of a moving average of the weights, which is then judged and kept; 0: "
            "none. From 0 to below 1.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0
    clip_norm: Annotated[
        float,
        typer.Option(
            "--clip-norm",
            help="Largest 2-norm of the gradient. Above 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 1.0
    dropout: Annotated[
        float,
        typer.Option(
            "--dropout",
            help="Dropout in the head. From 0 to below 1.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = 0.1
    drop_path: Annotated[
        float | None,
        typer.Option(
            "--drop-path",
            help="Stochastic depth: share of images for which the backbone's last block is left "
            "out, earlier ones less. Default: timm's, mostly 0. From 0 to below 1.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = None
    drop_rate: Annotated[
        float | None,
        typer.Option(
            "--drop-rate",
            help="Dropout within the backbone's blocks, where it has any. Default: timm's, mostly "
            "0. From 0 to below 1.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = None
    augment: Annotated[
        str,
        typer.Option(
            "--augment",
            help="Strength of augmentation: none, light, medium or strong.",
            rich_help_panel="Optimisation",
        ),
    ] = "medium"
    horizontal_flip: Annotated[
        bool,
        typer.Option(
            "--horizontal-flip",
            help="Flip half of the images. It swaps the heart's side.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = False
    mixup: Annotated[
        float,
        typer.Option(
            "--mixup",
            help="α of mixup, which adds the films of a batch up in pairs, and their targets; 0: "
            "none. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0
    cutmix: Annotated[
        float,
        typer.Option(
            "--cutmix",
            help="α of CutMix, which puts a box of a film into another. With mixup: one of them a "
            "batch. From 0.",
            rich_help_panel="Optimisation",
        ),
        RARE,
    ] = 0.0


@dataclass(frozen=True)
class LossSettingsFields:
    """Options of `LossSettings` by the names of the options."""

    label_smoothing: Annotated[
        float,
        typer.Option(
            "--label-smoothing",
            help="ε: a target y becomes y(1 − ε) + ε/2. Not for the last four losses, which "
            "compare labels. From 0 to below 1.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.0
    label_weighting: Annotated[
        str,
        typer.Option(
            "--label-weighting",
            help="Weights of labels: all alike, or learned with the model from its uncertainty "
            "about each: none or uncertainty.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = "none"
    pos_weight: Annotated[
        str | None,
        typer.Option(
            "--pos-weight",
            help="pos-weight, combined: weights of positives: neg-over-pos (the default), sqrt, "
            "inverse, effective-number, or one number a label, separated by commas.",
            rich_help_panel="Loss",
        ),
    ] = None
    pos_weight_power: Annotated[
        float,
        typer.Option(
            "--pos-weight-power",
            help="Exponent of the inverse scheme. From 0 to 4.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    pos_weight_smoothing: Annotated[
        float,
        typer.Option(
            "--pos-weight-smoothing",
            help="inverse: images added to each label's count. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    pos_weight_beta: Annotated[
        float,
        typer.Option(
            "--pos-weight-beta",
            help="β of the effective number; class-balanced and ldam read it too. From 0 to below "
            "1.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.9999
    allow_extreme: Annotated[
        bool,
        typer.Option(
            "--allow-extreme",
            help="Accept weights that call most classes positive everywhere.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = False
    focal_alpha: Annotated[
        str,
        typer.Option(
            "--focal-alpha",
            help="focal, combined: weight of positives, that of negatives being 1 − α. A number, "
            "one a label separated by commas, or balanced (a label's share of negatives).",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = "0.25"
    focal_gamma: Annotated[
        str,
        typer.Option(
            "--focal-gamma",
            help="focal, combined: focusing exponent, a number or one a label separated by commas.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = "2.0"
    focal_share: Annotated[
        float,
        typer.Option(
            "--focal-share",
            help="combined: share of the focal loss, the rest being BCE with positive weights. "
            "Above 0 to below 1.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.5
    asymmetric_gamma_negative: Annotated[
        float,
        typer.Option(
            "--asymmetric-gamma-negative",
            help="asymmetric: focusing exponent of negatives. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 4.0
    asymmetric_gamma_positive: Annotated[
        float,
        typer.Option(
            "--asymmetric-gamma-positive",
            help="asymmetric: focusing exponent of positives. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.0
    asymmetric_margin: Annotated[
        float,
        typer.Option(
            "--asymmetric-margin",
            help="asymmetric: prob up to which a negative costs nothing. From 0 to below 1.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.05
    asymmetric_detached: Annotated[
        bool,
        typer.Option(
            "--asymmetric-detached",
            help="asymmetric: no gradient through the focusing weights, as in its authors' code.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = False
    rebalance_alpha: Annotated[
        float,
        typer.Option(
            "--rebalance-alpha",
            help="distribution-balanced: least weight of an entry; the largest is one more. From "
            "0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.1
    rebalance_beta: Annotated[
        float,
        typer.Option(
            "--rebalance-beta",
            help="distribution-balanced: slope between those two. Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 10.0
    rebalance_mu: Annotated[
        float,
        typer.Option(
            "--rebalance-mu",
            help="distribution-balanced: ratio of class to image sampling rate at the middle of "
            "the slope. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.2
    tolerance_kappa: Annotated[
        float,
        typer.Option(
            "--tolerance-kappa",
            help="distribution-balanced: share of a label's prior log-odds added to its logit. "
            "From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.05
    tolerance_lambda: Annotated[
        float,
        typer.Option(
            "--tolerance-lambda",
            help="distribution-balanced: what negative logits are stretched by, and their loss "
            "divided by. Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 2.0
    tolerance_divided: Annotated[
        bool,
        typer.Option(
            "--tolerance-divided",
            help="distribution-balanced: κ divided by λ, as in its authors' code.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = False
    ldam_margin: Annotated[
        float,
        typer.Option(
            "--ldam-margin",
            help="ldam: margin of the rarest side of a label, in logits. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.5
    ldam_scale: Annotated[
        float,
        typer.Option(
            "--ldam-scale",
            help="ldam: factor of logits and margins. Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    reweight_epoch: Annotated[
        int | None,
        typer.Option(
            "--reweight-epoch",
            help="ldam: epochs after which sides are weighed by their effective number. Default: "
            "never. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = None
    adjustment_tau: Annotated[
        float,
        typer.Option(
            "--adjustment-tau",
            help="logit-adjusted: share of a label's prior log-odds added to its logit. From 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    two_way_temperature_positive: Annotated[
        float,
        typer.Option(
            "--two-way-temperature-positive",
            help="two-way: temperature of the smallest positive logit. Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 4.0
    two_way_temperature_negative: Annotated[
        float,
        typer.Option(
            "--two-way-temperature-negative",
            help="two-way: temperature of the largest negative logit. Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    auc_margin: Annotated[
        float,
        typer.Option(
            "--auc-margin",
            help="auc-margin: how far the mean prob of positives is to lie over that of "
            "negatives. Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    precision_margin: Annotated[
        float,
        typer.Option(
            "--precision-margin",
            help="average-precision: how far under a positive's prob another's stops costing. "
            "Above 0.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 1.0
    precision_gamma: Annotated[
        float,
        typer.Option(
            "--precision-gamma",
            help="average-precision: share of the newest batch in an image's moving averages. "
            "Above 0 to 1.",
            rich_help_panel="Loss",
        ),
        RARE,
    ] = 0.9


@dataclass(frozen=True)
class SamplerSettingsFields:
    """Options of `SamplerSettings` by the names of the options."""

    no_finding: Annotated[
        str,
        typer.Option(
            "--no-finding",
            help="Weight of images without a finding: smallest (class weight), natural (their "
            "share stays), share:0.3 (it becomes 0.3), a number on the scale of the class "
            "weights, or auto: natural for max-*, 1 for repeat-factor, else smallest. max-* "
            "take auto, natural and share:X.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = "auto"
    sampler_power: Annotated[
        float,
        typer.Option(
            "--sampler-power",
            help="inverse-*: exponent of the count. From 0 to 4.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = 1.0
    sampler_smoothing: Annotated[
        float,
        typer.Option(
            "--sampler-smoothing",
            help="inverse-*: images added to each label's count. From 0.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = 1.0
    repeat_threshold: Annotated[
        float,
        typer.Option(
            "--repeat-threshold",
            help="repeat-factor: share of the images under which a label is repeated. Above 0 to "
            "1.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = 0.05
    sampler_strength: Annotated[
        float,
        typer.Option(
            "--sampler-strength",
            help="max-*: λ of the class shares ∝ n^(1 − λ), from 0 (as found) to 1 (equal). From "
            "0 to 1.",
            rich_help_panel="Sampling",
        ),
    ] = 1.0
    min_ess: Annotated[
        float | None,
        typer.Option(
            "--min-ess",
            help="max-*: the strongest that keeps this effective sample size, a share of the "
            "images. Above 0 to 1.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = None
    min_repeat: Annotated[
        float,
        typer.Option(
            "--min-repeat",
            help="max-ess: least expected number of draws of an image with findings in an epoch. "
            "From 0 to below 1.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = 0.1
    max_repeat: Annotated[
        float | None,
        typer.Option(
            "--max-repeat",
            help="max-*: largest expected number of draws of an image in an epoch. Above 1.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = None
    sampler_draw: Annotated[
        str,
        typer.Option(
            "--sampler-draw",
            help="Independent draws, the same exposure with less chance in it, or each image as "
            "often as its weight beside the smallest says, in longer epochs: replacement, "
            "systematic or repeats.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = "replacement"
    nearest_feasible: Annotated[
        bool,
        typer.Option(
            "--nearest-feasible",
            help="max-*: take the nearest class shares that can be met when the target can't be.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = False
    source_shares: Annotated[
        str | None,
        typer.Option(
            "--source-shares",
            help="Of a merged table, the share of draws of each source: equal, or "
            "nih:0.7/chexpert:0.3. The sampler then weighs each source's images by "
            "themselves. Default: as it comes.",
            rich_help_panel="Sampling",
        ),
        RARE,
    ] = None


@dataclass(frozen=True)
class RowSettingsFields:
    """Options of `RowSettings` by the names of the options."""

    views: Annotated[
        str,
        typer.Option(
            "--views",
            help="Films of these views alone (frontal: PA and AP): all, frontal, PA or AP.",
            rich_help_panel="Rows and uncertain labels",
        ),
        RARE,
    ] = "all"
    one_per_patient: Annotated[
        bool,
        typer.Option(
            "--one-per-patient",
            help="The first film of each patient alone: by study date, or by the table's order.",
            rich_help_panel="Rows and uncertain labels",
        ),
        RARE,
    ] = False
    min_age: Annotated[
        float | None,
        typer.Option(
            "--min-age",
            help="Patients of this age in years at the film, and older. From 0 to 150.",
            rich_help_panel="Rows and uncertain labels",
        ),
        RARE,
    ] = None


@dataclass(frozen=True)
class PolicySettingsFields(RowSettingsFields):
    """Options of `PolicySettings` by the names of the options."""

    uncertain: Annotated[
        str,
        typer.Option(
            "--uncertain",
            help="What is learnt of a finding that the table calls uncertain: ignore (nothing), "
            "zeros, ones, soft:0.55-0.85 (a target drawn evenly from there for each cell), "
            "or one for each label, as Edema=ones,Atelectasis=soft:0.55-0.85 or a TOML file "
            "of such lines; the other labels: ignore.",
            rich_help_panel="Rows and uncertain labels",
        ),
        RARE,
    ] = "ignore"


@dataclass(frozen=True)
class RuntimeFields:
    """Options of `Runtime` by the names of the options."""

    device: Annotated[
        str,
        typer.Option(
            "--device",
            help="auto, cpu, cuda, cuda:N or mps.",
            rich_help_panel="Running",
        ),
    ] = "auto"
    devices: Annotated[
        int,
        typer.Option(
            "--devices",
            help="Devices of this machine that train one run. From 1 to 1,024.",
            rich_help_panel="Running",
        ),
        RARE,
    ] = 1
    nodes: Annotated[
        int,
        typer.Option(
            "--nodes",
            help="Machines that train one run together, each by this command under torchrun or "
            "Slurm. From 1 to 65,536.",
            rich_help_panel="Running",
        ),
        RARE,
    ] = 1
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            help="Loader processes. Default: chosen. From 0 to 1,024.",
            rich_help_panel="Running",
        ),
    ] = None
    checkpoint_minutes: Annotated[
        float | None,
        typer.Option(
            "--checkpoint-minutes",
            help="Minutes between two checkpoints within an epoch; 0 writes one after each step. "
            "Default: 10, with --power-safe 2. From 0.",
            rich_help_panel="Running",
        ),
        RARE,
    ] = None
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            help="Runs that train side by side on this machine, which share its cores. From 1 to "
            "1,024.",
            rich_help_panel="Running",
        ),
    ] = 1
    pause: Annotated[
        float | None,
        typer.Option(
            "--pause",
            help="Seconds of rest between two runs. Default: 0, with --power-safe 30. From 0.",
            rich_help_panel="Running",
        ),
        RARE,
    ] = None
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="Backbone weights, .safetensors. Default: timm's, from its hub.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = None
    warm_start: Annotated[
        Path | None,
        typer.Option(
            "--warm-start",
            metavar="FILE",
            help="Checkpoint of which whatever fits is loaded: another run's best.safetensors, a "
            "file of timm, torch or Lightning.",
            rich_help_panel="Model",
        ),
        RARE,
    ] = None


@dataclass(frozen=True)
class ClaheSettingsFields:
    """Options of `ClaheSettings` by the names of the options."""

    size: Annotated[
        int,
        typer.Option(
            "--size",
            help="Side of a cached image in pixels. From 8 to 4,096.",
            rich_help_panel="Images",
        ),
    ] = 224
    clip: Annotated[
        float,
        typer.Option(
            "--clip",
            help="Clip limit of CLAHE: the largest slope of the grey-level mapping, 1 being none. "
            "Above 0 to 1,000.",
            rich_help_panel="Images",
        ),
    ] = 2.0
    grid: Annotated[
        int,
        typer.Option(
            "--grid",
            help="Tiles of CLAHE along each side. From 1 to 64.",
            rich_help_panel="Images",
        ),
    ] = 8
    fit: Annotated[
        str,
        typer.Option(
            "--fit",
            help="How images that are not square become it, by black borders, distortion or "
            "centre crop: pad, stretch or crop.",
            rich_help_panel="Images",
        ),
    ] = "pad"


FORMER_OPTIONS = {
    "--smoothing": "--sampler-smoothing",
    "--threshold": "--repeat-threshold",
    "--strength": "--sampler-strength",
    "--draw": "--sampler-draw",
}
LOSS_HELP = (
    "The loss: bce, pos-weight, focal, combined, asymmetric, class-balanced, "
    "distribution-balanced, ldam, logit-adjusted, two-way, zlpr, auc-margin or "
    "average-precision."
)
SAMPLER_HELP = (
    "The sampler, as `xlite verify-balance --compare` compares them: none, inverse-mean, "
    "inverse-max, inverse-sum, class-aware, repeat-factor, distribution-balanced, "
    "max-entropy or max-ess."
)
