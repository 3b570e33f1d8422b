"""A loss as the doctor looks at it: a function of anyone's, asked for its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from xlite.judging.examined.examined import Examined

LossKind = Literal["focal", "asymmetric"]


@dataclass(frozen=True, eq=False)
class ExaminedLoss(Examined):
    """A loss of logits and targets, tensors (B, C), that is said to focus hard entries."""

    kind: ClassVar[str] = "loss"

    loss: Callable[[Any, Any], Any]
    claims: LossKind
    """What it is said to be."""

    @property
    def place(self) -> str:
        """The function's name."""
        return str(getattr(self.loss, "__name__", type(self.loss).__name__))

    def read_all(self) -> Iterable[object]:
        """Nothing: there is no file."""
        return ()
