"""What xlite changes in its own processes to be quicker, and what each change gains.

A process is xlite's own when the command line runs in it, or when xlite has started it: those call
what is here. Functions that are called from Python don't: in anybody else's process, as in a
notebook, collector, allocator and environment stay as they are. The first thing that the command
imports, so it imports little itself.
"""

from __future__ import annotations

import gc
import os

_OBJECTS_BETWEEN_COLLECTIONS = 20_000
_THREAD_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = -1


def let_waiting_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait, unless the user has chosen how they wait.

    They spin by default, which beside other work keeps from the core the very thread that they
    wait for. resnet10t at 96 pixels trained on two cores beside one and two busy processes at 25
    and 6 to 12 images/s, and with this at 44 and 20 to 30; alone at 79, and with this at 75.
    """
    # OpenMP reads it once, when torch is imported.
    if not any(name in os.environ for name in _THREAD_WAITING):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def collect_rarely() -> None:
    """Let Python look for circular garbage less often than every 700 objects.

    Importing makes objects by the hundred thousand, all of them to stay: looking through them took
    0.7 of the 5.1 s of processor time that importing all that training needs takes.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def leave_objects_uncollected() -> None:
    """Keep the collector from whatever there is by now: imports that stay, or all at the end.

    Python's last collection before it exits took 0.25 s for what training had imported.
    """
    gc.freeze()


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees; returns whether its C library can.

    glibc gives blocks over 32 MB, and before it has seen larger ones freed those over 128 kB, back
    to the system at once, and getting them again costs page faults. A training step
    on a CPU allocates and frees its activations anew each time: without this
    mobilenetv3_large_100 trained at 33 images/s, with it at 39, and the process peaked at 3.3
    instead of 2.9 GB. Other C libraries are left as they are.
    """
    import ctypes
    import platform

    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
