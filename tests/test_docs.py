"""The documentation says what is: every command and option in README, its examples run, its links lead somewhere."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import click
import pytest
from PIL import Image

from skinscan.cli import main
from skinscan.records import Flag, Scale
from tests.readme import ROOT, blocks, command

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [c for c in main.commands.values() if isinstance(c, click.Command)]


@pytest.mark.parametrize("one", COMMANDS, ids=lambda c: str(c.name))
def test_every_command_is_in_the_readme_with_an_example(one: click.Command) -> None:
    assert f"`skinscan {one.name}" in README
    assert one.help


def test_every_option_of_the_main_job_is_in_the_readme() -> None:
    for name in ("assess", "compare", "course"):
        for option in main.commands[name].params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[0]}" in README, option.opts[0]


def test_the_shell_examples_use_commands_and_options_that_exist() -> None:
    seen = 0
    for block in blocks("sh"):
        for line in block.splitlines():
            if line.startswith("skinscan "):
                name = line.split()[1]
                known = {opt for p in main.commands[name].params for opt in p.opts}
                assert set(re.findall(r"(--[a-z-]+)", line)) <= known, line
                seen += 1
    assert seen >= 5


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch, photo_path: Path, tmp_path: Path) -> None:
    for name in ("photo.jpg", "before.jpg", "after.jpg"):
        shutil.copy(photo_path, tmp_path / name)
    (tmp_path / "photos").mkdir()
    shutil.copy(photo_path, tmp_path / "photos" / "2026-01-12.jpg")
    with Image.open(photo_path) as photo:
        photo.save(tmp_path / "photos" / "2026-04-12.jpg", quality=90)
    monkeypatch.chdir(tmp_path)
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})


def test_the_two_commands_are_one_line_each() -> None:
    assert command("skinscan demo").startswith("python3 -m venv .venv && ")
    assert "[test]" in command("-m pytest -q -n auto")


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md"), *ROOT.glob("datasets/**/*.md")])


def test_the_layers_are_those_that_are_enforced() -> None:
    """Once: two lines would be two truths."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    told = re.findall(r"^    (.* -> .*)$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert told == [" -> ".join(layers)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_said_twice(path: Path) -> None:
    """A merge that kept both sides: a sentence, a heading or a row of a table twice in a page."""
    text = re.sub(r"<!-- table: .*?<!-- end: [a-z]+ -->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    prose = "\n".join("" if line.startswith("|---") else line for line in text.splitlines())
    said = [" ".join(part.split()) for part in re.split(r"(?<=[.:;])\s|\n(?=[-#|])|\n\n", prose)]
    long = [sentence for sentence in said if len(sentence) > 25 and not sentence.startswith("|")]
    assert sorted(sentence for sentence in set(long) if long.count(sentence) > 1) == []
    rows = [line for line in prose.splitlines() if re.match(r"\| `", line)]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_every_page_of_the_documentation_is_linked_once_from_the_readme() -> None:
    last = README.split("## More")[1]
    for path in ROOT.glob("docs/*.md"):
        if not path.name.endswith(".template.md"):
            assert last.count(f"](docs/{path.name})") == 1, path.name


def test_every_source_of_a_scale_is_documented() -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    for source in get_args(get_type_hints(Scale)["source"]):
        assert page.count(f"| `{source}` |") == 1, source


def test_every_reason_for_refusal_is_documented() -> None:
    page = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    missing = [flag.value for flag in Flag if f"`{flag.value}`" not in page]
    assert missing == []


def test_the_readmes_figures_of_cards_and_registration_are_those_of_the_studies() -> None:
    table = json.loads((ROOT / "datasets" / "study" / "card_accuracy.json").read_text(encoding="utf-8"))
    whole, tones = table["cross_polarised"]["all"], table["cross_polarised"]["by_tone"]
    told = " ".join(README.split())
    assert (
        f"dE00 {whole['de00_mean']:.2f} in the mean, {whole['de00_p95']:.2f} at 95 %, a* {whole['a_rms']:.2f} rms"
        in told
    )
    assert f"(a 3x3 matrix: {whole['plain_de00_mean']:.1f} and {whole['plain_a_rms']:.1f})" in told
    lightest, darkest = (f"{of([row['de00_mean'] for row in tones.values()]):.2f}" for of in (max, min))
    assert f"between {darkest} and {lightest} by tone" in told
    assert f"In light that skin mirrors {table['glossy']['all']['de00_mean']:.1f}," in told
    found = re.search(
        r"\| all \|  \| 500 \| ([\d.]+) % \| 0 \|", (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    )
    assert found is not None
    assert f"found in {found[1]} % of 500 scenes" in told
    page = (ROOT / "docs" / "registration.md").read_text(encoding="utf-8")
    same, moved = (
        re.search(rf"^\| {name} \| \d+ \| \d+% \| ([\d.]+) ", page, re.MULTILINE) for name in ("same light", "light 45")
    )
    assert same is not None
    assert moved is not None
    assert f"within {same[1]} px, and {moved[1]} px where the lamp moved by 45 degrees" in told


def test_the_results_have_been_made() -> None:
    for name in ("pores", "placebo", "power", "speed"):
        table = README.split(f"<!-- table: {name} -->")[1].split(f"<!-- end: {name} -->")[0]
        assert table.count("\n|") >= 6, f"run: make results, or make bench ({name})"
