"""What is said where there is no Ray cluster to put agents on."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.executors.ray_agents import run_on_ray


def start(address: str) -> None:
    run_on_ray(address, Path("study"), has_ended=lambda: False)


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Ray, which is not installed\. Run `pip install 'xlite"):
        start("auto")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed here")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("head", "head is no address of a cluster. Pass HOST:PORT"),
        ("ray://head:10001", "is no address of a cluster. Pass HOST:PORT"),
        ("", "is no address of a cluster"),
        ("head:port", "is no address of a cluster"),
        ("127.0.0.1:99999", "no Ray cluster answers at 127.0.0.1:99999"),
        ("nowhere.invalid:6379", "no Ray cluster answers at nowhere.invalid:6379"),
        ("auto", "no Ray cluster can be used at auto: Could not find any running Ray instance"),
    ],
)
def test_an_address_without_a_cluster_is_answered_at_once(
    address: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(InputError) as caught:
        start(address)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed here")
def test_a_port_where_nobody_listens_is_not_tried_for_minutes() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(InputError, match=f"answers at {address}.*ray start --head"):
            start(address)
