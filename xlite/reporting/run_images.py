"""What figures and sections show of a run: its predictions beside what is true.

N images, C labels. Whatever has these fields will do, so that reporting needs no other room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RunImages(Protocol):
    """Predictions of one run beside what is true."""

    @property
    def name(self) -> str:
        """What to call the run."""

    @property
    def image_ids(self) -> NDArray[Any]:
        """(N,)."""

    @property
    def patient_ids(self) -> NDArray[Any]:
        """(N,)."""

    @property
    def targets(self) -> NDArray[np.int8]:
        """(N, C): 1 present, 0 absent, -1 unknown."""

    @property
    def probs(self) -> NDArray[np.float64]:
        """(N, C) in [0, 1]."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The C labels."""
