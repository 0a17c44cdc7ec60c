"""Who may ask the review server, what it serves, and what it takes."""

from __future__ import annotations

import http.client
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from harvest.ledger import open_ledger, reviews
from harvest.review import Wall, verdicts
from harvest.workspace import Workspace
from tests.review.walls import TOKEN, Served, hang, served
from tests.stages.conftest import Herbarium


@pytest.fixture(scope="module")
def home(tmp_path_factory, picture) -> tuple[Any, list[str]]:
    """A workspace with six pictures, and their sha256s."""
    herbarium = Herbarium(Workspace(tmp_path_factory.mktemp("home") / "workspace"))
    shas = [herbarium.meet(picture(number, 60, 60)) for number in range(6)]
    herbarium.crawl()
    hang(herbarium.workspace, shas, columns=3)
    return herbarium.workspace, shas


@pytest.fixture(scope="module")
def server(home) -> Iterator[Served]:
    with served(Wall(home[0], "shells", decided_by="Ada Moss", reason="on the wall")) as server:
        yield server


@pytest.fixture
def client(server) -> Iterator[httpx.Client]:
    """Somebody who came by the address that the terminal showed."""
    with httpx.Client(base_url=server.root, headers={"origin": server.root}, trust_env=False) as client:
        client.get(f"/?token={TOKEN}")
        yield client


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_have(server) -> None:
    with httpx.Client(trust_env=False) as client:
        answer = client.get(server.url)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        page = client.get(f"{server.root}/")
    assert page.status_code == 200
    assert TOKEN not in page.text


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/api/state", "/wall.js", "/layouts/shells/mosaic.png"]
)
def test_without_the_token_nothing_is_served(server, path) -> None:
    answer = httpx.get(server.root + path, trust_env=False)
    assert answer.status_code == 403
    assert "harvest review --serve" in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}", "", "[::1]:{port}"]
)
def test_other_hosts_are_refused_also_with_the_token(server, host) -> None:
    answer = httpx.get(server.url, headers={"host": host.format(port=server.port)}, trust_env=False)
    assert answer.status_code in {400, 421}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", None])
def test_only_its_own_pages_write(server, client, home, origin) -> None:
    headers = {} if origin is None else {"origin": origin}
    cookies = dict(client.cookies)
    body = {"verdicts": [{"sha256": home[1][0], "verdict": "drop"}]}
    answer = httpx.post(f"{server.root}/api/verdicts", json=body, headers=headers, cookies=cookies, trust_env=False)
    assert answer.status_code == 403
    assert reviewed(home) == {}


def test_a_form_of_another_kind_is_not_read(client, server) -> None:
    as_json = {"content-type": "application/json"}
    assert client.post("/api/verdicts", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert client.post("/api/verdicts", content=iter([b"{}"]), headers=as_json).status_code == 411
    assert client.put("/api/verdicts", json={}).status_code == 405
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("POST", "/api/verdicts")
    for name, value in {**as_json, "origin": server.root, "cookie": cookie(client), "content-length": 2**40}.items():
        connection.putheader(name, str(value))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def cookie(client: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def test_no_function_of_the_page_takes_another_ones_name(client) -> None:
    """All scripts are one scope, in which a later function of a name silently takes the place of an earlier one."""
    names = re.findall(r"^(?:async )?function\*? (\w+)", client.get("/wall.js").text, re.MULTILINE)
    assert len(names) > 50
    assert [name for name, times in Counter(names).items() if times > 1] == []


@pytest.mark.parametrize("path", ["/", "/wall.js", "/wall.css", "/api/state", "/layouts/shells/mosaic.png", "/nowhere"])
def test_every_answer_is_strict(client, path) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_serves_what_the_wall_shows(client, home) -> None:
    workspace, _ = home
    folder = workspace.layouts / "shells"
    (cards,) = folder.glob("cards-*/0.js")
    original = next(workspace.originals.glob("*/*"))
    for path in (folder / "mosaic.png", cards, original):
        answer = client.get("/" + path.relative_to(workspace.root).as_posix())
        assert (answer.status_code, answer.content) == (200, path.read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "/layouts/shells/../../ledger.duckdb",
        "/layouts/shells/..%2f..%2fledger.duckdb",
        "/layouts/shells/%2e%2e/%2e%2e/ledger.duckdb",
        "/layouts/shells/layout.parquet",
        "/layouts/shells/index.html",
        "/layouts/other/mosaic.png",
        "/ledger.duckdb",
        "/journal/x/000001.jsonl",
        "/originals/../ledger.duckdb",
        "/originals//etc/passwd",
        "/originals/ab/secret.jpg",
        "/originals/%00/x.jpg",
        "/derived/../../../../../../etc/passwd.png",
        "/copies/..%2f..%2fledger.jpg",
        "/docs",
    ],
)
def test_serves_nothing_else(server, client, home, tmp_path, path) -> None:
    """Links out of the folder included; asked for to the letter, because clients tidy paths up."""
    workspace, _ = home
    link = workspace.originals / "ab" / "secret.jpg"
    link.parent.mkdir(exist_ok=True)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "secret.jpg")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", path, headers={"Cookie": cookie(client)})
    answer = connection.getresponse()
    assert answer.status == 404
    connection.close()


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("verdicts", {}, "verdicts: expected a list of 1 to 100,000 entries"),
        ("verdicts", {"verdicts": [3]}, "verdicts: expected a list of objects, got [3]"),
        (
            "verdicts",
            {"verdicts": [{"verdict": "burn"}]},
            "verdicts[0].verdict: expected one of keep, drop, undo, got 'burn'",
        ),
        (
            "verdicts",
            {"verdicts": [{"verdict": "keep", "sha256": "00"}]},
            "verdicts[0]: expected an image that this page shows",
        ),
        ("verdicts", {"stage": "crawl"}, "stage: expected filter or dedupe, got 'crawl'"),
        ("labels", {"labels": [{"label": " "}]}, "labels[0].label: expected a word of at most 100 letters, got ' '"),
        (
            "bad-list",
            {"a": 1},
            'badList.json: expected a list of {"filename", "row", "col"}, as ImageRearranger saves it',
        ),
        ("bad-list", [{"row": 1}], "badList.json: [0].filename: expected a file name, got None"),
    ],
)
def test_says_where_the_fault_is_and_writes_nothing(client, home, path, body, error) -> None:
    answer = client.post(f"/api/{path}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert reviewed(home) == {}


def test_a_ledger_that_others_hold_is_said_and_the_rest_goes_on(client, home, server, monkeypatch) -> None:
    def impatient(workspace, **options):
        return open_ledger(workspace, **options, wait=0.2)

    monkeypatch.setattr(verdicts, "open_ledger", impatient)
    body = {"verdicts": [{"sha256": home[1][0], "verdict": "keep"}]}
    with open_ledger(home[0]):
        answer = client.post("/api/verdicts", json=body)
        assert answer.status_code == 503
        assert "the ledger" in answer.json()["error"]
        assert client.get("/layouts/shells/mosaic.png").status_code == 200
    assert client.post("/api/verdicts", json=body).status_code == 200
    assert reviewed(home) == {home[1][0]: "keep"}
    client.post("/api/verdicts", json={"verdicts": [{"sha256": home[1][0], "verdict": "undo"}]})
    assert reviewed(home) == {}


def reviewed(home) -> dict[str, str]:
    with open_ledger(home[0]) as con:
        return {row.sha256: row.verdict for row in reviews(con, "shells", "filter")}
