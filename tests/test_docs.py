"""What the documents say is so: their examples run, their links lead somewhere, their commands exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

HOME = Path(__file__).resolve().parent.parent
PAGES = [HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[ ]?([\w.-]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """(file name or empty, text) of each fenced block in one language."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(name, text) for kind, name, text in found if kind == language]


def named_files(page: Path) -> dict[str, str]:
    """The files that a page shows: blocks whose first line names one, as in "```yaml desk.yaml"."""
    return {name: text for kind in ("yaml", "csv") for name, text in blocks(page, kind) if name}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python, and the commands of blocks "```sh run", one after another in one folder."""
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    for kind, name, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if (kind, name) == ("sh", "run"):
            command(text)
        elif kind == "python":
            exec(compile(text, page.name, "exec"), space)  # noqa: S102  # our own documents


def command(text: str) -> None:
    """Run the lines of a block that give a command of ours."""
    import cli

    for line in text.replace("\\\n", " ").splitlines():
        name, *words = shlex.split(line)
        assert name == "peakdesk"
        done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
        assert done.exit_code in (cli.Exit.DONE, cli.Exit.NOT_CERTIFIED), done.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


FILES = named_files(HOME / "docs" / "files.md")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yaml")])
def test_scenario_examples_load(name: str, tmp_path: Path) -> None:
    from sim.scenario_file import load

    for other, text in FILES.items():
        (tmp_path / other).write_text(text, encoding="utf-8")
    load(tmp_path / name)


def test_every_figure_is_explained(tmp_path: Path) -> None:
    from sim.experiment import experiment
    from sim.formulas import FORMULAS
    from sim.scenario_file import load
    from sim.summary import summarise

    for name in ("desk.yaml", "bot.yaml"):
        (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    records = summarise(experiment(load(tmp_path / "bot.yaml"), replications=2, seed=1))
    page = (HOME / "docs" / "results.md").read_text(encoding="utf-8")
    assert [formula for formula in FORMULAS if not re.search(rf"\b{formula}\b", page)] == []
    assert {record.measure for record in records if f"`{record.measure}`" not in page} == set()


def test_the_readme_shows_every_room() -> None:
    layout = (HOME / "README.md").read_text(encoding="utf-8")
    rooms = [path.name for room in ("sim", "planner") for path in sorted((HOME / room).glob("*.py"))]
    parts = [name for name in rooms if not name.startswith(("scenario_", "__init__"))]
    assert [name for name in parts if name not in layout] == []


def test_the_readme_lists_the_commands_that_there_are() -> None:
    import cli

    there_are = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    there_are |= {group.typer_instance.info.name for group in cli.app.registered_groups}
    there_are |= {group.typer_instance.info.name for group in cli.app.registered_groups}
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `peakdesk (\w+)", readme, re.MULTILINE)) == there_are
