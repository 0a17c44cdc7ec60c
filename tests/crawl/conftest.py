"""A loopback site whose every answer a test decides, small real pictures, and crawls in processes of their own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from harvest.ledger import open_ledger
from harvest.workspace import Workspace
from tests.forked import Forked
from tests.ledgers import begun
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Answer:
    """What a path is answered with. `torn` says more Content-Length than is sent."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    torn: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as the server met it."""

    path: str
    headers: Mapping[str, str]
    at: float


@dataclass(frozen=True)
class Held:
    """Which requests wait for their answers: those under `prefix` but the first ones, so many seconds at most."""

    prefix: str
    after: int
    seconds: float
    released: threading.Event = field(default_factory=threading.Event)


class Site(ThreadingHTTPServer):
    """Answers as `add` said, else with 404."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.log: list[Asked] = []
        self.busy = self.busiest = 0
        self.counting = threading.Lock()
        self.held: Held | None = None
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, path: str, body: bytes | str, **answer: Any) -> str:
        """Answer `path`; said again, the answers are given one after another and the last one for ever."""
        content = body.encode() if isinstance(body, str) else body
        self.answers.setdefault(path, []).append(Answer(content, **answer))
        return f"{self.url}{path}"

    def add_gallery(self, pictures: list[str], path: str = "/", head: str = "", **answer: Any) -> str:
        cards = "".join(f'<figure><img src="{src}"><figcaption>{src}</figcaption></figure>' for src in pictures)
        headers = (("Content-Type", "text/html"),)
        return self.add(path, f"<html><head>{head}</head><body>{cards}", headers=headers, **answer)

    def hold(self, prefix: str, after: int, seconds: float = PATIENCE) -> None:
        """Answer so many requests under `prefix` of all that there are, and let others wait for `release`, or for so
        long each: however fast or slow a crawl is, it does not get beyond them before.
        """
        self.held = Held(prefix, after, seconds)

    def release(self) -> None:
        """Give the answers that are held, and hold none any more."""
        held, self.held = self.held, None
        if held is not None:
            held.released.set()

    def note(self, path: str, headers: Mapping[str, str]) -> Held | None:
        """Write down a request, and say whether its answer is held."""
        with self.counting:
            self.log.append(Asked(path, headers, time.monotonic()))
            held = self.held
            is_held = held and path.startswith(held.prefix) and len(self.asked(held.prefix)) > held.after
        return held if is_held else None

    def asked(self, prefix: str = "") -> list[str]:
        return [asked.path for asked in self.log if asked.path.startswith(prefix)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        held = self.server.note(self.path, {name.lower(): value for name, value in self.headers.items()})
        answers = self.server.answers.get(self.path) or self.server.answers.get(self.path.partition("?")[0])
        if not answers:
            answers = [Answer(b"nothing here", 404)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        with self.server.counting:
            self.server.busy += 1
            self.server.busiest = max(self.server.busiest, self.server.busy)
        if held:
            held.released.wait(held.seconds)
        time.sleep(answer.delay)
        with self.server.counting:
            self.server.busy -= 1
        etag = dict(answer.headers).get("ETag")
        status = 304 if etag and self.headers.get("If-None-Match") == etag else answer.status
        body = b"" if status == 304 else answer.body
        self.send_response(status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (100 if answer.torn else 0)))
        self.end_headers()
        self.wfile.write(body)
        if answer.torn:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class Crawled:
    """How one crawl in a process of its own went."""

    code: int
    events: list[dict[str, Any]]
    stderr: str

    @property
    def finished(self) -> dict[str, Any]:
        return self.events[-1]


@dataclass
class Desk:
    """A workspace, a source config beside it, and the commands to crawl with."""

    folder: Path
    site: Site
    crawls: Forked
    sources: int = field(default=0)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder / "workspace")

    def source(self, *, spider: str = "gallery", options: Mapping[str, Any] | None = None, **settings: Any) -> Path:
        values: dict[str, Any] = {
            "name": "trial",
            "spider": spider,
            "contact": "crawler@example.org",
            "allow_private_addresses": True,
            "pace": {"delay": 0, "concurrency": 4, "retries": 1},
            "options": options or {"start": [f"{self.site.url}/"]},
        }
        self.sources += 1
        path = self.folder / f"source-{self.sources}.yaml"
        path.write_text(yaml.safe_dump({**values, **settings}))
        return path

    def command(self, source: Path, *more: str) -> list[str]:
        return [sys.executable, "-m", "harvest.crawl", str(source), "-w", str(self.workspace.root), *more]

    def crawl(self, source: Path, *more: str, env: Mapping[str, str] | None = None) -> Crawled:
        """A crawl to its end: in a fork, or as a user starts it where the environment is another one.

        The former finds a ledger without rows where there is none.
        """
        command = self.command(source, *more)
        if env is None:
            if not self.workspace.ledger.exists():
                begun(self.workspace.root)
            done = self.crawls.run(command[3:], cwd=ROOT, timeout=PATIENCE)
        else:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, env=env, check=False
            )
        return Crawled(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with open_ledger(self.workspace) as con:
            return con.execute(statement).fetchall()

    def fates(self, columns: str = "outcome, reason") -> dict[str, tuple[Any, ...]]:
        """By path, the columns of every sighting."""
        rows = self.rows(f"SELECT image_url, {columns} FROM sightings ORDER BY run_id, seq")
        return {url.removeprefix(self.site.url): tuple(rest) for url, *rest in rows}


@contextmanager
def serving(server: HTTPServer) -> Iterator[None]:
    """Let a server answer in a thread of its own while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    with serving(server):
        yield server


@pytest.fixture(scope="session")
def crawls() -> Iterator[Forked]:
    """`python -m harvest.crawl`, over and over; `Desk.command` is for those who want it as a user starts it."""
    with Forked("harvest.crawl", ["harvest.crawl", "spiders"]) as forked:
        yield forked


@pytest.fixture
def desk(tmp_path: Path, site: Site, crawls: Forked) -> Desk:
    return Desk(tmp_path, site, crawls)


@pytest.fixture(scope="session")
def jpeg() -> Callable[[int], bytes]:
    """A small real photograph-like JPEG, another one for each number."""

    def make(number: int) -> bytes:
        noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noise).resize((96, 72), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
        return buffer.getvalue()

    return make
