"""XL012: a focal or asymmetric loss whose gradient does not do what its name says.

P probs at which the loss is looked at, easy to hard for either side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.loss import ExaminedLoss, LossKind
from xlite.judging.examined.run import ExaminedRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import LossSettings

PROBS = np.array([0.1, 0.3, 0.5])
"""P probs of the wrong side, from one that the model is right about to one that it is unsure of.

Harder ones are left out: there the asymmetric loss gives up on negatives by design, which it takes
to be mislabelled.
"""

_FLAT = 1.02
"""A focusing weight that rises by less than this over PROBS does nothing."""

_MOST = 1e6
"""What a ratio is cut off at."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FocusingWeights:
    """What a loss makes of an entry's gradient beside BCE's, (P,), from easy to hard at PROBS.

    Negative where it pushes the wrong way. Scale means nothing: a constant, as α, is no focusing.
    """

    name: str
    """What the loss is called."""
    kind: LossKind
    positive: NDArray[np.float64]
    negative: NDArray[np.float64]


def look(thing: ExaminedRun | ExaminedLoss) -> Observation:
    """The gradient of one entry is held beside that of binary cross-entropy, where the model errs
    by 0.1, 0.3 and 0.5: of a run's loss by its formula, of anyone's by asking it. It has to point
    the right way on both sides, and to weigh hard entries more than easy ones: on both sides if
    the loss is called focal, on that of negatives and more than on positives if asymmetric.
    """
    if isinstance(thing, ExaminedLoss):
        return look_at_focusing(weigh_callable(thing.loss, thing.place, thing.claims))
    weights = weigh_named_loss(thing.settings.loss)
    return weights if isinstance(weights, NotApplicable) else look_at_focusing(weights)


def look_at_focusing(weights: FocusingWeights) -> Observation:
    """Whether a loss pushes the right way, and the harder the less the model is right.

    A focal loss focuses both sides. An asymmetric one focuses negatives, and positives less.
    """
    name, numbers = weights.name, _ratios(weights)
    for side, values in (("positives", weights.positive), ("negatives", weights.negative)):
        if (values < 0).any():
            at = float(PROBS[(values < 0).argmax()])
            return Issue(
                f"{name} pushes {side} the wrong way: where the model errs by {at:g}, its gradient "
                f"is {values[(values < 0).argmax()]:.3g} times that of BCE.",
                numbers,
            )
    on_positive, on_negative = numbers["positives_hard_to_easy"], numbers["negatives_hard_to_easy"]
    told = (
        f"beside BCE an entry on which the model errs by {PROBS[-1]:g} weighs {_say(on_negative)} "
        f"times one of {PROBS[0]:g} among negatives, {_say(on_positive)} times among positives"
    )
    if on_negative < 1 / _FLAT or (weights.kind == "focal" and on_positive < 1 / _FLAT):
        side = "negatives" if on_negative < 1 / _FLAT else "positives"
        return Issue(f"{name} focuses easy {side} instead of hard ones: {told}.", numbers)
    if on_negative < _FLAT and (weights.kind == "focal" or on_positive < _FLAT):
        return Issue(f"{name} focuses nothing: {told}.", numbers)
    if weights.kind == "asymmetric" and on_positive > _FLAT * on_negative:
        return Issue(
            f"{name} focuses positives more than negatives, the other way round: {told}.", numbers
        )
    return Passed(f"{name} focuses hard entries: {told}", numbers)


def weigh_named_loss(settings: LossSettings) -> FocusingWeights | NotApplicable:
    """The focusing weights of the loss that a run's settings name, without torch.

    Of γ and margins that differ by label the weakest are taken.
    """
    if settings.name in ("focal", "combined"):
        gamma = float(np.min(settings.focal_gamma))
        focused = _focal_weight(PROBS, gamma)
        return FocusingWeights(
            name=f"{settings.name} (γ = {gamma:g})",
            kind="focal",
            positive=focused,
            negative=focused,
        )
    if settings.name == "asymmetric":
        on_negative, on_positive = (
            settings.asymmetric_gamma_negative,
            settings.asymmetric_gamma_positive,
        )
        margin, detached = settings.asymmetric_margin, settings.asymmetric_detached
        return FocusingWeights(
            name=f"asymmetric (γ⁻ = {on_negative:g}, γ⁺ = {on_positive:g}, m = {margin:g})",
            kind="asymmetric",
            positive=_focal_weight(PROBS, on_positive, detached=detached),
            negative=_focal_weight(PROBS, on_negative, margin=margin, detached=detached),
        )
    return NotApplicable(f"the loss is {settings.name}, which claims no focusing")


def weigh_callable(loss: Callable[[Any, Any], Any], name: str, kind: LossKind) -> FocusingWeights:
    """The focusing weights of any loss of logits and targets, tensors (B, C), by its gradients.

    It is asked for one entry at a time, so that it may sum or average.
    """
    import torch

    def measure(prob_wrong: float, target: float) -> float:
        # A prob that errs by so much: of a positive the prob is 1 minus that.
        sign = -1.0 if target else 1.0
        logit = sign * float(np.log(prob_wrong / (1 - prob_wrong)))
        logits = torch.tensor([[logit]], dtype=torch.float64, requires_grad=True)
        try:
            value = loss(logits, torch.full((1, 1), target, dtype=torch.float64))
            (gradient,) = torch.autograd.grad(value.sum(), logits, allow_unused=True)
        # Somebody's function: whatever it raises, it is no loss of these.
        except Exception as error:
            raise InputError(
                f"{name} gives no loss of logits and targets of shape (1, 1): {error}. Pass a "
                "function of two such tensors."
            ) from error
        pushed = 0.0 if gradient is None else float(gradient)
        return sign * pushed / prob_wrong

    positive, negative = (
        np.array([measure(float(prob), target) for prob in PROBS]) for target in (1.0, 0.0)
    )
    return FocusingWeights(name=name, kind=kind, positive=positive, negative=negative)


def _focal_weight(
    wrong: NDArray[np.float64], gamma: float, *, margin: float = 0.0, detached: bool = False
) -> NDArray[np.float64]:
    """The gradient of -q^γ log(1 - q) for the logit beside BCE's, q = max(p - m, 0), (P,).

    wrong: p, the prob of the wrong side. With s = dq/dlogit = p (1 - p) where q > 0:
    s (q^γ / (1 - q) - γ q^(γ-1) log(1 - q)), over BCE's p; detached, without the second term.
    """
    shifted = np.maximum(wrong - margin, 0.0)
    costs = shifted > 0
    q = np.where(costs, shifted, 0.5)
    slope = q**gamma / (1 - q)
    if not detached:
        slope = slope - gamma * q ** (gamma - 1) * np.log1p(-q)
    return np.where(costs, (1 - wrong) * slope, 0.0)


def _ratios(weights: FocusingWeights) -> dict[str, float]:
    def hard_to_easy(values: NDArray[np.float64]) -> float:
        # A weight of 0 on easy entries, as under a margin, is as much focus as there can be.
        hard, easy = float(values[-1]), float(values[0])
        return min(hard / easy, _MOST) if easy else _MOST if hard else 1.0

    return {
        "positives_hard_to_easy": hard_to_easy(weights.positive),
        "negatives_hard_to_easy": hard_to_easy(weights.negative),
    }


def _say(ratio: float) -> str:
    return "over a million" if ratio >= _MOST else f"{ratio:.3g}"


CHECK = Check(
    code="XL012",
    title="a focusing loss that does not focus",
    severity="error",
    subject=ExaminedRun | ExaminedLoss,
    look=look,
    consequence="What is reported of a focal or asymmetric loss is of something else: of plain "
    "cross-entropy, or of one that learns most from what the model knows already.",
    remedy="Take the loss from `xlite.build_loss`, whose gradients are tested, or give the "
    "exponents that it is named for: γ above 0, γ⁻ above γ⁺.",
)
