"""`xlite study slurm` and `xlite study run --ray`, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import run_cli, run_ok

PLAN = """
name = "toy"
question = "Does dropout help?"
seeds = [0]
[settings]
model = "resnet18"
[[experiment]]
id = "E1"
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan in the working folder, on a machine without Slurm."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    path = Path("plan.toml")
    path.write_text(PLAN)
    return path


def test_the_script_is_written_as_the_plan_says_and_anew_each_time(plan: Path) -> None:
    plan.write_text(PLAN + '[slurm]\nagents = 8\naccount = "lab"\n')
    study = Path("experiments/studies/toy")
    for _ in range(2):
        found = json.loads(run_ok("study", "slurm", plan, "--json").stdout)
        script = study / "slurm.sh"
        assert found == {"study": str(study), "script": str(script), "agents": 8, "job": None}
        text = script.read_text()
        assert "#SBATCH --array=0-7\n" in text
        assert "#SBATCH --account=lab\n" in text
        assert f"-m xlite study work {study.absolute()} " in text
        script.write_text("".join(text.splitlines(keepends=True)[:2]) + "# edited\n")
    # sbatch would not make it, and would then end without a word.
    assert (study / "logs").is_dir()


def test_another_account_is_a_change_of_the_plan_that_is_recorded(plan: Path) -> None:
    run_ok("study", "slurm", plan)
    plan.write_text(PLAN + '[slurm]\naccount = "lab"\n')
    refused = run_cli("study", "slurm", plan)
    assert refused.exit_code == 2
    assert "--accept-change" in refused.stderr
    run_ok("study", "slurm", plan, "--accept-change")
    assert "--account=lab" in Path("experiments/studies/toy/slurm.sh").read_text()


def test_agents_on_ray_that_could_not_work_are_no_end_of_the_study(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlite.executors.ray_agents import AgentEnd
    from xlite.workflows import study_ray

    end = AgentEnd(host="node7", exit_code=2, log=Path("logs/ray-0.log"))
    monkeypatch.setattr(study_ray, "require_cluster", lambda address: None)
    monkeypatch.setattr(study_ray, "run_on_ray", lambda *_, **__: [end, end])
    result = run_cli("study", "run", plan, "--ray", "head:6379")
    assert result.exit_code == 1
    assert "no agent is left: 2 of 2 ended by a fault (see logs/ray-0.log)" in result.stderr


def test_submission_ends_with_what_slurm_says(plan: Path) -> None:
    without = run_cli("study", "slurm", plan, "--submit")
    assert without.exit_code == 2
    assert "Run `sbatch experiments/studies/toy/slurm.sh` on a login node" in without.stderr
    sbatch = Path("bin/sbatch")
    for answer, exit_code, said in (
        ("echo '42;cluster'", 0, "submitted: job 42, 1 agents of experiments/studies/toy"),
        ("echo 'sbatch: error: Invalid account' >&2; exit 1", 2, "the agents: Invalid account."),
        ("echo ok", 2, "refused the agents: it gave no reason"),
    ):
        sbatch.write_text(f"#!/bin/sh\n{answer}\n")
        sbatch.chmod(0o755)
        result = run_cli("study", "slurm", plan, "--submit")
        assert result.exit_code == exit_code
        assert said in result.output


def test_a_script_of_somebody_else_stays(plan: Path) -> None:
    run_ok("study", "slurm", plan)
    script = Path("experiments/studies/toy/slurm.sh")
    script.write_text("#!/bin/bash\necho mine\n")
    result = run_cli("study", "slurm", plan)
    assert result.exit_code == 2
    assert "was not written by this command" in result.stderr
    assert script.read_text() == "#!/bin/bash\necho mine\n"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('account = "lab\\n#SBATCH --nodelist=all"', "[slurm] account: must be one word"),
        ('time = "-5"', "[slurm] time: must be a time above 0"),
        ("time = 08:00:00", '[slurm] time: must be text in quotes, as "08:00:00"'),
        ('partitoin = "gpu"', "there is no key 'partitoin' here. Did you mean partition"),
        ("agents = -1", "[slurm] agents: input should be greater than or equal to 1"),
        ('setup = ["a\\nb"]', "[slurm] setup: must be one line"),
        ('setup = "module load cuda"', "[slurm] setup: "),
        ('options = ["--array=0-999"]', "--array is set from agents"),
    ],
)
def test_a_table_that_would_leave_its_lines_is_refused_before_anything_is_written(
    plan: Path, table: str, said: str
) -> None:
    plan.write_text(f"{PLAN}[slurm]\n{table}\n")
    result = run_cli("study", "slurm", plan)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not Path("experiments").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--agents", "2"), "--agents is for --ray"),
        (("--ray", "auto", "--jobs", "2"), "are of this machine"),
        (("--ray", "auto", "--device", "cpu"), "are of this machine"),
        (("--ray", "auto", "--workers", "0"), "are of this machine"),
        (("--ray", "auto", "--agents", "0"), "--agents"),
        # Whether Ray is installed or not.
        (("--ray", "nowhere"), "ray"),
    ],
)
def test_what_can_not_be_put_on_ray_is_refused_before_the_study_begins(
    plan: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run_cli("study", "run", plan, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not Path("experiments").exists()
