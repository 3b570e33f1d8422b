"""A study's agents on a cluster of two nodes, by Slurm and by Ray, where these are installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from executors.slurm_cluster import SlurmCluster, missing_programs, start_cluster, wait_until
from workflows.clustered_study import assert_same_runs, count_epochs, make_home, run_straight


@pytest.fixture(scope="module")
def straight(project: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one process has carried out the plan."""
    home = make_home(project, tmp_path_factory.mktemp("straight") / "home")
    run_straight(home)
    return home


@pytest.fixture
def cluster() -> Iterator[SlurmCluster]:
    missing = missing_programs()
    if missing:
        pytest.skip(f"Slurm and munge are not installed here: no {missing[0]}")
    with start_cluster() as cluster:
        yield cluster


def study_slurm(home: Path, *arguments: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "xlite", "study", "slurm", "plan.toml", "--json", *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_agents_that_are_requeued_drained_and_lost_end_with_the_runs_of_one_process(
    project: Any, straight: Path, cluster: SlurmCluster, tmp_path: Path
) -> None:
    home = make_home(project, tmp_path / "home")
    environment = {**cluster.environment, "OMP_NUM_THREADS": "1"}
    job = study_slurm(home, "--submit", environment=environment)["job"]
    wait_until(lambda: count_epochs(home) >= 1, seconds=180)
    nodes = dict(
        line.split()
        for line in cluster.command(
            "squeue", "--noheader", "--array", "--format=%K %N"
        ).splitlines()
    )
    assert sorted(nodes.values()) == ["node1", "node2"]
    # The first saves and makes way, and its node takes nothing new.
    cluster.command("scancel", "--signal=TERM", f"{job}_0")
    drain = ("scontrol", "update", f"NodeName={nodes['0']}", "State=DRAIN", "Reason=test")
    cluster.command(*drain)
    wait_until(lambda: cluster.states(job)["0"] == "PENDING", seconds=120)
    cluster.start_waiting_tasks(job)
    # The second is lost with its node, in the middle of something.
    assert cluster.states(job) == {"0": "PENDING", "1": "RUNNING"}
    cluster.kill_node(nodes["1"])
    cluster.command("scontrol", "update", f"NodeName={nodes['0']}", "State=RESUME")
    wait_until(lambda: cluster.states(job)["0"] == "RUNNING", seconds=120)
    wait_until(lambda: "0" not in cluster.states(job), seconds=180)
    assert "ExitCode=0:0" in cluster.command("scontrol", "show", "job", f"{job}_0")
    assert_same_runs(straight, home)
    # Slurm itself brings the second back, which finds nothing to do.
    wait_until(lambda: cluster.states(job) == {"1": "PENDING"}, seconds=180)
    cluster.start_node(nodes["1"])
    cluster.start_waiting_tasks(job)
    wait_until(lambda: not cluster.states(job), seconds=180)
    assert "ExitCode=0:0" in cluster.command("scontrol", "show", "job", f"{job}_1")


@pytest.fixture
def ray_nodes() -> Iterator[RayNodes]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed here")
    nodes = RayNodes()
    try:
        yield nodes
    finally:
        nodes.stop()


class RayNodes:
    """A Ray cluster of a head without processors and two nodes with one each, on this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        # In /tmp whatever folder tests have: the path of a socket has at most 107 characters.
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        self.cluster = Cluster()
        self.cluster.add_node(num_cpus=0, include_dashboard=False, temp_dir=self.folder)
        self.nodes = [self.cluster.add_node(num_cpus=1) for _ in range(2)]

    def lose_one(self) -> None:
        """Take a node away as a power cut does."""
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)

    def stop(self) -> None:
        """End all processes of the cluster."""
        self.cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.mark.slow
def test_agents_on_ray_of_which_one_is_lost_end_with_the_runs_of_one_process(
    project: Any, straight: Path, ray_nodes: RayNodes, tmp_path: Path
) -> None:
    home = make_home(project, tmp_path / "home")
    command = ("study", "run", "plan.toml", "--ray", ray_nodes.cluster.address, "--json")
    with (tmp_path / "log").open("w") as log:
        study = subprocess.Popen(
            [sys.executable, "-m", "xlite", *command],
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    agents = home / "experiments" / "studies" / "toy" / "agents"
    wait_until(lambda: count_epochs(home) >= 1 and len(list(agents.iterdir())) == 2, seconds=180)
    ray_nodes.lose_one()
    output, _ = study.communicate(timeout=240)
    assert study.returncode == 0, (tmp_path / "log").read_text()
    assert json.loads(output)["state"] == "ended"
    assert_same_runs(straight, home)


@pytest.mark.slow
def test_an_end_that_is_asked_of_agents_on_ray_saves_and_goes_on(
    project: Any, straight: Path, ray_nodes: RayNodes, tmp_path: Path
) -> None:
    home = make_home(project, tmp_path / "home")
    command = ("study", "run", "plan.toml", "--ray", ray_nodes.cluster.address, "--agents", "3")
    study = subprocess.Popen(
        [sys.executable, "-m", "xlite", *command], cwd=home, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: count_epochs(home) >= 1, seconds=180)
    study.send_signal(signal.SIGTERM)
    _, errors = study.communicate(timeout=120)
    assert study.returncode == 143
    assert "each agent has saved its work" in errors
    # Nobody is at work any more, so that one process may go on.
    run_straight(home)
    assert_same_runs(straight, home)


@pytest.mark.slow
def test_two_agents_of_one_machine_end_with_the_runs_of_one_process(
    project: Any, straight: Path, tmp_path: Path
) -> None:
    home = make_home(project, tmp_path / "home")
    run_straight(home, "--jobs", "2")
    assert_same_runs(straight, home)
