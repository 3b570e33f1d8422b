"""What a function of evidence returns: a proof, or what is lacking of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Files show it, and it was computed from them just now."""

    shown: str
    """In words, with the numbers, without a full stop."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    command: str = ""
    """What computes it again; nothing: the checklist itself."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Files do not show it, or not all of it."""

    shown: str
    """What is known, or why nothing is; without a full stop."""
    remedy: str
    """What to do, as a sentence."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    is_contradiction: bool = False
    """Whether files say the opposite, so that no statement can fill it."""


Finding = Proof | Gap


def join(*findings: Finding) -> Finding:
    """All of them together: a proof where each is one, else the gap, a contradiction first.

    >>> join(Proof(shown="a"), Proof(shown="b")).shown
    'a; b'
    >>> join(Proof(shown="a"), Gap(shown="no b", remedy="Do b.")).shown
    'no b'
    """
    gaps = [one for one in findings if isinstance(one, Gap)]
    if gaps:
        return max(gaps, key=lambda gap: gap.is_contradiction)
    proofs = [one for one in findings if isinstance(one, Proof)]
    return Proof(
        shown="; ".join(one.shown for one in proofs),
        numbers={name: value for one in proofs for name, value in one.numbers.items()},
        files=tuple(dict.fromkeys(file for one in proofs for file in one.files)),
        command=" && ".join(dict.fromkeys(one.command for one in proofs if one.command)),
    )


def require_more(finding: Finding, remedy: str) -> Finding:
    """What is known stands, but it is not all that the item asks for: the rest is to be stated."""
    if isinstance(finding, Gap):
        return replace(finding, remedy=f"{finding.remedy} {remedy}")
    return Gap(shown=finding.shown, remedy=remedy, numbers=finding.numbers, files=finding.files)


def contradict(shown: str, remedy: str) -> Gap:
    """Files that say the opposite of what follows from them."""
    return Gap(shown=shown, remedy=remedy, is_contradiction=True)
