"""A terminal that is drawn anew."""

from __future__ import annotations


def clear_screen() -> None:
    """Clear the terminal, if standard output is one."""
    from rich.console import Console

    Console().clear()  # nothing where that is no terminal
