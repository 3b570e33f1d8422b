"""The options of the training loss, shared by the commands that train or judge loss weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.names import split_names

if TYPE_CHECKING:
    from xlite.settings import LossSettings

_LOSS = "Loss"


@dataclass(frozen=True)
class LossOptions:
    """The settings of the loss, but for its name."""

    label_smoothing: Annotated[
        float,
        typer.Option(
            help="ε: a target y becomes y(1 − ε) + ε/2. Not for two-way and zlpr.",
            rich_help_panel=_LOSS,
        ),
    ] = 0.0
    pos_weight: Annotated[
        str | None,
        typer.Option(
            help="Weights of positives: neg-over-pos, sqrt, inverse, effective-number, or one "
            "number a label, separated by commas. Default: neg-over-pos.",
            rich_help_panel=_LOSS,
        ),
    ] = None
    pos_weight_power: Annotated[
        float, typer.Option(help="Exponent of the inverse scheme.", rich_help_panel=_LOSS)
    ] = 1.0
    pos_weight_smoothing: Annotated[
        float,
        typer.Option(help="inverse: images added to each count.", rich_help_panel=_LOSS),
    ] = 1.0
    pos_weight_beta: Annotated[
        float,
        typer.Option(
            help="β of the effective number; class-balanced and ldam read it too.",
            rich_help_panel=_LOSS,
        ),
    ] = 0.9999
    allow_extreme: Annotated[
        bool,
        typer.Option(
            "--allow-extreme",
            help="Accept weights that call most classes positive everywhere.",
            rich_help_panel=_LOSS,
        ),
    ] = False
    focal_alpha: Annotated[
        str,
        typer.Option(
            help="focal: weight of positives, that of negatives being 1 − α. A number, one a "
            "label separated by commas, or balanced (a label's share of negatives).",
            rich_help_panel=_LOSS,
        ),
    ] = "0.25"
    focal_gamma: Annotated[
        str,
        typer.Option(
            help="focal: focusing exponent, a number or one a label separated by commas.",
            rich_help_panel=_LOSS,
        ),
    ] = "2.0"
    focal_share: Annotated[
        float, typer.Option(help="combined: share of the focal loss.", rich_help_panel=_LOSS)
    ] = 0.5
    asymmetric_gamma_negative: Annotated[
        float,
        typer.Option(help="asymmetric: focusing exponent of negatives.", rich_help_panel=_LOSS),
    ] = 4.0
    asymmetric_gamma_positive: Annotated[
        float,
        typer.Option(help="asymmetric: focusing exponent of positives.", rich_help_panel=_LOSS),
    ] = 0.0
    asymmetric_margin: Annotated[
        float,
        typer.Option(
            help="asymmetric: prob up to which a negative costs nothing.", rich_help_panel=_LOSS
        ),
    ] = 0.05
    asymmetric_detached: Annotated[
        bool,
        typer.Option(
            "--asymmetric-detached",
            help="asymmetric: no gradient through the focusing weights, as in its authors' code.",
            rich_help_panel=_LOSS,
        ),
    ] = False
    rebalance_alpha: Annotated[
        float,
        typer.Option(help="distribution-balanced: least weight.", rich_help_panel=_LOSS),
    ] = 0.1
    rebalance_beta: Annotated[
        float,
        typer.Option(help="distribution-balanced: slope of the weights.", rich_help_panel=_LOSS),
    ] = 10.0
    rebalance_mu: Annotated[
        float,
        typer.Option(help="distribution-balanced: middle of the slope.", rich_help_panel=_LOSS),
    ] = 0.2
    tolerance_kappa: Annotated[
        float,
        typer.Option(
            help="distribution-balanced: share of the prior log-odds added to a logit.",
            rich_help_panel=_LOSS,
        ),
    ] = 0.05
    tolerance_lambda: Annotated[
        float,
        typer.Option(
            help="distribution-balanced: negative logits times λ, their loss through λ.",
            rich_help_panel=_LOSS,
        ),
    ] = 2.0
    tolerance_divided: Annotated[
        bool,
        typer.Option(
            "--tolerance-divided",
            help="distribution-balanced: κ through λ, as in its authors' code.",
            rich_help_panel=_LOSS,
        ),
    ] = False
    ldam_margin: Annotated[
        float, typer.Option(help="ldam: largest margin, in logits.", rich_help_panel=_LOSS)
    ] = 0.5
    ldam_scale: Annotated[
        float,
        typer.Option(help="ldam: factor of logits and margins.", rich_help_panel=_LOSS),
    ] = 1.0
    reweight_epoch: Annotated[
        int | None,
        typer.Option(
            help="ldam: epochs after which sides are weighed by their effective number. "
            "Default: never.",
            rich_help_panel=_LOSS,
        ),
    ] = None
    adjustment_tau: Annotated[
        float,
        typer.Option(
            help="logit-adjusted: share of the prior log-odds added to a logit.",
            rich_help_panel=_LOSS,
        ),
    ] = 1.0
    two_way_temperature_positive: Annotated[
        float,
        typer.Option(help="two-way: temperature of positives.", rich_help_panel=_LOSS),
    ] = 4.0
    two_way_temperature_negative: Annotated[
        float,
        typer.Option(help="two-way: temperature of negatives.", rich_help_panel=_LOSS),
    ] = 1.0

    def to_settings(self, name: str) -> "LossSettings":
        """Validated settings of the loss called `name`."""
        from xlite.settings import LossSettings

        return LossSettings.parse(
            name=name,
            label_smoothing=self.label_smoothing,
            pos_weight=_parse_numbers(self.pos_weight or "neg-over-pos", always_a_list=True),
            power=self.pos_weight_power,
            smoothing=self.pos_weight_smoothing,
            beta=self.pos_weight_beta,
            allow_extreme=self.allow_extreme,
            focal_alpha=_parse_numbers(self.focal_alpha),
            focal_gamma=_parse_numbers(self.focal_gamma),
            focal_share=self.focal_share,
            asymmetric_gamma_negative=self.asymmetric_gamma_negative,
            asymmetric_gamma_positive=self.asymmetric_gamma_positive,
            asymmetric_margin=self.asymmetric_margin,
            asymmetric_detached=self.asymmetric_detached,
            rebalance_alpha=self.rebalance_alpha,
            rebalance_beta=self.rebalance_beta,
            rebalance_mu=self.rebalance_mu,
            tolerance_kappa=self.tolerance_kappa,
            tolerance_lambda=self.tolerance_lambda,
            tolerance_divided=self.tolerance_divided,
            ldam_margin=self.ldam_margin,
            ldam_scale=self.ldam_scale,
            reweight_epoch=self.reweight_epoch,
            adjustment_tau=self.adjustment_tau,
            two_way_temperature_positive=self.two_way_temperature_positive,
            two_way_temperature_negative=self.two_way_temperature_negative,
        )


def _parse_numbers(text: str, *, always_a_list: bool = False) -> str | float | tuple[float, ...]:
    """One number, numbers separated by commas, or the text as it is: a name, or a fault."""
    try:
        numbers = tuple(float(number) for number in split_names(text))
    except ValueError:
        return text
    return numbers[0] if len(numbers) == 1 and not always_a_list else numbers
