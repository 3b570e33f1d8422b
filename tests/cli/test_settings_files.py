"""Options from a settings file and --set: precedence, faults, and the way there and back."""

from __future__ import annotations

import functools
import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from conftest import write_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xlite.cli.app import app
from xlite.cli.known_options import OF_COMMAND_LINE
from xlite.cli.loss_options import LossOptions
from xlite.cli.option_values import parameter_name
from xlite.cli.policy_options import TrainingPolicyOptions
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.settings_options import SETTINGS
from xlite.cli.settings_text import render_settings
from xlite.cli.settings_values import type_of
from xlite.cli.training_options import TrainingOptions
from xlite.errors import InputError
from xlite.settings import LossSettings, SamplerSettings, TrainSettings
from xlite.settings.names import PARTS

COMMANDS = ("train", "ablate", "cache-clahe", "verify-balance")
MODEL = "test_resnet"


@functools.cache
def command_of(name: str) -> Any:
    group: Any = typer.main.get_command(app)
    return group.commands[name]


def context_of(name: str, arguments: list[str]) -> Any:
    return command_of(name).make_context(name, arguments)


def parameters_of(name: str, arguments: list[str]) -> dict[str, Any]:
    params = context_of(name, arguments).params
    # No value of a repeatable option is () or [].
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in params.items()
        if key not in OF_COMMAND_LINE
    }


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def shown(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return tomllib.loads(result.stdout)


# The way there and back.

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
)
CHOICES = {
    "loss": get_args(inspect.get_annotations(LossSettings, eval_str=True)["name"])[0],
    "sampler": get_args(inspect.get_annotations(SamplerSettings, eval_str=True)["name"])[0],
}


def names_to_choose(parameter: str) -> tuple[str, ...]:
    """The names that an option's setting has, as far as it has names."""
    if parameter in CHOICES:
        return get_args(CHOICES[parameter])
    for kind in (TrainSettings, *PARTS.values()):
        for field, info in kind.model_fields.items():
            if parameter_name(kind.option(field)) == parameter:
                parts = (info.annotation, *get_args(info.annotation))
                return tuple(
                    one for part in parts for one in get_args(part) if isinstance(one, str)
                )
    return ()


def values_of(parameter: str, kind: type) -> st.SearchStrategy[Any]:
    """Values that a command line may have for an option, many of which settings accept."""
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(2, 64)
    if kind is float:
        return st.sampled_from([0.0, 0.05, 0.5, 1e-5, 1.0, 2.5])
    if kind is list:
        return st.lists(TEXTS, min_size=1, max_size=3)
    names = names_to_choose(parameter)
    return st.sampled_from(names) if names and kind is str else TEXTS


def as_arguments(option: Any, value: Any) -> list[str]:
    if isinstance(value, bool):
        negative = option.secondary_opts
        return [option.opts[0]] if value else [negative[0]] if negative else []
    values = value if isinstance(value, list) else [value]
    return [f"{option.opts[0]}={one}" for one in values]


def options_of(name: str) -> list[tuple[Any, type]]:
    command = command_of(name)
    parameters = inspect.signature(command.callback).parameters
    return [
        (option, type_of(parameters[option.name]))
        for option in command.params
        if option.name not in OF_COMMAND_LINE
    ]


def fingerprint(params: dict[str, Any]) -> str | None:
    """Of the run that the parameters of `train` describe; None where they describe none."""

    def group(kind: Any) -> Any:
        return kind(**{name: params[name] for name in kind.__dataclass_fields__})

    running = group(RunningOptions)
    object.__setattr__(running, "weights", None)
    object.__setattr__(running, "warm_start", None)
    try:
        return (
            group(TrainingOptions)
            .to_settings(
                running,
                model=MODEL,
                loss=group(LossOptions).to_settings(params["loss"]),
                sampler=group(SamplerOptions).to_settings(params["sampler"]),
                policy=group(TrainingPolicyOptions).to_settings(),
                seed=params["seed"],
            )
            .fingerprint()
        )
    except InputError:
        return None


@pytest.mark.parametrize("name", COMMANDS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_options_survive_the_way_to_a_file_and_back(
    name: str, data: st.DataObject, tmp_path: Path
) -> None:
    options = options_of(name)
    chosen = data.draw(st.sets(st.sampled_from(range(len(options))), max_size=12))
    arguments = [] if name in ("cache-clahe", "verify-balance") else ["--model", MODEL]
    for place in sorted(chosen):
        option, kind = options[place]
        if option.name not in ("model", "models"):
            arguments += as_arguments(option, data.draw(values_of(option.name, kind)))
    context = context_of(name, arguments)
    path = write(tmp_path / "all.toml", render_settings(context, None))
    expected = parameters_of(name, arguments)
    assert parameters_of(name, ["--config", str(path)]) == expected
    again = context_of(name, ["--config", str(path)])
    text = render_settings(again, again.meta[SETTINGS])
    assert tomllib.loads(text) == tomllib.loads(path.read_text(encoding="utf-8"))
    if name == "train":
        assert fingerprint(again.params) == fingerprint(context.params)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_can_be_in_a_file(name: str, tmp_path: Path) -> None:
    required = [] if name in ("cache-clahe", "verify-balance") else ["--model", MODEL]
    examples = {bool: True, int: 7, float: 0.75, list: ["a:lr=1", "b"], str: "x y", Path: "d/e"}
    for option, kind in options_of(name):
        value = not option.default if kind is bool else examples[kind]
        own = [] if option.name in ("model", "models") else required
        arguments = [*own, *as_arguments(option, value)]
        expected = parameters_of(name, arguments)
        default = parameters_of(name, required)
        assert expected != default, option.name
        path = write(tmp_path / "one.toml", render_settings(context_of(name, arguments), None))
        assert parameters_of(name, ["--config", str(path)]) == expected, option.name


def test_the_settings_of_a_run_come_back_from_its_record(tmp_path: Path) -> None:
    trained = TrainSettings(
        model=MODEL,
        initial_weights="none",
        loss=LossSettings(name="focal", focal_gamma=(1.0, 2.0), power=0.5),
        sampler=SamplerSettings(strength=0.5, no_finding="share:0.3"),
        epochs=3,
        image_size=64,
        seed=7,
    )
    run = write_run(tmp_path / "run", trained)
    params = parameters_of("train", ["--config", str(run / "config.json")])
    assert params["models"] == MODEL
    assert fingerprint(params) == trained.fingerprint()


# Precedence.


def test_the_command_line_wins_over_set_and_set_over_the_file(tmp_path: Path, xlite: Any) -> None:
    path = write(tmp_path / "run.toml", f'model = "{MODEL}"\nlr = 0.5\nepochs = 5\ndropout = 0.3\n')
    result = xlite(
        *("train", "--config", path, "--set", "lr=0.25", "--set", "epochs=4"),
        *("--epochs", 3, "--show-config"),
    )
    content = shown(result)
    assert (content["epochs"], content["lr"], content["dropout"]) == (3, 0.25, 0.3)
    lines = result.stdout.splitlines()
    assert "epochs = 3  # option" in lines
    assert "lr = 0.25  # --set" in lines
    assert f"dropout = 0.3  # {path}" in lines
    assert "batch_size = 32  # default" in lines
    assert "# image_size is not set" in lines


def test_an_option_displaces_what_it_excludes_in_a_file(tmp_path: Path, xlite: Any) -> None:
    path = write(tmp_path / "run.toml", f'model = "{MODEL}"\nseeds = [0, 1]\nlosses = ["bce"]\n')
    path = write(path, path.read_text().replace('losses = ["bce"]\n', ""))
    assert shown(xlite("train", "--config", path, "--show-config"))["seeds"] == "0,1"
    content = shown(xlite("train", "--config", path, "--seed", 3, "--show-config"))
    assert content["seed"] == 3
    assert "seeds" not in content


def test_tables_flat_names_and_lists_mean_the_same(tmp_path: Path) -> None:
    flat = f'models = ["{MODEL}"]\nloss = "focal"\nfocal-gamma = [1, 2.5]\nsampler-strength = 0.5\n'
    nested = (
        f'model = "{MODEL}"\n[loss]\nname = "focal"\nfocal_gamma = "1,2.5"\n'
        "[sampler]\nstrength = 0.5\n"
    )
    parsed = [
        parameters_of("train", ["--config", str(write(tmp_path / "a.toml", text))])
        for text in (flat, nested)
    ]
    assert parsed[0] == parsed[1]
    assert (parsed[0]["loss"], parsed[0]["sampler_strength"]) == ("focal", 0.5)


def test_none_takes_a_value_of_the_file_back(tmp_path: Path, xlite: Any) -> None:
    path = write(tmp_path / "run.toml", f'model = "{MODEL}"\nmin-ess = 0.5\n')
    content = shown(xlite("train", "--config", path, "--set", "min-ess=none", "--show-config"))
    assert "min_ess" not in content["sampler"]


def test_former_names_are_read_with_a_note(tmp_path: Path, xlite: Any) -> None:
    path = write(tmp_path / "run.toml", f'model = "{MODEL}"\ndraw = "systematic"\n')
    result = xlite(
        *("train", "--config", path, "--threshold=0.1", "--strength", 0.5),
        *("--set", "smoothing=2", "--show-config"),
    )
    sampler = shown(result)["sampler"]
    assert sampler["draw"] == "systematic"
    assert (sampler["threshold"], sampler["strength"], sampler["smoothing"]) == (0.1, 0.5, 2.0)
    for name, new in {
        "--threshold": "--repeat-threshold",
        "--strength": "--sampler-strength",
        "smoothing": "sampler-smoothing",
        "draw": "sampler-draw",
    }.items():
        assert f"note: {name} is called {new} now" in result.stderr
    assert "--threshold" not in xlite("train", "--help-all").output


# Bad input: one sentence, exit 2, nothing written.

TOML_FAULTS = {
    "lrr = 1": "there is no option 'lrr' here. Did you mean lr",
    "[los]\nname = 'bce'": "there is no table [los]. Did you mean loss?",
    "[loss]\nfocal_gama = 1": "no option 'focal-gama' here. Did you mean focal-gamma",
    "lr = 'fast'": "run.toml: lr takes a number, not 'fast'.",
    "epochs = 2.5": "run.toml: epochs takes a whole number, not 2.5.",
    "epochs = true": "run.toml: epochs takes a whole number, not true.",
    "resume = 1": "run.toml: resume takes true or false, not 1.",
    "[loss]\nfocal_gamma = [1, [2]]": "run.toml: loss.focal_gamma takes text, a number or a list",
    "out = 1979-05-27": "run.toml: out takes a path as text",
    "lr = ": "run.toml is not valid TOML: Invalid value (at line 1, its end)",
    "lr = \nepochs = 1": "run.toml is not valid TOML: Invalid value (at line 1, column 6)",
    "lr = 1\nlr = 2": "run.toml is not valid TOML: Cannot overwrite a value (at line 2",
    "lr = -1": "--lr: input should be greater than 0 (given: -1.0). --lr is from",
    "lr = nan": "--lr is from",
    f"epochs = 1{'0' * 5000}": "run.toml is not valid TOML",
    f"epochs = {'[' * 100_000}": "run.toml is not valid TOML",
    "seed = 99999999999": "a seed is at most 4294967295. Pass a smaller --seed. --seed is from",
    "image_size = 64\nimage-size = 32": "image-size is there already, under another name",
    "json = true": "there is no option 'json' here",
    "config = 'run.toml'": "there is no option 'config' here",
}


@pytest.mark.parametrize("text", TOML_FAULTS, ids=lambda text: text[:30])
def test_a_fault_in_a_file_is_one_sentence(text: str, tmp_path: Path, xlite: Any) -> None:
    path = write(tmp_path / "run.toml", text)
    result = xlite("train", "--model", MODEL, "--out", tmp_path / "new", "--config", path)
    assert result.exit_code == 2
    message = result.stderr.strip()
    assert message.startswith("error: ")
    assert "\n" not in message
    assert TOML_FAULTS[text] in message
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_fault_in_an_assignment_is_one_sentence(xlite: Any) -> None:
    for assignment, says in {
        "lr": "--set 'lr' is no NAME=VALUE",
        "lr=fast": "--set lr=fast takes a number, not 'fast'.",
        "lrr=1": "--set lrr=1: there is no option 'lrr' here. Did you mean lr",
        "lr=-1": "--lr is from --set.",
        "position-encoding=maybe": "takes true or false, not 'maybe'",
    }.items():
        result = xlite("train", "--model", MODEL, "--set", assignment)
        assert result.exit_code == 2
        assert says in result.stderr


def edit_record(path: Path, edit: Any) -> Path:
    content = json.loads(path.read_text())
    edit(content)
    return write(path, json.dumps(content))


RECORD_FAULTS: dict[str, tuple[Any, str]] = {
    "newer": (lambda c: c.update(schema_version=99), "was written by a newer xlite"),
    "setting": (lambda c: c["settings"].update(lrr=1), "no setting 'lrr'. Did you mean lr"),
    "part": (lambda c: c["settings"]["loss"].update(gama=1), "there is no setting 'loss.gama'."),
    "type": (lambda c: c["settings"].update(lr="fast"), "config.json: lr takes a number, not"),
    "shape": (lambda c: c.update(settings=[1]), "in 'settings'"),
    "weights": (
        lambda c: c["settings"].update(initial_weights="sha256:00"),
        "began with a file that is not in its record. Pass --weights FILE.",
    ),
}


@pytest.mark.parametrize("fault", RECORD_FAULTS)
def test_a_fault_in_a_record_is_one_sentence(fault: str, tmp_path: Path, xlite: Any) -> None:
    run = write_run(tmp_path / "run", TrainSettings(model=MODEL, initial_weights="none"))
    edit, says = RECORD_FAULTS[fault]
    path = edit_record(run / "config.json", edit)
    result = xlite("train", "--config", path, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_half_a_record_is_one_sentence(tmp_path: Path, xlite: Any) -> None:
    run = write_run(tmp_path / "run", TrainSettings(model=MODEL, initial_weights="none"))
    content = (run / "config.json").read_text()
    path = write(run / "config.json", content[: len(content) // 2])
    result = xlite("train", "--config", path, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert "config.json is not valid JSON" in result.stderr
    missing = xlite("train", "--config", tmp_path / "absent.toml")
    assert missing.exit_code == 2
    assert "absent.toml" in missing.stderr


# Help.


def is_listed(option: str, text: str) -> bool:
    """Whether a line of the help begins with the option."""
    return re.search(rf"^[^\w-]*{option}\b(?!-)", text, re.MULTILINE) is not None


def test_help_shows_what_most_need_and_help_all_the_rest(xlite: Any) -> None:
    for name in COMMANDS:
        common, every = xlite(name, "--help").output, xlite(name, "--help-all").output
        rare = command_of(name).callback.rare_parameters
        options = {param.name: param.opts[0] for param in command_of(name).params}
        assert not [one for one in rare if is_listed(options[one], common)]
        assert all(is_listed(options[one], every) for one in options)
        assert len(options) - len(rare) <= 36
    train = command_of("train")
    assert 15 <= len(train.params) - len(train.callback.rare_parameters) <= 26
