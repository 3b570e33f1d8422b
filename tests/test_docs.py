"""Each command has help, an example and docs; tables in pages come from files."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import generate
import nih_blocks
import pytest
import transcript

from xlite.tables.label_table import read_manifest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


COMMANDS: dict[str, Any] = generate.list_commands()


def parse_example(line: str) -> str:
    """The command of an example, parsed by the command line itself without being run."""
    words = shlex.split(line, comments=True)
    assert words[0] == "xlite"
    length = 1 if words[1] in COMMANDS else 2
    name = " ".join(words[1 : 1 + length])
    COMMANDS[name].make_context(name, words[1 + length :], resilient_parsing=False)
    return name


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_an_example_that_parses(name: str) -> None:
    command = COMMANDS[name]
    assert len(command.help) > 60
    examples = [line for line in command.epilog.split("\n") if line]
    assert examples
    for example in examples:
        assert parse_example(example.removeprefix("Example: ")) == name
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_each_command_has_json_for_scripts(name: str) -> None:
    # The demo's result is the folder that it fills.
    assert "--json" in [option for parameter in COMMANDS[name].params for option in parameter.opts]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_the_readme_and_in_a_page(name: str) -> None:
    assert f"xlite {name}" in (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [page for page in ROOT.glob("docs/*.md") if page.name != "commands.md"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert f"xlite {name}" in text


def test_the_settings_file_of_the_page_is_the_example() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    shown = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    content = (ROOT / "examples" / "run.toml").read_text(encoding="utf-8")
    assert shown == [content.partition("\n")[2]]


def test_examples_in_pages_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # examples/run.toml is read
    num_examples = 0
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.splitlines():
                if line.startswith("xlite "):
                    parse_example(line)
                    num_examples += 1
    assert num_examples > 10


def test_commands_of_transcripts_parse() -> None:
    commands = [
        re.sub(r"\\\n\s*", "", command)
        for page in PAGES
        for block in transcript.BLOCK.findall(page.read_text(encoding="utf-8"))
        for command in transcript.list_commands(block)
    ]
    ours = [one.rpartition("&& ")[2] for one in commands if re.match(r"(cd .* && )?xlite ", one)]
    assert len(ours) > 9
    for command in ours:
        parse_example(command.partition(" | ")[0].replace("xlite --quiet ", "xlite "))


def test_an_example_with_a_wrong_option_would_be_seen() -> None:
    with pytest.raises(Exception, match="--no-such-option"):
        parse_example("xlite split --no-such-option")


def test_the_pages_are_what_the_generator_writes() -> None:
    assert generate.COMMANDS.read_text(encoding="utf-8") == generate.render_commands()
    for page, blocks in generate.render_blocks().items():
        text = page.read_text(encoding="utf-8")
        assert generate.fill_blocks(text, blocks) == text


def test_the_figures_of_the_nih_table_are_what_the_command_says(
    nih_table: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    result = xlite_ok(
        *("verify-balance", "--labels", nih_table, "--compare", "--out", tmp_path, "--json")
    )
    samplers = json.loads(result.stdout)["samplers"]
    kept = json.loads((generate.RESULTS / "nih_samplers.json").read_text(encoding="utf-8"))
    assert list(kept) == list(samplers)
    for name, row in kept.items():
        for key, value in row.items():
            assert samplers[name][key] == pytest.approx(value, rel=1e-3, abs=1e-6), (name, key)


def test_the_readme_is_a_page_and_a_half_with_a_dozen_speeds() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 140
    speeds = text[text.index("<!-- begin: speed -->") : text.index("<!-- end: speed -->")]
    assert speeds.count("\n| ") == 2 + 12
    rows = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))["rows"]
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert all(f"| {row['name']} |" in page for row in rows)


def name_parts(block: str) -> set[tuple[str, str]]:
    """What a block of Python takes from xlite: pairs of a module and a name in it."""
    nodes = list(ast.walk(ast.parse(block)))
    taken = {
        (node.module, alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    attributes = (node for node in nodes if isinstance(node, ast.Attribute))
    return taken | {
        ("xlite", node.attr)
        for node in attributes
        if isinstance(node.value, ast.Name) and node.value.id == "xlite"
    }


def test_python_in_pages_takes_what_is_there() -> None:
    taken = set()
    for page in PAGES:
        for block in re.findall(
            r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
        ):
            # A page may show a session, whose lines doctest runs.
            taken |= set() if block.startswith(">>>") else name_parts(block)
    assert {("xlite", "train"), ("xlite.signals", "catch_stop_signals")} <= taken
    for module, name in taken:
        assert hasattr(importlib.import_module(module), name), f"{module}: {name}"


def test_the_recipe_counts_what_the_nih_table_holds(nih_table: Path) -> None:
    manifest = read_manifest(nih_table)
    page = (ROOT / "docs" / "nih.md").read_text(encoding="utf-8")
    assert len(manifest) == nih_blocks.NUM_IMAGES
    assert f"{len(manifest):,} frontal radiographs of {len(set(manifest.patient_ids)):,} p" in page
    assert f"{manifest.num_no_finding:,} have none of them" in page


EXPLAINS_RECORDS = {"report.md", "commands.md", "EXPERIMENT_LOG.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_speaks_of_nothing_that_no_page_explains(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "precursor" not in text.casefold()
    assert page.name in EXPLAINS_RECORDS or not re.search(r"EXP-\d", text)


def to_anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors_of(page: Path) -> set[str]:
    """What links to a heading of the page may name: as GitHub writes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {to_anchor(heading) for heading in headings}


def test_links_in_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            if target.startswith("http"):
                continue
            name, _, anchor = target.partition("#")
            linked = page.parent / name if name else page
            assert linked.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in anchors_of(linked), f"{page.name}: {target}"


GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### (.*)\n((?:.+\n)+)", GLOSSARY, re.MULTILINE))


@pytest.mark.parametrize("term", ENTRIES)
def test_each_term_of_the_glossary_is_linked_by_the_pages_that_it_names(term: str) -> None:
    pages = re.findall(r"\]\((\w+\.md)\)", ENTRIES[term].partition("→")[2])
    assert pages
    for page in pages:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert f"](glossary.md#{to_anchor(term)})" in text, f"{page} uses {term} without a link"


def test_the_glossary_is_in_order() -> None:
    terms = [term.casefold() for term in ENTRIES]
    assert len(terms) > 40
    assert terms == sorted(terms)
    assert terms == [term.casefold() for term in re.findall(r"^### (.*)$", GLOSSARY, re.MULTILINE)]
