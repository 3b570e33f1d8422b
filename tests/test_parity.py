"""Every command is a function of `xlite`, and both leave the same files."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import Project, run_ok

import xlite
from xlite.cli.app import app

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "demo": ("demo",),
    "split": (
        "split_by_patient",
        "make_folds",
        "adopt_split",
        "audit_split",
        "compare_seen_patients",
    ),
    "cache-clahe": ("cache_clahe",),
    "verify-balance": ("verify_balance",),
    "models": ("count_models",),
    "probe": ("probe",),
    "train": ("train", "read_learning_curve"),
    "status": ("read_queue_status",),
    "power": ("plan_sample",),
    "evaluate": ("evaluate",),
    "ablate": ("ablate",),
    "compare": ("compare",),
    "doctor": ("doctor",),
    "combine": ("combine",),
    "predict": ("predict",),
    "explain": ("explain",),
    "export": ("export", "check_export"),
    "report": ("report",),
    "bundle": ("bundle",),
    "verify": ("verify",),
    "checklist": ("check_lists",),
    "track": ("track",),
    "tables read": ("read_tables",),
    "tables merge": ("merge_tables",),
    "study check": ("check_study",),
    "study run": ("run_study_plan",),
    "study work": ("work_on_study",),
    "study slurm": ("work_on_slurm",),
    "study status": ("read_study_status",),
    "study decide": ("answer_question",),
    "study import-wandb": ("import_wandb",),
    "log add": ("add_to_log",),
}

VARYING = re.compile(
    r"seconds.*|ms_per_image|images_per_second|peak_memory_mb|loading_speedup|training_time_minutes|"
    r"minutes|time|timestamp|started|ended|finished|updated|last_updated|command|out_dir|working_dir|"
    # Of a ledger's entries: when, and which process.
    r"at|agent|"
    # The digest of a file with such keys.
    r"config\.json"
)
"""Keys and columns of what differs between any two runs of one command."""
VARYING_TEXT = re.compile(rb"^\S+T\S+(?= \S+, process)|[\d.]+(?= images/s)", re.MULTILINE)
"""As `VARYING`, in the log of a run: when a sitting began, and how fast it was."""


def list_commands(group: Any, prefix: str = "") -> list[str]:
    names = []
    for name, command in group.commands.items():
        names += (
            list_commands(command, f"{prefix}{name} ")
            if hasattr(command, "commands")
            else [f"{prefix}{name}"]
        )
    return names


def test_every_command_has_its_function() -> None:
    assert list_commands(typer.main.get_command(app)) == list(FUNCTIONS)
    for names in FUNCTIONS.values():
        assert {*names} <= {*xlite.__all__}


def drop_varying(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: drop_varying(one) for key, one in value.items() if not VARYING.fullmatch(key)}
    return [drop_varying(one) for one in value] if isinstance(value, list) else value


def as_json(result: Any) -> Any:
    return json.loads(json.dumps(result.to_json()))


def contents(folder: Path) -> dict[str, Any]:
    """What a folder holds, but for times: JSON and tables as values, all else as bytes."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            found[path.relative_to(folder).as_posix()] = read_content(path)
    return found


def read_content(path: Path) -> Any:
    if path.suffix == ".json":
        return drop_varying(json.loads(path.read_bytes()))
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return drop_varying(list(csv.DictReader(file)))
    if path.suffix == ".log":
        return VARYING_TEXT.sub(b"", path.read_bytes())
    # A checkpoint knows how long the run has taken, and the log of training says so.
    return path.suffix if path.suffix == ".pt" else path.read_bytes()


class Golden:
    """Commands and functions on copies of one project, in the same place one after the other."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.pristine = Path(shutil.copytree(folder, folder.with_name("pristine")))
        self.monkeypatch = monkeypatch

    def shown_by(self, *arguments: object) -> Any:
        """What the command says as JSON; `left_by_command` is what it leaves."""
        words = [str(word) for word in arguments]
        self.monkeypatch.setattr("sys.argv", ["xlite", *words])
        shown = run_ok(*words, "--json")
        self.left_by_command = contents(self.folder)
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.pristine, self.folder, dirs_exist_ok=True)
        return drop_varying(json.loads(shown.stdout))

    def is_left_alike(self) -> bool:
        """Whether the function has left the very files of the command, and some new ones."""
        left = contents(self.folder)
        assert left == self.left_by_command
        return left != contents(self.pristine)


@pytest.fixture
def projects(golden: Path, monkeypatch: pytest.MonkeyPatch) -> Golden:
    return Golden(golden, monkeypatch)


def both(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "command", tmp_path / "function"


def test_tables_read(project: Project, tmp_path: Path) -> None:
    plain = tmp_path / "plain.csv"
    shown = run_ok("tables", project.table, "--out", plain, "--json")
    written = plain.read_bytes()
    made = xlite.read_tables(project.table, out=plain, overwrite=True)
    assert plain.read_bytes() == written
    assert json.loads(shown.stdout) == as_json(made)


def test_split(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    shown = run_ok("split", "--labels", project.table, "--out", command, "--seed", 3, "--json")
    made = xlite.split_by_patient(project.table, out=function, seed=3)
    assert contents(command) == contents(function)
    assert len(contents(function)) == 4
    assert json.loads(shown.stdout).items() <= made.to_json().items()


def test_folds(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    arguments = ("--folds", 2, "--repeats", 2, "--val", 0.2, "--stratify", "sex", "--seed", 3)
    shown = run_ok("split", "--labels", project.table, "--out", command, "--json", *arguments)
    made = xlite.make_folds(
        project.table, out=function, folds=2, repeats=2, val=0.2, stratify="sex", seed=3
    )
    assert contents(command) == contents(function)
    assert len(contents(function)) == 17
    assert json.loads(shown.stdout) == as_json(made)


def test_audit(project: Project) -> None:
    files = [project.split / f"{part}.csv" for part in ("train", "val", "test")]
    shown = json.loads(run_ok("split", "--audit", *files, "--json").stdout)
    assert shown == as_json(xlite.audit_split(files))


def test_cache_clahe(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    pixels = ("--size", 32, "--grid", 4, "--workers", 1)
    shown = run_ok(
        "cache-clahe",
        *("--labels", project.table, "--images", project.images, "--out", command, "--json"),
        *pixels,
    )
    made = xlite.cache_clahe(
        project.table,
        images=project.images,
        out=function,
        settings=xlite.ClaheSettings(size=32, grid=4),
        workers=1,
    )
    assert contents(command) == contents(function)
    assert "images.u8" in contents(function)
    assert drop_varying(json.loads(shown.stdout)) == drop_varying(made.to_json())


def test_probe(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    features = tmp_path / "features"
    shown = run_ok(
        *("probe", "--models", "test_resnet", "--image-sizes", "48,64", "--no-pretrained"),
        *("--split", project.split, "--cache", project.cache, "--views", 1, "--device", "cpu"),
        *("--features", features, "--out", command, "--json"),
    )
    shutil.rmtree(features)
    made = xlite.probe(
        "test_resnet",
        image_sizes=[48, 64],
        pretrained=False,
        split=project.split,
        cache=project.cache,
        views=1,
        features=features,
        out=function,
        runtime=xlite.Runtime(device="cpu"),
    )
    assert contents(command) == contents(function)
    assert len(contents(function)) == 4
    assert drop_varying(json.loads(shown.stdout)) == drop_varying(as_json(made))


def test_files_that_differ_would_be_seen(tmp_path: Path) -> None:
    for name, text in {"one": '{"a": 1, "time": 1}', "two": '{"a": 2, "time": 1}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text(text)
    assert contents(tmp_path / "one") != contents(tmp_path / "two")
    (tmp_path / "two" / "x.json").write_text('{"a": 1, "time": 2}')
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_verify_balance(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    shown = run_ok(
        "verify-balance",
        *("--labels", project.table, "--split", project.split, "--batches", 100, "--compare"),
        *("--pos-weight", "sqrt", "--out", command, "--json"),
    )
    made = xlite.verify_balance(
        project.table,
        split=project.split,
        batches=100,
        compare=True,
        loss=xlite.LossSettings(name="pos-weight", pos_weight="sqrt"),
        out=function,
    )
    assert contents(command) == contents(function)
    assert {"balance.png", "balance_tradeoff.svg"} < {*contents(function)}
    assert json.loads(shown.stdout) == as_json(made)


SETTINGS = xlite.TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=xlite.LossSettings(name="bce"),
    epochs=1,
    augment="none",
)
RUNTIME = xlite.Runtime(device="cpu", num_workers=0)
OPTIONS = (
    *("--no-pretrained", "--epochs", 1, "--augment", "none", "--device", "cpu", "--workers", 0),
    *("--seeds", "0,1", "--json"),
)


def test_train(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    folders = ("--split", project.split, "--cache", project.cache, "--out", command / "experiments")
    shown = run_ok("train", "--models", "test_resnet", "--loss", "bce", *OPTIONS, *folders)
    outcomes = xlite.train(
        SETTINGS,
        seeds=[0, 1],
        split=project.split,
        cache=project.cache,
        out=function / "experiments",
        runtime=RUNTIME,
    )
    by_command, by_function = (contents(folder) for folder in (command, function))
    # The log has the command and times within its text.
    log = "experiments/EXPERIMENT_LOG.md"
    assert by_command.pop(log)[:200] == by_function.pop(log)[:200]
    assert by_command == by_function
    assert sum(name.endswith("best.safetensors") for name in by_function) == 2
    said = [drop_varying(run) for run in json.loads(shown.stdout)["runs"]]
    for run, outcome in zip(said, outcomes, strict=True):
        assert Path(run.pop("run")).name == outcome.run_dir.name
        assert run.items() < drop_varying(json.loads(json.dumps(outcome.to_json()))).items()


def test_ablate(project: Project, tmp_path: Path) -> None:
    command, function = both(tmp_path)
    folders = ("--split", project.split, "--cache", project.cache, "--out", command / "experiments")
    shown = run_ok("ablate", "--model", "test_resnet", "--losses", "bce,zlpr", *OPTIONS, *folders)
    made = xlite.ablate(
        {
            "loss=bce": SETTINGS,
            "loss=zlpr": SETTINGS.model_copy(update={"loss": xlite.LossSettings(name="zlpr")}),
        },
        seeds=[0, 1],
        split=project.split,
        cache=project.cache,
        out=function / "experiments",
        runtime=RUNTIME,
    )
    by_command, by_function = (contents(folder) for folder in (command, function))
    assert by_command.keys() == by_function.keys()
    for name in by_command:
        if name.endswith((".csv", ".safetensors")):
            assert by_command[name] == by_function[name], name
    shown_verdict = json.loads(shown.stdout)["verdict"]
    assert [one["decision"] for one in shown_verdict.values()] == [
        one.decision for one in made.verdict.values()
    ]


def test_models() -> None:
    shown = json.loads(run_ok("models", "resnet18+mhsa", "--num-labels", 3, "--json").stdout)
    assert shown == as_json(xlite.count_models(["resnet18+mhsa"], num_labels=3))


def test_status(golden: Path) -> None:
    shown = json.loads(run_ok("status", "--out", "experiments", "--json").stdout)
    assert shown == as_json(xlite.read_queue_status("experiments"))


def test_evaluate(projects: Golden) -> None:
    run, folder = next(Path("experiments/runs").glob("*bce*")), "experiments/evaluation/one"
    options = ("--split", "splits", "--part", "val", "--by", "sex", "--resamples", 100)
    shown = projects.shown_by("evaluate", run, *options, "--out", folder)
    made = xlite.evaluate(run, split="splits", part="val", by=["sex"], resamples=100, out=folder)
    assert projects.is_left_alike()
    assert shown == drop_varying(as_json(made))


def test_compare(projects: Golden) -> None:
    shown = projects.shown_by("compare", "--split", "splits", "--by", "val.f1")
    made = xlite.compare(
        split="splits",
        by="val.f1",
        out="experiments",
        command="xlite compare --split splits --by val.f1",
    )
    assert projects.is_left_alike()
    assert shown == drop_varying(as_json(made))


def test_report(projects: Golden) -> None:
    shown = projects.shown_by("report", "--split", "splits", "--cache", "cache")
    made = xlite.report(split="splits", cache="cache")
    assert projects.is_left_alike()
    assert shown == as_json(made)


def test_log(projects: Golden) -> None:
    ablation = "experiments/ablation.json"
    shown = projects.shown_by("log", "add", "--ablation", ablation, "--decision", "keep bce")
    made = xlite.add_to_log(ablation=ablation, decision="keep bce")
    assert projects.is_left_alike()
    assert shown == as_json(made)
