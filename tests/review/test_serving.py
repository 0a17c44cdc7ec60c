"""`harvest review --serve` as it is started and ended, and ImageRearranger's list on the command line."""

from __future__ import annotations

import json
import signal
import socket

import httpx
import pytest

from harvest.cli.main import cli
from harvest.errors import UsageError
from harvest.ledger import open_ledger, reviews
from tests.review.walls import hang, started


@pytest.fixture
def shas(herbarium, picture):
    met = [herbarium.meet(picture(number, 60, 60)) for number in range(4)]
    herbarium.crawl()
    hang(herbarium.workspace, met)
    return met


def run(herbarium, recipe, capsys, *arguments: object) -> tuple[str, str]:
    command = [
        "review",
        str(recipe.file),
        *map(str, arguments),
        "--by",
        "Ada Moss",
        "-w",
        str(herbarium.workspace.root),
    ]
    cli.main(command, prog_name="harvest", standalone_mode=False)
    return capsys.readouterr()


def test_it_says_where_it_is_and_ends_with_what_was_said_saved(herbarium, recipe, shas) -> None:
    file = recipe("filter: [reviewed: {}]").file
    with started(herbarium.workspace, file) as server:
        root = f"http://127.0.0.1:{server.port}"
        assert server.url.startswith(f"{root}/?token=")
        with httpx.Client(base_url=root, headers={"origin": root}, trust_env=False) as client:
            assert client.get(server.url, follow_redirects=True).status_code == 200
            body = {"verdicts": [{"sha256": shas[1], "verdict": "drop"}]}
            assert client.post("/api/verdicts", json=body).status_code == 200

        server.process.send_signal(signal.SIGINT)
        _, words = server.process.communicate(timeout=60)

    assert server.process.returncode == 0, words
    assert "1 change saved" in words
    with open_ledger(herbarium.workspace) as con:
        (row,) = reviews(con, "shells", "filter")
    assert (row.sha256, row.verdict, row.decided_by) == (shas[1], "drop", "Ada Moss")


def test_a_port_that_is_taken_is_said(herbarium, recipe, shas, capsys) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"^--port {port}: nobody can listen there: Address already in use$"):
            run(herbarium, recipe(), capsys, "--serve", "--port", port)


def test_without_a_mosaic_there_is_nothing_to_serve(herbarium, recipe, picture, capsys) -> None:
    herbarium.meet(picture(1, 60, 60))
    herbarium.crawl()
    with pytest.raises(UsageError, match=r"^'shells' has no mosaic yet; `harvest layout RECIPE` makes it$"):
        run(herbarium, recipe(), capsys, "--serve")


def test_a_recipe_with_several_mosaics_is_asked_for_one_by_name(herbarium, recipe, shas, capsys, tmp_path) -> None:
    hang(herbarium.workspace, shas[::-1], name="backwards")
    both = recipe("layout: [{features: pixels}, {name: backwards, features: pixels}]")
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps([{"filename": "shell-0.jpg", "row": 0, "col": 0}]))

    run(herbarium, both, capsys, "--of", "filter", "--from", mine, "--layout", "backwards")

    with open_ledger(herbarium.workspace) as con:
        assert [row.sha256 for row in reviews(con, "shells", "filter")] == [shas[3]]
    with pytest.raises(UsageError, match=r"^--layout sideways: expected one of .*shells.yaml: shells, backwards$"):
        run(herbarium, both, capsys, "--serve", "--layout", "sideways")


def test_the_wall_and_verdicts_are_commands_of_their_own(herbarium, recipe, shas, capsys) -> None:
    with pytest.raises(UsageError, match=r"^--serve shows the wall; give verdicts"):
        run(herbarium, recipe(), capsys, "--serve", "--of", "filter", "--drop", shas[0])


def test_a_bad_list_goes_in_and_comes_out(herbarium, recipe, shas, capsys, tmp_path) -> None:
    bad = [{"filename": "shell-2.jpg", "row": 0, "col": 2}]
    mine, theirs = tmp_path / "mine.json", tmp_path / "theirs.json"
    mine.write_text(json.dumps([*bad, {"filename": "gone.jpg", "row": 0, "col": 0}]))

    _, words = run(herbarium, recipe(), capsys, "--of", "filter", "--from", mine)
    run(herbarium, recipe(), capsys, "--bad-list", theirs)

    assert "1 are not on the wall of 'shells': gone.jpg" in words
    with open_ledger(herbarium.workspace) as con:
        assert {row.sha256: row.verdict for row in reviews(con, "shells", "filter")} == {shas[2]: "drop"}
    assert json.loads(theirs.read_text()) == bad
    with pytest.raises(UsageError, match=r"says which images to leave out; --of filter takes it$"):
        run(herbarium, recipe(), capsys, "--from", mine)
