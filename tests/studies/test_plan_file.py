"""Plan files: what each key means, and one clear sentence for each thing that is wrong."""

from __future__ import annotations

import copy
import json
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.studies import plan_file
from xlite.studies.plan_file import parse_plan, read_plan
from xlite.studies.plan_tables import PlanError
from xlite.studies.study_plan import Answer, Condition, Distribution, Keep, Rungs, ScoreName

SETTINGS = '[settings]\nmodel = "resnet18"\n'
A = '[[experiment]]\nid = "A"\n'
B = '[[experiment]]\nid = "B"\nset = {lr = 1e-3}\n'
SEARCH = """[search]
method = "tpe"
runs = 4
space = {lr = {log_uniform = [1e-5, 1e-3]}}
"""


def parse(text: str, base: str | None = None, root: Path = Path()):  # type: ignore[no-untyped-def]
    return parse_plan(text, base, where="p.toml", root=root)


def faults_of(text: str, base: str | None = None) -> list[str]:
    with pytest.raises(PlanError) as caught:
        parse(text, base)
    return caught.value.faults


WHOLE = """
question = "Does it help?"
seeds = [0, 1]
rest = 10
baseline = "2.1"
[settings]
model = "resnet18"
lr = 1e-4
[settings.loss]
name = "bce"
label_smoothing = 0.1
[data]
split = "folds"
images = "films"
[running]
device = "cpu"
workers = 2
[[experiment]]
id = "2.1"
title = "everything"
set = {dropout = 0.2, batch-size = 16}
split = "other"
success = {score = "val.sensitivity.Mass", minimum = 0.7, target = 0.75, on = "lower bound"}
expected = [0.6, 0.9]
[[experiment]]
id = "2.5"
after = ["2.1"]
seeds = [7]
pretrained = false
[[rule]]
id = "above"
when = {best = ["2.1"], within = [0.5, 0.7]}
then = ["s"]
otherwise = "check"
[[ask]]
id = "check"
question = "Which?"
[ask.choices]
"best: 2.1" = {winner = "2.1", then = ["end"]}
none = {}
[[phase]]
id = "s"
method = "random"
runs = 9
score = "val.recall"
rungs = {first = 5, factor = 2}
keep = {best = 2}
[phase.space]
model = {values = ["resnet18", "resnet34"]}
batch_size = {int = [16, 64], step = 16}
[[phase]]
id = "t"
method = "confirm"
seeds = [100, 101]
[finally]
compare = true
test = true
settings = "best.toml"
then = ["val.auroc.Mass"]
[slurm]
partition = "gpu"
"""


def test_each_key_means_what_it_says() -> None:
    plan = parse(WHOLE)
    assert (plan.name, plan.question, plan.rest_seconds) == ("p", "Does it help?", 10)
    assert (plan.split, plan.images, plan.baseline) == (Path("folds"), Path("films"), "2.1")
    assert (plan.runtime.device, plan.runtime.num_workers) == ("cpu", 2)
    first, second = plan.experiments
    assert first.settings.changes() == {
        "model": "resnet18",
        "loss.name": "bce",
        "loss.label_smoothing": 0.1,
        "dropout": 0.2,
        "batch_size": 16,
    }
    assert (first.title, first.split, first.seeds) == ("everything", Path("other"), (0, 1))
    assert first.success is not None
    assert str(first.success.score) == "val.sensitivity.Mass"
    assert (first.success.minimum, first.success.on) == (0.7, "lower bound")
    assert first.expected == (0.6, 0.9)
    assert (second.after, second.seeds, second.settings.initial_weights) == (("2.1",), (7,), "none")
    assert plan.rules[0].when == Condition(
        quantifier="best",
        of=("2.1",),
        score=ScoreName("val", "auroc"),
        comparison="within",
        low=0.5,
        high=0.7,
    )
    assert (plan.rules[0].then, plan.rules[0].otherwise) == (("s",), ("check",))
    assert plan.asks[0].choices == {
        "best: 2.1": Answer(winner="2.1", then=("end",)),
        "none": Answer(),
    }
    search, confirm = plan.phases
    assert search.space == {
        "model": Distribution(kind="values", values=("resnet18", "resnet34")),
        "batch-size": Distribution(kind="int", low=16, high=64, step=16),
    }
    assert (search.rungs, search.keep) == (Rungs(first=5, factor=2), Keep(best=2))
    assert (str(search.score), confirm.previous, confirm.seeds) == ("val.recall", "s", (100, 101))
    assert plan.finish.test
    assert plan.finish.settings == Path("best.toml")
    assert plan.slurm is not None
    assert plan.slurm.partition == "gpu"


def test_the_defaults_are_those_of_a_command() -> None:
    plan = parse(SETTINGS + A)
    assert plan.experiments[0].settings == TrainSettings(model="resnet18")
    assert plan.experiments[0].seeds == (42,)
    assert plan.slurm is None


def test_the_score_of_the_end_is_that_of_whatever_names_none() -> None:
    named = (
        E + "success = {minimum = 0.5}\n" + B + R + 'when = {any = "A", above = 0.5}\nthen = "B"\n'
    )
    plan = parse(named + SEARCH + '[finally]\nscore = "val.f1"\n')
    assert plan.experiments[0].success is not None
    scores = (plan.experiments[0].success.score, plan.rules[0].when.score, plan.phases[0].score)
    assert [str(score) for score in scores] == ["val.f1"] * 3


def test_axes_are_experiments_with_the_baseline_first() -> None:
    axes = '[axes]\nloss = ["bce", "focal"]\nlr = [1e-4, 3e-4]\nbaseline = "loss=focal"\n'
    assert [one.id for one in parse(SETTINGS + axes).experiments] == [
        "loss=focal,lr=0.0001",
        "loss=bce",
        "lr=0.0003",
    ]
    product = parse(SETTINGS + axes + "product = true\nseeds = [1, 2]\n").experiments
    assert [len(product), product[-1].settings.lr, product[-1].seeds] == [4, 3e-4, (1, 2)]
    variants = '[axes.variants]\nboth = {loss = "bce", sampler = "max-entropy"}\n'
    assert [one.id for one in parse(SETTINGS + variants).experiments][1:] == ["both"]


def test_a_model_may_come_from_an_axis_alone() -> None:
    plan = parse('[axes]\nmodel = ["resnet18", "resnet34"]\n')
    assert [one.settings.model for one in plan.experiments] == ["resnet18", "resnet34"]


def test_an_axis_whose_names_are_no_ids_gets_some() -> None:
    axes = '[axes]\nno-finding = ["auto", "share:0.3"]\n'
    settings = SETTINGS + 'sampler = "inverse-mean"\n'
    assert parse(settings + axes).experiments[1].id == "no-finding=share-0.3"


def test_epochs_are_part_of_what_runs_are_where_only_they_differ() -> None:
    longer = '[[experiment]]\nid = "C"\nset = {epochs = 30}\n'
    plan = parse(SETTINGS + A + B + longer)
    assert [one.has_fixed_budget for one in plan.experiments] == [True, False, True]


def test_settings_come_from_a_file_under_those_of_the_plan() -> None:
    base = (
        'models = "resnet34"\nlr = 1e-3\nprecision = "auto"\nseed = 5\nsplit = "mine"\n'
        'device = "cpu"\nresume = true\n[loss]\nname = "bce"\n'
    )
    plan = parse('config = "base.toml"\n[settings]\nlr = 2e-3\n' + A, base)
    settings = plan.experiments[0].settings
    assert (settings.model, settings.lr, settings.loss.name) == ("resnet34", 2e-3, "bce")
    assert (plan.experiments[0].seeds, plan.split) == ((5,), Path("mine"))
    assert plan.runtime.device == "cpu"


def test_settings_come_from_the_record_of_a_run() -> None:
    record = {
        "settings": TrainSettings(model="resnet34", lr=1e-3).model_dump(mode="json"),
        "labels": ["Mass"],
        "data": {
            "images": {"train": 1},
            "train_positives": [1],
            "split_sha256": {},
            "source": "",
        },
    }
    plan = parse('config = "config.json"\n' + A, json.dumps(record))
    assert plan.experiments[0].settings == TrainSettings(model="resnet34", lr=1e-3)


def test_files_of_weights_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"abc")
    line = 'warm_start = "w.safetensors"\nweights = "w.safetensors"\n'
    one = parse(SETTINGS + A + line, root=tmp_path).experiments[0]
    assert one.settings.warm_start == one.settings.initial_weights
    assert str(one.settings.warm_start).startswith("sha256:ba7816bf")
    assert one.warm_start == one.weights == Path("w.safetensors")


def test_a_plan_is_read_with_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('model = "resnet18"\n', encoding="utf-8")
    text = 'config = "base.toml"\n' + A
    (tmp_path / "plan.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    source = read_plan(tmp_path / "plan.toml")
    assert (source.text, source.base) == (text, 'model = "resnet18"\n')


def test_all_faults_are_named_at_once_and_each_once() -> None:
    found = faults_of('rset = 1\n[settings]\nmodel = "resnet18"\nlrr = 1\n' + A + 'titel = "x"\n')
    assert found == [
        "p.toml: [settings]: there is no setting 'lrr'. Did you mean lr?",
        "p.toml: [[experiment]] A: there is no key 'titel' here. Did you mean title?",
        "p.toml: there is no key 'rset' here. Did you mean rest?",
    ]


E = SETTINGS + A
R = '[[rule]]\nid = "r"\n'
BAD = [
    ("", "p.toml trains nothing"),
    ("a = ", "p.toml is not valid TOML: Invalid value (at line 1, its end)"),
    (A, "[[experiment]] A has no model"),
    (SETTINGS + "[[experiment]]\n", "[[experiment]] number 1 has no id"),
    (SETTINGS + '[[experiment]]\nid = "a b"\n', "'a b' is no id: use letters"),
    (SETTINGS + '[[experiment]]\nid = "end"\n', "'end' is no id"),
    (SETTINGS + f'[[experiment]]\nid = "{"a" * 101}"\n', "is no id"),
    (E + '[[experiment]]\nid = "A"\nset = {lr = 1}\n', "[[experiment]] has this id already"),
    (E + '[[experiment]]\nid = "B"\n', "B: A has the same settings. Leave one out."),
    ('name = "a/b"\n' + E, "'a/b' is no name for a study"),
    ("name = 3\n" + E, "name takes text, not 3"),
    ("experiment = 3\n", "experiment is one table each, in double brackets: [[experiment]]"),
    ("[experiment]\n", "in double brackets"),
    ("settings = 1\n" + A, "settings is a table: [settings]"),
    ("[settngs]\n" + E, "there is no key 'settngs' here. Did you mean settings?"),
    ("seeds = []\n" + E, "seeds takes a list of different whole numbers"),
    ("seeds = [1, 1]\n" + E, "seeds takes a list of different whole numbers"),
    ("seeds = [true]\n" + E, "seeds takes a list of different whole numbers"),
    ("seeds = [-1]\n" + E, "seeds takes a list of different whole numbers"),
    ("rest = -1\n" + E, "rest takes a number from 0 to 86400, not -1"),
    ("rest = nan\n" + E, "rest takes a number from 0 to 86400, not nan"),
    ('baseline = "Z"\n' + E, "baseline: there is no experiment 'Z'"),
    ('config = "x.toml"\n' + E, "the settings file x.toml is missing"),
    ('[settings]\nmodel = "resnt18+mhs"\n' + A, "'resnt18+mhs'"),
    ('[settings]\nmodel = "efficientnet_b0_mhs"\n' + A, "efficientnet_b0_mhsa"),
    (E + "set = {seed = 1}\n", "[[experiment]] A: set: seed is not set here. Seeds are a list"),
    (E + "set = {lr = 0}\n", "A: set: --lr: input should be greater than 0"),
    (E + 'set = {loss = "fcal"}\n', "Did you mean focal?"),
    (E + "set = {epochs = 1.5}\n", "A: set: epochs takes a whole number, not 1.5"),
    (E + "set = {unfreeze_epochs = 2}\n", "needs --freeze-epochs"),
    (E + "set = 3\n", "A: set takes a table, not 3"),
    (E + 'set = {loss = {nme = "bce"}}\n', "no setting 'loss.nme'. Did you mean name?"),
    (E + 'warm_start = "no.pt"\n', "A: warm_start no.pt does not exist"),
    (E + 'weights = "no.pt"\npretrained = false\n', "weights and pretrained = false exclude"),
    (E + 'after = ["Z"]\n', "[[experiment]] A: after: there is no experiment, phase or ask 'Z'"),
    (E + 'after = "A"\n', "A waits for A: nothing of this could begin"),
    (E + "after = [1]\n", "after takes a list of texts"),
    (E + 'after = ["A", "A"]\n', "after names 'A' more than once"),
    (E + "expected = [0.9, 0.1]\n", "expected takes two numbers from 0 to 1, the smaller first"),
    (E + "success = {}\n", "success has no threshold"),
    (E + "success = {minimum = 96}\n", "minimum takes a number from 0 to 1, not 96"),
    (E + "success = {minimum = 0.9, target = 0.8}\n", "have to rise in this order"),
    (E + 'success = {minimum = 0.9, on = "low"}\n', "on is one of point, lower bound, not 'low'"),
    (E + 'success = {score = "auroc", minimum = 0.9}\n', "'auroc' is no score"),
    (
        E + 'success = {score = "test.auroc", minimum = 0.9}\n',
        "A: success: test.auroc would choose",
    ),
    (E + '[finally]\nscore = "test.auroc"\n', "[finally]: score: test.auroc would choose by"),
    (E + '[finally]\nthen = ["test.auroc"]\n', "[finally]: then: test.auroc would choose by"),
    (E + "[finally]\ntset = true\n", "there is no key 'tset' here. Did you mean test?"),
    (E + '[finally]\nsettings = "a.json"\n', "settings is a file that ends in .toml, not a.json"),
    (E + R + 'then = ["A"]\n', "[[rule]] r: say when it holds"),
    (E + R + 'when = {any = ["A"], above = 0.5}\n', "[[rule]] r begins nothing"),
    (E + R + 'when = {above = 0.5}\nthen = ["end"]\n', "names experiments by one of any, all"),
    (E + R + 'when = {any = "A", all = "A", above = 0.5}\nthen = "end"\n', "by one of any, all"),
    (E + R + 'when = {any = "A"}\nthen = "end"\n', "compares by one of above, below and within"),
    (E + R + 'when = {any = "A", above = 96}\nthen = "end"\n', "above takes a number from 0 to 1"),
    (E + R + 'when = {any = "Z", above = 0.5}\nthen = "end"\n', "no experiment or phase 'Z'"),
    (E + R + 'when = {any = "A", above = 0.5}\nthen = "Z"\n', "r: then: there is no experiment"),
    (E + B + R + 'when = {any = "A", above = 0.5}\nthen = ["end", "B"]\n', "name it alone"),
    (E + B + R + 'when = {any = "A", above = 1.0}\nthen = "B"\n', "above 1 never holds of a score"),
    (E + B + R + 'when = {any = "A", above = 0}\notherwise = "B"\n', "above 0 always holds"),
    (E + B + R + 'when = {any = "A", within = [0, 1]}\nthen = "B"\n', "within 0 to 1 always holds"),
    (E + B + R + 'when = {any = "B", above = 0.5}\nthen = "B"\n', "B waits for r waits for B"),
    (
        E + B + 'after = "r"\n' + R + 'when = {any = "A", above = 0.5}\nthen = "end"\n',
        "B: after names a rule, r",
    ),
    (
        E + R + 'when = {any = "A", above = 0.5, score = "test.auroc"}\nthen = "end"\n',
        "[[rule]] r: when: test.auroc would choose by the test part",
    ),
    (E + '[[ask]]\nid = "q"\n', "[[ask]] q has no question"),
    (E + '[[ask]]\nid = "q"\nquestion = "?"\n', "[[ask]] q has no choices"),
    (E + '[[ask]]\nid = "q"\nquestion = "?"\nchoices = {a = 1}\n', "choice 'a' takes a table"),
    (
        E + '[[ask]]\nid = "q"\nquestion = "?"\nchoices = {a = {winner = "Z"}}\n',
        "choice 'a': winner: there is no experiment 'Z'",
    ),
    (
        E + '[[ask]]\nid = "q"\nquestion = "?"\nchoices = {a = {then = "Z"}}\n',
        "choice 'a': then: there is no experiment, phase or ask 'Z'",
    ),
    (SETTINGS + "[axes]\n", "[axes]: nothing is varied"),
    (SETTINGS + "[axes]\nlr = [1e-4]\n", "[axes]: nothing is varied"),
    (SETTINGS + "[axes]\nlrr = [1, 2]\n", "there is no setting 'lrr' to vary. Did you mean lr?"),
    (SETTINGS + "[axes]\nlr = [1, 'x']\n", "--lr: input should be a valid number"),
    (SETTINGS + "[axes]\nlr = [1, {}]\n", "lr takes a list of values, not {}"),
    (SETTINGS + "[axes]\nlr = [1, 1]\n", "lr= names 1 more than once"),
    (SETTINGS + "[axes]\nseed = [1, 2]\n", "seed can't be varied here"),
    (SETTINGS + "[axes]\nvariants = {x = 3}\n", "variants: x takes a table of settings"),
    (SETTINGS + SEARCH.replace("tpe", "bayes"), "method is one of random, tpe, grid, confirm"),
    (SETTINGS + SEARCH.replace("runs = 4", ""), "say how many trials there are at most"),
    (SETTINGS + SEARCH.replace("tpe", "grid"), "a grid has no end over lr"),
    (SETTINGS + SEARCH.replace("lr =", "lrr ="), "no setting 'lrr'. Did you mean lr?"),
    (SETTINGS + SEARCH.replace("lr =", "seed ="), "seed is not searched"),
    (SETTINGS + SEARCH.replace("lr =", "epochs ="), "epochs is a whole number. Write int ="),
    (SETTINGS + SEARCH.replace("1e-5", "0"), "log_uniform begins above 0"),
    (SETTINGS + SEARCH.replace("1e-5", "1"), "takes two numbers, the smaller first"),
    (SETTINGS + SEARCH.replace("1e-5", "true"), "takes two numbers, the smaller first"),
    (SETTINGS + SEARCH.replace("log_uniform", "uniformly"), "needs one of values, uniform"),
    (
        SETTINGS + SEARCH.replace("log_uniform = [1e-5, 1e-3]", "values = []"),
        "takes a list, not []",
    ),
    (SETTINGS + SEARCH.replace("log_uniform = [1e-5, 1e-3]", "values = [0]"), "greater than 0"),
    (SETTINGS + SEARCH + 'score = "test.auroc"\n', "score: test.auroc would choose by the test"),
    (SETTINGS + SEARCH + "rungs = {factor = 3}\n", "name the epochs of the first rung"),
    (SETTINGS + SEARCH + "rungs = {first = 5, factor = 1}\n", "factor takes a whole number from 2"),
    (
        SETTINGS + SEARCH + 'score = "val.specificity"\nrungs = {first = 5}\n',
        "val.specificity is told of a finished run alone",
    ),
    (SETTINGS + SEARCH + "rungs = {first = 20}\n", "is not below the 20 epochs of a whole run"),
    (
        SETTINGS + "warmup-epochs = 5\n" + SEARCH + "rungs = {first = 5}\n",
        "within the warm-up of 5",
    ),
    (SETTINGS + SEARCH + "keep = {best = 2}\n", "keep is for a phase after it, and there is none"),
    (SETTINGS + SEARCH + '[[phase]]\nid = "p"\n', "[search] is a single phase"),
    (
        SETTINGS
        + SEARCH.replace("[search]", '[[phase]]\nid = "s"')
        + 'keep = {best = 2, setting = "model"}\n[[phase]]\nid = "t"\nmethod = "confirm"\n',
        "keep: model is not searched here",
    ),
    (
        SETTINGS
        + SEARCH.replace("[search]", '[[phase]]\nid = "s"')
        + '[[phase]]\nid = "t"\nmethod = "confirm"\nruns = 2\n',
        "confirm searches nothing, and takes no runs",
    ),
    (
        SETTINGS
        + SEARCH.replace("[search]", '[[phase]]\nid = "s"')
        + 'keep = {best = 2}\n[[phase]]\nid = "t"\nmethod = "confirm"\n',
        "t confirms with seed 0, by which s has chosen",
    ),
    (SETTINGS + '[[phase]]\nid = "t"\n', "there is nothing to search"),
    (SETTINGS + '[[phase]]\nid = "t"\nmethod = "confirm"\n', "keeps, and there is none"),
    (
        SETTINGS
        + SEARCH.replace("[search]", '[[phase]]\nid = "s"')
        + SEARCH.replace("[search]", '[[phase]]\nid = "s"').replace("tpe", "confirm"),
        "[[phase]] s: [[phase]] has this id already",
    ),
    (E + '[[ask]]\nid = "q"\nquestion = "?"\nchoices = {"a\\nb" = {}}\n', "is no line of text"),
    (E + "[cache]\nsize = 256\n", "[cache]: name the folder of the radiographs"),
    (E + '[cache]\nimages = "x"\nsize = 2\n', "[cache]: --size: input should be greater than"),
    (E + '[cache]\nimages = "x"\nsiez = 2\n', "there is no key 'siez' here. Did you mean size?"),
    (E + "[running]\ndevcie = 'cpu'\n", "no key 'devcie' here. Did you mean device"),
    (E + "[running]\nworkers = 'x'\n", "[running]: workers takes a whole number, not 'x'"),
    (E + "[data]\nsplit = 3\n", "[data]: split takes text, not 3"),
    (E + "[slurm]\npartion = 'gpu'\n", "no key 'partion' here. Did you mean partition"),
    (E + "[slurm]\nagents = 0\n", "[slurm] agents"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_a_fault_is_one_clear_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    lines = str(caught.value).splitlines()
    assert [line for line in lines if message in line], lines
    assert all(line.startswith("p.toml") for line in lines)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("lrr = 1\n", "base.toml: there is no setting 'lrr'"),
        ("lr = 'x'\n", "base.toml: lr takes a number"),
        ("[losses]\n", "base.toml: there is no table [losses]"),
        ("{", "base.toml is not valid JSON"),
    ],
)
def test_a_fault_of_the_settings_file_names_it(base: str, message: str) -> None:
    assert any(message in fault for fault in faults_of('config = "base.toml"\n' + E, base))


def test_what_only_excluded_branches_wait_for_is_never_begun() -> None:
    rule = R + 'when = {any = "A", above = 0.5}\nthen = "B"\notherwise = "C"\n'
    both = E + B + '[[experiment]]\nid = "C"\nset = {lr = 2e-3}\n'
    late = '[[experiment]]\nid = "D"\nset = {lr = 3e-3}\nafter = ["B", "C"]\n'
    assert parse(both + rule).rules
    assert "[[experiment]] D is never begun" in faults_of(both + rule + late)[0]


def test_files_that_are_no_plans_are_refused(tmp_path: Path) -> None:
    latin, large = tmp_path / "latin.toml", tmp_path / "large.toml"
    latin.write_bytes(b'name = "\xe9"')
    with large.open("wb") as file:
        file.truncate(100 << 20)
    nested = tmp_path / "nested.toml"
    nested.write_text(f"a = {'[' * 100_000}", encoding="utf-8")
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "absent.toml", "does not exist"),
        (latin, "is not UTF-8 text"),
        (large, "is larger than"),
        (nested, "is not valid TOML"),
    ):
        with pytest.raises(InputError, match=message):
            read_plan(path)


def test_the_examples_of_this_file_are_toml() -> None:
    assert tomllib.loads(WHOLE)["finally"]["test"] is True


ODD = (0, -1, True, "", "x", "end", "2.1", "a\nb", 1.5, float("nan"), 10**30, [], {}, [1], ["x"])
ODDER = ([[1]], [{}], {"a": 1}, {"values": [1]}, [0.5, 0.1], ["2.1", "2.1"], {"int": [1, 9]})


def replace_somewhere(tree: Any, draws: random.Random) -> None:
    """Put another value into one place of a tree."""
    key = draws.choice(list(tree)) if isinstance(tree, dict) else draws.randrange(len(tree))
    if isinstance(tree[key], dict | list) and tree[key] and draws.random() < 0.8:
        replace_somewhere(tree[key], draws)
    else:
        tree[key] = copy.deepcopy(draws.choice((*ODD, *ODDER)))


def test_whatever_stands_in_a_plan_is_taken_or_refused_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults: list[str] = []
    num_taken = 0
    for seed in range(400):
        tree, draws = tomllib.loads(WHOLE), random.Random(seed)
        for _ in range(draws.randint(1, 3)):
            replace_somewhere(tree, draws)
        monkeypatch.setattr(plan_file, "parse_toml", lambda text, where, tree=tree: tree)
        try:
            parse("")
        except PlanError as error:
            faults += error.faults
        else:
            num_taken += 1
    assert all(fault.startswith("p.toml: ") and "\n" not in fault for fault in faults)
    assert num_taken >= 10
    assert len(faults) > 200
