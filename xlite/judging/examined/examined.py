"""What any thing that the doctor looks at has: a kind, a name, and what of it can't be read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from xlite.errors import InputError


class Examined(ABC):
    """A thing that checks look at.

    Its files are read when a property is asked for, which raises InputError where they can't be.
    """

    kind: ClassVar[str] = "anything"
    """What it is: `split`, `run`."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it lies, or how else to find it again."""

    @property
    def name(self) -> str:
        """What to call it: `split data/splits`."""
        return f"{self.kind} {self.place}"

    @abstractmethod
    def read_all(self) -> Iterable[object]:
        """Every reading that may fail, made one after the other as it is iterated.

        One that fails yields the InputError instead of raising it.
        """

    @property
    def faults(self) -> tuple[str, ...]:
        """A sentence for each thing of it that can't be read."""
        found = (str(one) for one in self.read_all() if isinstance(one, InputError))
        return tuple(dict.fromkeys(found))


def attempt(thing: object, *names: str) -> Iterable[object]:
    """The properties of these names, or the InputError that came instead of each."""
    for name in names:
        try:
            yield getattr(thing, name)
        except InputError as error:
            yield error
