"""The batch script of a study's agents, under a real Slurm of two nodes where one is installed."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from executors.slurm_cluster import SlurmCluster, missing_programs, start_cluster, wait_until

from xlite.errors import InputError
from xlite.executors.slurm import FIRST_LINES, submit_script, write_array_script
from xlite.settings import SlurmSettings

# In the place of Python: says where it runs, and ends when it is told to, as agents do.
_STAND_IN = """\
#!{python}
import os, pathlib, signal, sys, time
study = pathlib.Path(sys.argv[-1])
task = os.environ["SLURM_ARRAY_TASK_ID"]
def note(text):
    with (study / f"task{{task}}").open("a") as file:
        file.write(text + "\\n")
def save(*_):
    note("saved")
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
note(f"began {{os.environ.get('SLURM_RESTART_COUNT', '0')}} {{' '.join(sys.argv[1:-1])}}")
assert os.environ["SETUP"] == "it's done" and os.environ["OMP_NUM_THREADS"] == "1"
assert "SLURM_NTASKS" not in os.environ
while not (study / f"end{{task}}").exists():
    time.sleep(0.1)
sys.exit(int((study / f"end{{task}}").read_text()))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    missing = missing_programs()
    if missing:
        pytest.skip(f"Slurm and munge are not installed here: no {missing[0]}")
    with start_cluster() as cluster:
        yield cluster


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / 'it\'s #1 "$HOME"' / "studies" / "first study"
    (folder / "logs").mkdir(parents=True)
    return folder


def test_what_the_plan_says_is_asked_of_slurm(tmp_path: Path) -> None:
    settings = SlurmSettings(
        agents=64, account="lab", partition="gpu", qos="long", gres="gpu:a100:1", cpus_per_task=8,
        mem="64G", time="1-00:00:00", signal_seconds=300, options=("--constraint=a100|h100",),
        setup=("module load cuda/12.4",),
    )  # fmt: skip
    text = write_array_script(settings, tmp_path / "studies/a")
    assert text.startswith(FIRST_LINES)
    for option in (
        "--job-name=xlite-a", "--array=0-63", "--account=lab", "--partition=gpu", "--qos=long",
        "--gres=gpu:a100:1", "--cpus-per-task=8", "--mem=64G", "--time=1-00:00:00", "--requeue",
        "--signal=TERM@300", "--open-mode=append", "--constraint=a100|h100",
        f"--output={tmp_path}/studies/a/logs/slurm-%A_%a.log",
    ):  # fmt: skip
        assert f"#SBATCH {option}\n" in text
    assert f"{sys.executable} -m xlite study work {tmp_path}/studies/a " in text
    assert "--mem" not in write_array_script(SlurmSettings(), tmp_path)


@pytest.mark.parametrize("name", ["50%j", "back\\slash", "two\nlines"])
def test_a_folder_that_slurm_can_not_write_its_log_to_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="Slurm can't write logs to .* Pass another --out"):
        write_array_script(SlurmSettings(), tmp_path / name)


@pytest.mark.parametrize("line", ["false", "cat <<EOF", "echo 'open", "if true; then", "true ||"])
def test_a_line_of_setup_ends_with_itself_and_its_fault_is_said(tmp_path: Path, line: str) -> None:
    script = write_array_script(SlurmSettings(setup=(line, "touch after")), tmp_path)
    head = script.partition("\n# As many threads")[0] + "\n"
    done = subprocess.run(
        ["bash", "-c", head], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if line == "cat <<EOF":  # for bash a document may end with the text
        assert (tmp_path / "after").exists()
    else:
        assert done.returncode == 1
        assert f"this line of setup failed: {line}" in done.stderr
        assert not (tmp_path / "after").exists()


def test_without_sbatch_the_script_is_for_a_login_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"no sbatch\. Run `sbatch .*slurm\.sh` on a login node"):
        submit_script(tmp_path / "slurm.sh")


def test_a_refusal_of_slurm_is_one_sentence(
    cluster: SlurmCluster, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    script = study / "slurm.sh"
    settings = SlurmSettings(partition="gpu")
    script.write_text(write_array_script(settings, study))
    with pytest.raises(InputError, match="refused the agents: .*Invalid partition.*in the plan"):
        submit_script(script)


@pytest.mark.slow
def test_a_task_that_makes_way_comes_back_and_one_that_is_cancelled_does_not(
    cluster: SlurmCluster, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    stand_in = tmp_path / "python"
    stand_in.write_text(_STAND_IN.format(python=sys.executable))
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    settings = SlurmSettings(
        agents=2, time="10", python=str(stand_in), setup=('export SETUP="it\'s done"',)
    )
    script = study / "slurm.sh"
    script.write_text(write_array_script(settings, study))
    job = submit_script(script)

    def notes(task: int) -> list[str]:
        path = study / f"task{task}"
        return path.read_text().splitlines() if path.exists() else []

    wait_until(lambda: bool(notes(0) and notes(1)), seconds=20)
    assert notes(0) == ["began 0 -m xlite study work"]
    # With 120 seconds of warning asked for, a limit of one minute has Slurm warn as soon as it
    # looks, which it does twice a minute.
    cluster.command("scontrol", "update", f"JobId={job}_0", "TimeLimit=1")
    cluster.command("scancel", f"{job}_1")
    wait_until(lambda: notes(0)[-1] == "saved", seconds=50)
    wait_until(lambda: cluster.states(job) == {"0": "PENDING"}, seconds=20)
    assert notes(1) == ["began 0 -m xlite study work", "saved"]
    cluster.start_waiting_tasks(job)
    wait_until(lambda: notes(0)[-1] == "began 1 -m xlite study work", seconds=20)
    # It waits for a person: nothing that Slurm could mend.
    (study / "end0").write_text("3")
    wait_until(lambda: not cluster.states(job), seconds=20)
    assert "ExitCode=3:0" in cluster.command("scontrol", "show", "job", f"{job}_0")
    log = study / "logs" / f"slurm-{job}_0.log"
    text = log.read_text()
    assert text.index("exit code 143") < text.index("exit code 3")
    assert sorted(path.name for path in log.parent.iterdir()) == [log.name, f"slurm-{job}_1.log"]
