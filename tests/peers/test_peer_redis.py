"""One crawl by several workers through a real Redis: nothing lost, nothing twice, whoever dies."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from harvest.config.source import load_source
from harvest.ledger import TakedownRow, open_ledger, write_takedowns
from harvest.workspace import Workspace
from tests.crawl.conftest import ROOT
from tests.patience import PATIENCE, processes_with, wait_until
from tests.peers.redis_server import PASSWORD, _redis_server  # noqa: F401 - a fixture

PICTURES = 90


@pytest.fixture
def gallery(site, jpeg):
    """Two listing pages with pictures that take their time."""
    for number in range(PICTURES):
        site.add(f"/p/{number}.jpg", jpeg(number), delay=0.1)
    pages = [[f"/p/{number}.jpg" for number in range(half, half + PICTURES // 2)] for half in (0, PICTURES // 2)]
    site.add_gallery(pages[0], head='<link rel="next" href="/second">')
    site.add_gallery(pages[1], path="/second")
    return site


@pytest.fixture
def worker(desk, redis_server):
    """Start a worker in a workspace of its own; whatever happens, none outlives the test."""
    started = []

    def start(source, name):
        command = [sys.executable, "-m", "harvest.crawl", str(source), "-w", str(desk.folder / name)]
        environment = {**os.environ, "HARVEST_SCHEDULER": redis_server.url}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        with process:  # closes the pipes too
            process.kill()


def ended(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, json.loads(out.splitlines()[-1]) if out.strip() else {}, err


def rows(folder, statement):
    with open_ledger(Workspace(folder)) as con:
        return con.execute(statement).fetchall()


def images_asked(site):
    return Counter(site.asked("/p/"))


def lines_of(folder):
    """How many sightings are in the journals of a workspace."""
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("journal/*/*.jsonl"))


@pytest.mark.long
def test_three_workers_of_whom_one_is_killed_lose_and_double_nothing(desk, gallery, redis_server, worker, harvest):
    # What a dead worker was fetching counts as under way at its host until the fetch must have timed out.
    source = desk.source(pace={"delay": 0, "concurrency": 100, "retries": 1})
    gallery.hold("/p/", after=10)
    team = {name: worker(source, name) for name in ("one", "two", "three")}
    # A worker has at most 32 images in hand: when 80 are asked for and held, all three are at it.
    wait_until(lambda: len(images_asked(gallery)) == PICTURES, *team.values())
    team["two"].kill()
    ended(team["two"])
    gallery.release()
    others = [ended(team[name]) for name in ("one", "three")]

    assert [(code, last["outcome"]) for code, last, _ in others] == [(0, "finished")] * 2
    joined = harvest("ingest", *(desk.folder / name for name in team), "-w", desk.folder / "all", "--json")

    assert joined.returncode == 0, joined.stderr
    assert json.loads(joined.stdout)["sightings"] == PICTURES
    assert rows(desk.folder / "all", "SELECT count(*), count(DISTINCT image_url) FROM sightings") == [(PICTURES,) * 2]
    assert rows(desk.folder / "all", "SELECT count(*) FROM images") == [(PICTURES,)]
    assert rows(desk.folder / "all", "SELECT count(DISTINCT crawl_id), count(*) FROM runs") == [(1, 3)]
    asked = images_asked(gallery)
    assert len(asked) == PICTURES
    assert max(asked.values()) <= 2
    assert all(last["met"] > PICTURES // 10 for _, last, _ in others)
    assert harvest("verify", "-w", desk.folder / "all").returncode == 0
    wait_until(lambda: not [key for key in redis_server.client.scan_iter() if b"pace" not in key])


@pytest.mark.long
def test_what_one_workers_workspace_took_down_no_worker_brings_in(desk, gallery, jpeg, worker):
    gone = hashlib.sha256(jpeg(PICTURES - 1)).hexdigest()
    with open_ledger(Workspace(desk.folder / "one"), write=True) as con:
        write_takedowns(
            con, [TakedownRow(sha256=gone, reason="asked", requested_by="me", request="r", matched="sha256")]
        )
    source = desk.source(pace={"delay": 0.25, "concurrency": 1, "retries": 1})
    team = [worker(source, "one")]
    wait_until(lambda: any((desk.folder / "one" / "journal").glob("*/000001.jsonl")))
    team.append(worker(source, "two"))

    assert [ended(process)[0] for process in team] == [0, 0]

    crawls = [rows(desk.folder / name, "SELECT crawl_id FROM runs") for name in ("one", "two")]
    assert crawls[0] == crawls[1]
    assert not list(desk.folder.glob(f"*/originals/*/{gone}.jpg"))
    fates = [
        fate
        for name in ("one", "two")
        for fate in rows(desk.folder / name, f"SELECT outcome, reason FROM sightings WHERE sha256 = '{gone}'")
    ]
    assert fates == [("refused", "takedown: these bytes were taken down")]


def test_what_a_lone_worker_left_when_it_was_killed_is_done_by_the_next_one(desk, gallery, worker):
    source = desk.source(pace={"delay": 0, "concurrency": 12, "retries": 1})
    gallery.hold("/p/", after=PICTURES // 2)
    first = worker(source, "w")
    wait_until(lambda: lines_of(desk.folder / "w") > 10, first)
    first.kill()
    ended(first)
    gallery.release()

    code, last, _ = ended(worker(source, "w"))

    assert (code, last["outcome"]) == (0, "finished")
    assert rows(desk.folder / "w", "SELECT count(*), count(DISTINCT image_url) FROM sightings") == [(PICTURES,) * 2]
    assert sorted(rows(desk.folder / "w", "SELECT outcome FROM runs")) == [("continued",), ("finished",)]
    journaled = PICTURES - last["met"]
    assert journaled > 0
    assert sum(images_asked(gallery).values()) <= PICTURES + 32
    assert max(images_asked(gallery).values()) <= 2
    # The crawl is over, so the next one asks anew, and finds everything young enough.
    again, last, _ = ended(worker(source, "w"))
    assert (again, last["met"], last["unchanged"]) == (0, PICTURES, PICTURES)


def test_an_interrupted_worker_gives_back_what_it_had(desk, gallery, redis_server, worker):
    source = desk.source(pace={"delay": 0, "concurrency": 4, "retries": 1})
    gallery.hold("/p/", after=PICTURES // 2)
    first = worker(source, "w")
    wait_until(lambda: lines_of(desk.folder / "w") > 10, first)
    first.send_signal(signal.SIGINT)
    gallery.release()
    code, last, _ = ended(first)
    assert (code, last["outcome"]) == (130, "interrupted")
    # Nobody has to wait until a worker that has left counts as dead.
    assert not [key for key in redis_server.client.scan_iter() if key.endswith((b":pending", b":workers"))]

    code, rest, _ = ended(worker(source, "w"))

    assert (code, rest["outcome"]) == (0, "finished")
    assert last["met"] + rest["met"] == PICTURES
    assert max(images_asked(gallery).values()) <= 2


def test_processes_share_one_source_through_a_redis_of_their_own(desk, gallery, harvest):
    source = desk.source(pace={"delay": 0, "concurrency": 12, "retries": 1}, expect={"min": PICTURES})

    done = harvest("crawl", source, "--processes", 3, "-w", desk.workspace.root, "--json")

    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert (report["outcome"], report["counts"]["met"], report["counts"]["stored"]) == ("finished", PICTURES, PICTURES)
    assert re.findall(r"crawl trial: +(\d+)", done.stderr) == [str(PICTURES)]
    assert set(images_asked(gallery).values()) == {1}
    assert desk.rows("SELECT count(*), count(DISTINCT crawl_id) FROM runs") == [(3, 1)]
    assert desk.rows("SELECT count(*), count(DISTINCT image_url) FROM sightings") == [(PICTURES,) * 2]
    assert gallery.asked("/second") == ["/second"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_processes_of_one_source_go_on_where_they_were_stopped(desk, gallery, harvest, end, monkeypatch):
    sockets = tempfile.mkdtemp()  # short, as the path of a socket has to be
    monkeypatch.setenv("TMPDIR", sockets)
    source = desk.source(pace={"delay": 0, "concurrency": 12, "retries": 1})
    root = str(desk.workspace.root)
    command = [sys.executable, "-m", "harvest", "crawl", str(source), "--processes", "2", "-w", root]
    # Workers wait for what is on its way when they stop, and fetch more until the word has reached them.
    gallery.hold("/p/", after=PICTURES // 2, seconds=3)
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as parent:
        wait_until(lambda: len(images_asked(gallery)) > 20, parent)
        parent.send_signal(end)
    wait_until(lambda: not processes_with(root))
    assert parent.returncode == (130 if end == signal.SIGINT else -signal.SIGKILL)
    assert len(images_asked(gallery)) < PICTURES
    gallery.release()

    done = harvest("crawl", source, "--processes", 2, "-w", desk.workspace.root, "--json")

    assert json.loads(done.stdout)[0]["outcome"] == "finished", done.stderr
    assert desk.rows("SELECT count(*), count(DISTINCT image_url) FROM sightings") == [(PICTURES,) * 2]
    assert desk.rows("SELECT count(DISTINCT crawl_id) FROM runs") == [(1,)]
    assert max(images_asked(gallery).values()) <= 2
    wait_until(lambda: not processes_with(sockets))
    assert not list(Path(sockets).iterdir())
    Path(sockets).rmdir()


def test_a_shared_crawl_keeps_to_its_limit(desk, gallery, harvest):
    source = desk.source(pace={"delay": 0, "concurrency": 12, "retries": 1})

    done = harvest("crawl", source, "--processes", 2, "--limit", 7, "-w", desk.workspace.root, "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["outcome"] == "limited"
    assert desk.rows("SELECT count(*) FROM sightings") == [(7,)]


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/harvest-was-here"),))


def test_what_this_program_did_not_write_is_refused(desk, redis_server, worker):
    source = desk.source()
    redis_server.client.hset("harvest:trial", mapping={"crawl_id": "x", "digest": load_source(source).digest})
    redis_server.client.zadd("harvest:trial:x:queue", {pickle.dumps({"url": Bomb()}): -5})

    code, last, err = ended(worker(source, "w"))

    assert code == 3
    assert last["message"].startswith("the queue of trial in Redis holds what this program did not write")
    assert "Traceback" not in err
    assert not Path("/tmp/harvest-was-here").exists()


def test_no_secret_is_in_redis_and_each_worker_has_its_own(desk, site, jpeg, redis_server):
    photos = [{"id": str(n), "title": "a", "owner": "o", "url_o": f"{site.url}/p/{n}.jpg"} for n in range(6)]
    for number in range(6):
        site.add(f"/p/{number}.jpg", jpeg(number))
    for page in (1, 2, 3):
        listing = {"page": page, "pages": 3, "total": 6, "photo": photos[2 * page - 2 : 2 * page]}
        site.add("/rest", json.dumps({"stat": "ok", "photos": listing}), delay=4 if page == 2 else 0)
    options = {"api_key": "${KEY}", "endpoint": f"{site.url}/rest", "users": ["1@N00"], "per_page": 2}
    source = desk.folder / "flickr.yaml"
    source.write_text(
        yaml.safe_dump(
            {
                "name": "trial",
                "spider": "flickr",
                "contact": "me@example.org",
                "allow_private_addresses": True,
                "pace": {"delay": 0, "concurrency": 1},
                "scheduler": "${SHARED}",
                "options": options,
            }
        )
    )
    environment = {**os.environ, "SHARED": redis_server.url, "KEY": "hush-hush-0815"}
    with subprocess.Popen(desk.command(source), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as first:
        wait_until(lambda: len(site.asked("/rest")) > 1, first)
        shown = redis_server.contents()
        first.send_signal(signal.SIGINT)
    shown += redis_server.contents()

    done = desk.crawl(source, env={**environment, "KEY": "another-key-0816"})

    assert done.code == 0, done.stderr
    assert desk.rows("SELECT count(*), count(DISTINCT image_url) FROM sightings") == [(6, 6)]
    assert b"api_key" in shown
    assert b"hush-hush" not in shown
    asked = [path.partition("api_key=")[2] for path in site.asked("/rest")]
    assert set(asked) <= {"hush-hush-0815", "another-key-0816"}
    written = b"".join(path.read_bytes() for path in desk.workspace.root.rglob("*") if path.is_file())
    assert not [word for word in (b"hush-hush", b"another-key", PASSWORD.encode()) if word in written]


def test_a_redis_that_does_not_answer_ends_the_crawl_in_one_line_without_its_password(desk, gallery, harvest):
    source = desk.source()

    done = harvest("crawl", source, "--scheduler", f"redis://me:{PASSWORD}@127.0.0.1:9/0", "-w", desk.workspace.root)

    assert done.returncode == 3
    assert done.stderr.count("scheduler redis://127.0.0.1:9/0: this Redis does not serve us") == 1
    assert PASSWORD not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not gallery.asked("/p/")


def test_a_wrong_password_and_a_wrong_address_are_told(desk, redis_server, harvest):
    source, wrong = desk.source(), redis_server.url.replace(PASSWORD, "guess-me")

    refused = harvest("crawl", source, "--scheduler", wrong, "-w", desk.workspace.root)
    nonsense = harvest("crawl", source, "--scheduler", "http://127.0.0.1/", "-w", desk.workspace.root)

    assert refused.returncode == 3
    assert "this Redis does not serve us: invalid username-password pair" in refused.stderr
    assert "guess-me" not in refused.stderr
    assert (nonsense.returncode, nonsense.stderr) == (2, "harvest: scheduler: expected redis://host:port/number\n")


def test_several_processes_for_a_source_need_a_redis(desk, harvest, tmp_path):
    done = harvest("crawl", desk.source(), "--processes", 2, "-w", desk.workspace.root, PATH=str(tmp_path))

    assert done.returncode == 4
    assert "apt-get install redis-server" in done.stderr
    assert "--scheduler" in done.stderr


def test_workers_with_different_configs_do_not_mix(desk, gallery, worker):
    source = desk.source(pace={"delay": 0, "concurrency": 2, "retries": 1})
    gallery.hold("/p/", after=1)
    first = worker(source, "w")
    wait_until(lambda: len(images_asked(gallery)) > 2, first)

    code, _, err = ended(worker(desk.source(max_age_days=1), "other"))
    first.send_signal(signal.SIGINT)
    gallery.release()
    ended(first)

    assert code == 2
    assert "other workers crawl this source now by another config" in err
