"""The `xlite` command and `python -m xlite`: a start that Ctrl-C can end without a traceback.

What this process and its children are told by environment variables is set here and nowhere else:
importing the library changes nothing for anyone. Nothing heavy is imported before an interrupt has
its handler, and nothing is imported from the working folder, where a data set may hold a `typer.py`
of its own.
"""

from __future__ import annotations

import os
import sys

_INTERRUPTED = 130
_THREAD_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def main() -> None:
    """The entry point of the `xlite` script."""
    try:
        _leave_out_working_folder()
        _let_waiting_threads_sleep()
        from xlite import signals

        signals.end_at_once_on_interrupt()
        from xlite.cli.app import main as run
    except KeyboardInterrupt:
        os.write(2, b"error: interrupted.\n")
        sys.exit(_INTERRUPTED)
    run()


def _leave_out_working_folder() -> None:
    """Keep this process and its children from importing what lies in the working folder.

    `python -m` puts it first in the search path, and so does each process that multiprocessing
    starts. PYTHONPATH counts as before; so does the folder when xlite itself is run from it.
    """
    # os, not pathlib, which would be the first heavy import.
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:  # deleted meanwhile
        here = ""
    if os.path.dirname(os.path.dirname(os.path.abspath(__file__))) == here:  # noqa: PTH100, PTH120
        return
    if not sys.flags.safe_path and sys.path[0] in ("", here):
        del sys.path[0]
    os.environ["PYTHONSAFEPATH"] = "1"


def _let_waiting_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait, unless the user has chosen how they wait.

    They spin by default, which beside other work keeps from the core the very thread that they
    wait for. resnet10t at 96 pixels trained on two cores beside one and two busy processes at 25
    and 6 to 12 images/s, and with this at 44 and 20 to 30; alone at 79, and with this at 75.
    """
    # OpenMP reads it once, when torch is imported.
    if not any(name in os.environ for name in _THREAD_WAITING):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


if __name__ == "__main__":
    main()
