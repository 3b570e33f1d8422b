from __future__ import annotations

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from xlite.errors import InputError
from xlite.settings.described import describe_fields
from xlite.settings.slurm import SlurmSettings


def test_what_real_clusters_ask_for_is_taken() -> None:
    settings = SlurmSettings(
        agents=64,
        account="radiology-ai_2026",
        partition="gpu,gpu-long",
        qos="normal",
        gres="gpu:a100:1(S:0-1)",
        cpus_per_task=8,
        mem="64G",
        time="2-12:00:00",
        setup=("module load cuda/12.4", 'export HF_HOME="$SCRATCH/hf"'),
        options=("--constraint=a100|h100", "--exclusive", "--mail-user=ann@clinic.org"),
    )
    assert settings.signal_seconds == 120


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("account", "lab\n#SBATCH --nodelist=all", "one word"),
        ("account", "lab #", "one word"),
        ("account", "", "one word"),
        ("account", "--wrap=id", "one word"),
        ("partition", "gpu;id", "one word"),
        ("qos", "$(id)", "one word"),
        ("gres", "gpu:1\r", "one word"),
        ("gres", 1, "in quotes"),
        ("agents", 0, "greater than"),
        ("cpus_per_task", -1, "greater than"),
        ("mem", "-4G", "a size"),
        ("mem", "16 GB", "a size"),
        ("mem", "16G\n", "a size"),
        ("time", "-5", "a time above 0"),
        ("time", "0", "a time above 0"),
        ("time", "00:00:00", "a time above 0"),
        ("time", "8h", "a time above 0"),
        ("time", "10\n", "a time above 0"),
        ("time", "١٠", "a time above 0"),
        ("time", datetime.time(8), "in quotes"),
        ("time", "2", "ends before signal_seconds"),
        ("signal_seconds", 0, "greater than"),
        ("python", "/opt/py\nrm", "one line"),
        ("setup", ("module load a\nb",), "one line"),
        ("setup", ("a\x1b[2J",), "one line"),
        ("setup", ("a\u2028b",), "one line"),
        ("setup", (" ",), "one line"),
        ("options", ("-N2",), "long option"),
        ("options", ("--comment=two words",), "long option"),
        ("options", ("--comment='",), "long option"),
        ("options", ("--array=0-9999",), "set from agents"),
        ("options", ("--arr=0-9999",), "set from agents"),
        ("options", ("--no-requeue",), "xlite to set"),
        ("options", ("--output=/etc/passwd",), "xlite to set"),
        ("partitoin", "gpu", "not permitted"),
    ],
)
def test_what_would_leave_its_line_or_make_no_sense_is_refused(
    field: str, value: Any, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        SlurmSettings(**{field: value})


def test_the_message_names_each_fault_as_it_is_written_in_a_plan() -> None:
    with pytest.raises(InputError, match=r"\[slurm\] agents: .*; \[slurm\] mem: must be a size"):
        SlurmSettings.parse(agents=-1, mem="much")


def test_every_setting_says_what_it_is() -> None:
    described = {one.field for one in describe_fields(SlurmSettings)}
    assert described == set(SlurmSettings.model_fields)
