"""Random streams as pure functions of what they are for.

Nothing in xlite seeds a global generator or carries one along: a stream is named by its
purpose and its place, such as ("augment", seed, epoch, position). So any draw can be made
again without replaying those before it, in any process, in any order.
"""

from __future__ import annotations

import zlib

import numpy as np


def derive_generator(purpose: str, *place: int) -> np.random.Generator:
    """A numpy generator (Philox) that depends on `purpose` and the non-negative `place` alone.

    >>> a, b = derive_generator("order", 42, 0), derive_generator("order", 42, 0)
    >>> bool((a.random(3) == b.random(3)).all())
    True
    """
    return np.random.Generator(np.random.Philox(_sequence(purpose, place)))


def derive_seed(purpose: str, *place: int) -> int:
    """A 63-bit seed for generators of other libraries, from `purpose` and `place` alone.

    >>> derive_seed("augment", 42, 0, 7) == derive_seed("augment", 42, 7, 0)
    False
    """
    return int(_sequence(purpose, place).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _sequence(purpose: str, place: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence((zlib.crc32(purpose.encode()), *place))
