"""The commands as users type them: documented, helpful, and honest in their exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest

from harvest.cli.main import COMMANDS, cli

ROOT = Path(__file__).parent.parent.parent
Harvest = Callable[..., CompletedProcess[str]]

SPIDERS = sorted(path.stem for path in (ROOT / "spiders").glob("[a-z]*.py"))
SOURCE = "name: shells\nspider: gallery\ncontact: me@example.org\noptions: {start: ['http://127.0.0.1:9/']}\n"


def test_the_readme_documents_every_command_and_no_other() -> None:
    rows = re.findall(r"^\| `harvest ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == list(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)

    assert command is not None
    assert command.help
    assert all(getattr(option, "help", "") or option.param_type_name == "argument" for option in command.params)


def test_help_lists_the_commands_in_the_order_of_the_work(harvest: Harvest) -> None:
    answer = harvest("--help")

    assert answer.returncode == 0
    places = [answer.stdout.index(f"\n  {name} ") for name in ("demo", "run", "crawl", "dedupe", "export", "audit")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nonsense",), 2, "No such command 'nonsense'"),
        (("run", "absent.yaml"), 2, "absent.yaml"),
        (("status",), 2, "`harvest crawl SOURCE.yaml` makes one"),
        (("sql", "SELECT 1"), 2, "no ledger at"),
    ],
)
def test_mistakes_of_usage_end_with_2_and_one_message(
    harvest: Harvest, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    answer = harvest(*arguments, "-w", tmp_path / "none")

    assert answer.returncode == code
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr


def test_sql_that_writes_is_refused(harvest: Harvest, small_demo: Path) -> None:
    answer = harvest("sql", "DROP TABLE images", "-w", small_demo)

    assert answer.returncode == 2
    assert "expected a statement that reads" in answer.stderr


def test_a_config_error_is_one_line_with_file_path_and_expectation(harvest: Harvest, tmp_path: Path) -> None:
    source = tmp_path / "shells.yaml"
    source.write_text(SOURCE + "pace: {delay: fast}\n")

    answer = harvest("crawl", source, "-w", tmp_path / "w")

    assert answer.returncode == 2
    assert answer.stderr == f"{source}: pace.delay: expected a number >= 0, got 'fast'\n"


def test_a_source_that_does_not_answer_ends_with_3(harvest: Harvest, tmp_path: Path) -> None:
    source = tmp_path / "shells.yaml"
    source.write_text(SOURCE + "pace: {delay: 0, retries: 0}\n")

    answer = harvest("crawl", source, "-w", tmp_path / "w")

    assert answer.returncode == 3
    assert "Traceback" not in answer.stderr


def test_weights_that_are_not_here_end_with_4_and_the_two_ways_out(harvest: Harvest, tmp_path: Path) -> None:
    recipe = tmp_path / "shells.yaml"
    recipe.write_text(
        "name: shells\nfilter:\n  - clip: {model: ViT-B-32/laion2b_s34b_b79k, keep: [a shell], reject: [a chart]}\n"
    )

    answer = harvest("run", recipe, "-w", tmp_path / "w", HF_HUB_CACHE=str(tmp_path / "empty"))

    assert answer.returncode == 4
    assert "hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K" in answer.stderr
    assert "features: pixels" in answer.stderr
    assert not (tmp_path / "w").exists()


def test_json_goes_to_stdout_and_words_to_stderr(harvest: Harvest, small_demo: Path) -> None:
    answer = harvest("verify", "--json", "-w", small_demo)

    assert json.loads(answer.stdout)["differences"] == []


def test_status_shows_sources_outcomes_and_verdicts(harvest: Harvest, small_demo: Path) -> None:
    answer = harvest("status", "-w", small_demo)

    assert answer.returncode == 0
    for word in ("flickr", "stored", "refused", "CC-BY-4.0", "filter.clip", "drop", "256 px"):
        assert word in answer.stdout, word


def test_an_image_tells_its_story(harvest: Harvest, small_demo: Path) -> None:
    rows = json.loads(harvest("sql", "SELECT sha256 FROM exports LIMIT 1", "--json", "-w", small_demo).stdout)

    answer = harvest("audit", "--image", rows[0]["sha256"][:12], "-w", small_demo)

    assert answer.returncode == 0
    assert rows[0]["sha256"] in answer.stdout
    assert "sighting" in answer.stdout


def test_doctor_tells_what_is_here(harvest: Harvest) -> None:
    answer = harvest("doctor", "--json")

    parts = {finding["part"]: finding for finding in json.loads(answer.stdout)}
    assert answer.returncode == 0
    assert parts["weights harvest-demo"]["ok"]
    assert parts["browser"]["ok"]
    assert parts["duckdb"]["found"]


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "open_clip", "umap", "playwright"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
from harvest.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", [("status",), ("audit",), ("verify",), ("sql", "SELECT 1 AS one"), ("--help",)])
def test_ledger_and_audit_work_without_torch_umap_and_browser(copy_of_demo: Path, command: tuple[str, ...]) -> None:
    place = [] if command == ("--help",) else ["-w", str(copy_of_demo)]

    answer = subprocess.run(
        [sys.executable, "-c", BLOCKED, *command, *place], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert answer.returncode == 0, answer.stderr


def test_scrapy_lists_the_spiders_from_the_root_and_from_a_subfolder() -> None:
    for folder in (ROOT, ROOT / "configs" / "sources"):
        command = [sys.executable, "-m", "scrapy", "list"]
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert answer.stdout.split() == SPIDERS, answer.stderr
