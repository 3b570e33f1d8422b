"""The `xlite` command and `python -m xlite`: a start that Ctrl-C can end without a traceback.

What this process and its children are told by environment variables is asked for here and nowhere
else: importing the library changes nothing for anyone. Nothing heavy is imported before an
interrupt has its handler, and nothing is imported from the working folder, where a data set may
hold a `typer.py` of its own.
"""

from __future__ import annotations

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """The entry point of the `xlite` script."""
    try:
        _leave_out_working_folder()
        from xlite import own_process, signals

        own_process.let_waiting_threads_sleep()
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


if __name__ == "__main__":
    main()
