"""All hosts of the museum behind one loopback port, which answers as a forward proxy and as each host itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from harvest.demo.museum.collection import Collection
from harvest.demo.museum.exhibit import API, ARCHIVE, CDN, GALLERY, STUDIO, TRUTH, Exhibit
from harvest.demo.museum.flickr import FlickrApi, FlickrCdn
from harvest.demo.museum.gallery import Gallery
from harvest.demo.museum.planted import write_truth
from harvest.demo.museum.studio import Studio
from harvest.demo.museum.thumbnails import Thumbnails
from harvest.demo.museum.wayback import Wayback
from harvest.demo.museum.web import Answer, Request, as_json, not_found, plain

__all__ = ["BUSY_ANSWERS", "Logged", "MuseumServer"]

#: How many times a flaky file answers 503 before it is served.
BUSY_ANSWERS: Final = 2


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the server's log."""

    method: str
    url: str
    status: int


class MuseumServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 at a free port. Nothing that it says leaves the machine."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, collection: Collection) -> None:
        thumbnails = Thumbnails(collection)
        self.log: list[Logged] = []
        self._collection = collection
        self._hosts: dict[str, Callable[[Request], Answer]] = {
            API: FlickrApi(collection),
            CDN: FlickrCdn(collection, thumbnails),
            ARCHIVE: Wayback(collection),
            GALLERY: Gallery(collection, thumbnails),
            STUDIO: Studio(collection, thumbnails),
            TRUTH: self._truth,
        }
        self._flaky: dict[str, Exhibit] = {each.url: each for each in collection.exhibits if each.kind == "flaky"}
        self._busy: dict[str, int] = defaultdict(int)
        self._lock = Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def proxy(self) -> str:
        """The address to give as a proxy."""
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, request: Request) -> Answer:
        """What the host that `request` names says, written down in the log unless it is the host of the truth."""
        host = self._hosts.get(request.host)
        if host is None:
            answer = plain(f"{request.host} is not one of the museum's hosts: {', '.join(self._hosts)}\n", 502)
        else:
            answer = self._busy_answer(request) or host(request)
        if request.host != TRUTH:
            self.log.append(Logged(request.method, request.url, answer.status))
        return answer

    def _busy_answer(self, request: Request) -> Answer | None:
        """503 twice for a flaky file, with a Retry-After of no or one second."""
        exhibit = self._flaky.get(request.url)
        if exhibit is None:
            return None
        with self._lock:
            self._busy[request.url] += 1
            if self._busy[request.url] > BUSY_ANSWERS:
                return None
        return plain("Busy, please come again\n", 503, ("Retry-After", str(exhibit.number % 2)))

    def _truth(self, request: Request) -> Answer:
        if request.path == "/truth.jsonl":
            return plain(write_truth(self._collection.truth))
        if request.path == "/requests.json":
            return as_json([asdict(line) for line in list(self.log)])
        return not_found()


class _Handler(BaseHTTPRequestHandler):
    server: MuseumServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "museum", ""
    timeout = 60
    disable_nagle_algorithm = True
    #: Status line, headers and body leave together.
    wbufsize = -1

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        host = parts.netloc or self.headers.get("Host", "")
        target = self.path
        if parts.scheme:
            target = self.path[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
        headers = {name.lower(): value for name, value in self.headers.items()}
        name = host.rpartition("@")[2].partition(":")[0].lower()
        self._send(self.server.answer(Request(self.command, name, target, headers)))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        """Browsers call home over TLS; the museum is as far as they get."""
        self.close_connection = True
        self._send(plain("Only the museum's hosts, and only over http\n", 403))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status != 304:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """The server keeps its own log."""
