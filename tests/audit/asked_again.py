"""A museum on loopback that answers as a test says, over HTTP/1.1 or HTTP/2."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import serialization


@dataclass
class Answer:
    """What a path is answered with; a host that `knows_head` False says 405 to HEAD, one that `knows_ranges` False
    sends all.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    knows_head: bool = True
    knows_ranges: bool = True
    says_length: bool = True
    delay: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request as the server met it."""

    method: str
    path: str
    headers: Mapping[str, str]
    at: float


class Museum(ThreadingHTTPServer):
    """Answers as `shows` said, else with 404; said again, the answers follow each other and the last one stays."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.log: list[Asked] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news."""

    def shows(self, path: str, body: bytes | str = b"", **answer: Any) -> str:
        content = body.encode() if isinstance(body, str) else body
        self.answers.setdefault(path, []).append(Answer(content, **answer))
        return f"{self.url}{path}"

    def page(self, path: str, text: str, **answer: Any) -> str:
        return self.shows(path, f"<html>{text}", headers={"Content-Type": "text/html; charset=utf-8"}, **answer)

    def asked(self, path: str) -> list[str]:
        """The methods by which `path` was asked for."""
        return [asked.method for asked in self.log if asked.path == path]

    @contextmanager
    def open(self) -> Iterator[Museum]:
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Museum

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.log.append(Asked(self.command, self.path, headers, time.monotonic()))
        waiting = self.server.answers.get(self.path) or [Answer(b"nothing here", 404)]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        time.sleep(answer.delay)
        body, status, said = answer.body, answer.status, dict(answer.headers)
        if self.command == "HEAD" and not answer.knows_head:
            status, body = 405, b""
        elif said.get("ETag") and headers.get("if-none-match") == said["ETag"]:
            status, body = 304, b""
        elif status == 200 and "range" in headers and answer.knows_ranges:
            status, said["Content-Range"], body = 206, f"bytes 0-0/{len(body)}", body[:1]
        self.send_response(status)
        for name, value in said.items():
            self.send_header(name, value)
        if answer.says_length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *args: Any) -> None:
        pass


class Http2Museum:
    """Speaks HTTP/2 alone, over TLS, and answers every path with the same bytes; `versions` is what was negotiated."""

    def __init__(self, chain: Path, body: bytes) -> None:
        self.body = body
        self.versions: list[str | None] = []
        self.paths: list[tuple[str, str]] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(chain)
        self._context.set_alpn_protocols(["h2"])
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}"

    @contextmanager
    def open(self) -> Iterator[Http2Museum]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            thread.join()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as wire:
                self.versions.append(wire.selected_alpn_protocol())
                self._talk(wire)

    def _talk(self, wire: ssl.SSLSocket) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        wire.sendall(connection.data_to_send())
        while data := wire.recv(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    said = {name.decode(): value.decode() for name, value in event.headers}
                    self._answer(connection, event.stream_id, said[":method"], said[":path"])
            wire.sendall(connection.data_to_send())

    def _answer(self, connection: h2.connection.H2Connection, stream: int, method: str, path: str) -> None:
        self.paths.append((method, path))
        is_there = not path.startswith(("/robots.txt", "/.well-known/"))
        body = self.body if is_there else b""
        headers = [(":status", "200" if is_there else "404"), ("content-length", str(len(body)))]
        connection.send_headers(stream, headers, end_stream=method == "HEAD" or not body)
        if method == "GET" and body:
            connection.send_data(stream, body, end_stream=True)


def certificate(folder: Path, make: Any) -> Path:
    """A PEM file with a key and its self-signed certificate for 127.0.0.1."""
    key, signed = make()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "museum.pem"
    assert isinstance(signed, x509.Certificate)
    file.write_bytes(private + signed.public_bytes(pem))
    return file
