"""Servers that misbehave, over raw sockets: each fault ends as a row with a reason, and the crawl goes on."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import os
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import format_datetime
from pathlib import Path

import brotli
import pytest
from backports import zstd
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[[socket.socket], None]
_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
HTML = "Content-Type: text/html"


class Rough:
    """Serves until it is closed, one thread a connection. `asked` counts paths as they came."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.scripts: dict[str, Script] = {}
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self._open: set[socket.socket] = set()
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def add(self, path: str, script: Script) -> str:
        self.scripts[path] = script
        return f"{self.url}{path}"

    def close(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with suppress(OSError), connection:
            stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            heard = b""
            while b"\r\n\r\n" not in heard:
                more = stream.recv(65536)
                if not more:
                    return
                heard += more
                if heard.startswith(b"\x16"):  # a TLS greeting, which this server does not understand
                    stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    return
            path = heard.decode("latin-1").split(" ")[1]
            self.asked[path] += 1
            self.scripts.get(path, answer(b"nothing here", "404 Not Found"))(stream)
            stream.close()
        self._open.discard(connection)


def answer(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> Script:
    """A whole answer, with a Content-Length of its own when `length` says so."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    head = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")

    def script(connection: socket.socket) -> None:
        connection.sendall(head + body)

    return script


def in_turn(*scripts: Script) -> Script:
    """One after another, the last one for ever."""
    left = list(scripts)

    def script(connection: socket.socket) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection)

    return script


def reset_after(data: bytes) -> Script:
    """Some bytes, then a reset of the connection."""

    def script(connection: socket.socket) -> None:
        connection.sendall(data)
        time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def without_end(head: bytes, piece: bytes, pause: float, closing: threading.Event) -> Script:
    """`piece` for ever, `pause` seconds between two."""

    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while not closing.wait(pause):
            connection.sendall(piece)

    return script


def gallery(urls: list[str]) -> bytes:
    return "".join(f'<figure><img src="{url}"><figcaption>{url}</figcaption></figure>' for url in urls).encode()


@pytest.fixture
def rough() -> Iterator[Rough]:
    server = Rough()
    yield server
    server.close()


def fates(desk, rough: Rough) -> dict[str, tuple[str, str]]:
    """By path, the outcome and the first word of the reason."""
    rows = desk.rows("SELECT image_url, outcome, reason FROM sightings")
    return {url.removeprefix(rough.url): (outcome, (reason or "").partition(":")[0]) for url, outcome, reason in rows}


def test_each_fault_is_a_row_with_a_reason(desk, rough, jpeg):
    ok, zeros = b"HTTP/1.1 200 OK\r\n", bytes(40_000_000)
    soon = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3), usegmt=True)
    packed = {
        "gzip": gzip.compress(zeros, 1),
        "deflate": zlib.compress(zeros, 1),
        "br": brotli.compress(zeros, quality=1),
        "zstd": zstd.compress(zeros),
    }
    faults: dict[str, tuple[Script, tuple[str, str]]] = {
        "/good.jpg": (answer(jpeg(1)), ("stored", "")),
        "/later.jpg": (in_turn(answer(b"slow", "429 Too Many Requests"), answer(jpeg(2))), ("stored", "")),
        "/date.jpg": (
            in_turn(answer(b"busy", "503 Service Unavailable", f"Retry-After: {soon}"), answer(jpeg(3))),
            ("stored", ""),
        ),
        "/never.jpg": (answer(b"slow", "429 Too Many Requests", "Retry-After: 0"), ("failed", "http_429")),
        "/drip.jpg": (
            without_end(ok + b"Content-Length: 30000\r\n\r\n", b"x", 0.1, rough.closing),
            ("failed", "timeout"),
        ),
        "/silent.jpg": (without_end(b"", b"", 0.5, rough.closing), ("failed", "timeout")),
        "/endless.jpg": (without_end(ok + b"\r\n", bytes(65536), 0.001, rough.closing), ("failed", "too_large")),
        "/boasts.jpg": (answer(jpeg(4), length=10_000_000_000), ("failed", "too_large")),
        "/too-long.jpg": (answer(jpeg(5), length=len(jpeg(5)) + 100), ("failed", "data_loss")),
        "/too-short.jpg": (answer(jpeg(6), length=len(jpeg(6)) - 300), ("broken", "truncated")),
        "/no-number.jpg": (answer(b"", "200 OK", "Content-Length: many"), ("failed", "bad_answer")),
        "/chunk.jpg": (reset_after(ok + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nabc"), ("failed", "data_loss")),
        "/reset.jpg": (reset_after(ok + b"Content-Length: 5000\r\n\r\n" + jpeg(7)[:900]), ("failed", "data_loss")),
        "/hangs-up.jpg": (lambda connection: connection.close(), ("failed", "connection")),
        "/not-http.jpg": (lambda connection: connection.sendall(b"220 ftp ready\r\n"), ("failed", "bad_answer")),
        "/headers.jpg": (
            without_end(ok, b"X-More: " + b"y" * 1000 + b"\r\n", 0.001, rough.closing),
            ("failed", "too_large"),
        ),
        "/one-header.jpg": (answer(jpeg(8), "200 OK", "X-Much: " + "y" * 300_000), ("failed", "too_large")),
        "/big-header.jpg": (answer(jpeg(8), "200 OK", "X-Policy: " + "y" * 30_000), ("stored", "")),
        "/loop.jpg": (answer(b"", "302 Found", "Location: /loop.jpg"), ("failed", "redirects")),
        "/ping.jpg": (answer(b"", "302 Found", "Location: /pong.jpg"), ("failed", "redirects")),
        "/file.jpg": (answer(b"", "302 Found", "Location: file:///etc/hostname"), ("failed", "http_302")),
        "/lies.jpg": (answer(jpeg(9), "200 OK", "Content-Encoding: gzip"), ("failed", "bad_answer")),
        "/refreshes.jpg": (
            answer(b'<meta http-equiv="refresh" content="0;url=/refreshes.jpg">', "200 OK", HTML),
            ("failed", "redirects"),
        ),
    }
    for coding, body in packed.items():
        faults[f"/{coding}.jpg"] = (answer(body, "200 OK", f"Content-Encoding: {coding}"), ("failed", "too_large"))
    for path, (script, _) in faults.items():
        rough.add(path, script)
    rough.add("/pong.jpg", answer(b"", "301 Moved", "Location: /ping.jpg"))
    rough.add("/", answer(gallery(list(faults)), "200 OK", HTML))

    done = desk.crawl(
        desk.source(
            options={"start": [f"{rough.url}/"]},
            limits={"timeout": 8, "max_bytes": 2_000_000, "max_redirects": 3},
            pace={"delay": 0, "concurrency": 8, "retries": 1},
        )
    )

    assert done.code == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert fates(desk, rough) == {path: fate for path, (_, fate) in faults.items()}
    assert rough.asked["/loop.jpg"] == 4  # once, and three redirects
    assert rough.asked["/drip.jpg"] == 2  # once, and one retry
    assert rough.asked["/endless.jpg"] == 1


def test_a_certificate_must_prove_who_answers(desk, site, tmp_path, jpeg):
    authority = Authority(tmp_path)
    servers = {
        "good": Rough(authority.context(_LOOPBACK)),
        "stranger": Rough(authority.context(_LOOPBACK, is_self_signed=True)),
        "other host": Rough(authority.context("museum.example")),
        "old": Rough(authority.context(_LOOPBACK, age=3)),
        "plain": Rough(),
    }
    for server in servers.values():
        server.add("/a.jpg", answer(jpeg(1)))
    urls = {name: f"https://127.0.0.1:{server.port}/a.jpg" for name, server in servers.items()}
    site.add_gallery(list(urls.values()))

    done = desk.crawl(
        desk.source(pace={"delay": 0, "retries": 0}), env={**os.environ, "SSL_CERT_FILE": str(authority.file)}
    )

    for server in servers.values():
        server.close()
    assert done.code == 0, done.stderr
    assert "Traceback" not in done.stderr
    rows = {url: (outcome, reason) for url, (outcome, reason) in desk.fates().items()}
    assert rows[urls["good"]] == ("stored", None)
    assert rows[urls["stranger"]][1].startswith("tls: certificate verify failed")
    assert rows[urls["old"]][1].startswith("tls: certificate verify failed")
    assert rows[urls["other host"]] == ("failed", "tls: the certificate is for another host")
    assert rows[urls["plain"]][1].startswith("tls: ")


def test_a_storm_of_refusals_shuts_the_host_and_spares_it(desk, rough):
    names = [f"/{number}.jpg" for number in range(120)]
    for name in names:
        rough.add(name, answer(b"busy", "503 Service Unavailable"))
    rough.add("/", answer(gallery(names), "200 OK", HTML))
    source = desk.source(options={"start": [f"{rough.url}/"]}, pace={"delay": 0, "concurrency": 4, "retries": 3})

    done = desk.crawl(source)
    asked = sum(rough.asked[name] for name in names)
    again = desk.crawl(source)

    assert done.code == 0, done.stderr
    assert {outcome for outcome, _ in fates(desk, rough).values()} == {"failed"}
    assert asked < 40
    ((host, reason),) = desk.rows("SELECT host, reason FROM hosts_refusing")
    assert (host, reason) == (f"127.0.0.1:{rough.port}", "20 refusals in a row (HTTP 503)")
    assert again.code == 3
    assert "is left alone until" in again.finished["message"]
    assert sum(rough.asked[name] for name in names) == asked  # not at all


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_server_that_dies_for_a_while_is_waited_for(desk, jpeg, seconds):
    first = Rough()
    names = [f"/{number}.jpg" for number in range(60)]
    page = answer(gallery(names), "200 OK", HTML)
    scripts = {name: answer(jpeg(number)) for number, name in enumerate(names)} | {"/": page}
    for path, script in scripts.items():
        first.add(path, script)
    returned: list[Rough] = []

    def die_and_return() -> None:
        while sum(first.asked.values()) < 20:
            time.sleep(0.01)
        first.close()
        time.sleep(seconds)
        returned.append(Rough(port=first.port))
        returned[0].scripts = scripts

    undertaker = threading.Thread(target=die_and_return)
    undertaker.start()
    retries = 4 if seconds < 10 else 7
    pace = {"delay": 0.02, "concurrency": 2, "retries": retries}
    done = desk.crawl(desk.source(options={"start": [f"{first.url}/"]}, pace=pace))
    undertaker.join()
    returned[0].close()

    assert done.code == 0, done.stderr
    assert {outcome for outcome, _ in fates(desk, first).values()} == {"stored"}
    assert len(fates(desk, first)) == 60


def test_a_page_that_the_spider_chokes_on_is_missed_without_a_traceback(desk, site):
    """Flickr's answer is as expected for one account and of another shape for the next, in the same run."""
    bodies = {
        "truncated": b'{"photos": {"page": 1, "pages": 1, "photo": [{"id": "1", "own',
        "html": b"<!doctype html><title>We will be back</title>",
        "photos is a number": b'{"stat": "ok", "photos": 3}',
        "photo is a list of numbers": b'{"stat": "ok", "photos": {"page": 1, "pages": 1, "photo": [1, null, "x"]}}',
        "deep": b"[" * 100_000,
    }
    for name, body in bodies.items():
        site.answers.clear()
        site.add("/services/rest/", body, headers=(("Content-Type", "application/json"),))
        options = {"api_key": "0123456789abcdef", "endpoint": f"{site.url}/services/rest/", "users": ["1@N00"]}
        done = desk.crawl(desk.source(spider="flickr", options=options, pace={"delay": 0, "retries": 0}))

        assert done.code == 3, (name, done.stderr)
        assert "Traceback" not in done.stderr, name
        assert "flickr" in done.finished["message"].lower(), (name, done.finished)


class Authority:
    """A certificate authority that signs what it is asked to; `file` is what makes a client trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a trial authority")])
        certificate = self._sign(self._name, self._key, None, is_authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(
        self, host: str | ipaddress.IPv4Address, *, age: int = 0, is_self_signed: bool = False
    ) -> ssl.SSLContext:
        """What a server needs to speak TLS as `host`; `age` is how many days ago its certificate ran out."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(host))])
        certificate = self._sign(name, key, host, age=age, is_self_signed=is_self_signed)
        file = self._folder / f"{certificate.serial_number}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        host: str | ipaddress.IPv4Address | None,
        *,
        age: int = 0,
        is_authority: bool = False,
        is_self_signed: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if is_self_signed else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=60))
            .not_valid_after(now + dt.timedelta(days=-age if age else 7))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if host is not None:
            named = x509.IPAddress(host) if isinstance(host, ipaddress.IPv4Address) else x509.DNSName(host)
            builder = builder.add_extension(x509.SubjectAlternativeName([named]), critical=False)
        return builder.sign(key if is_self_signed or is_authority else self._key, hashes.SHA256())
