"""WARC files of small sites, written record by record as archives write them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

DATE = "2005-02-03T04:05:06Z"


class Warc:
    """A WARC under construction; every `put` returns its record, and `offsets` says where they begin."""

    def __init__(self, file: Path, *, gzip: bool = True) -> None:
        self.file, self.offsets = file, list[int]()
        self._out = file.open("wb")
        self._writer = WARCWriter(self._out, gzip=gzip)

    def __enter__(self) -> Warc:
        return self

    def __exit__(self, *error: object) -> None:
        self._out.close()

    def put(self, url: str, body: bytes, kind: str = "image/jpeg", at: str = DATE, **more: Any) -> Any:
        """One response; `status`, HTTP `headers`, the record's own `head`, and `type` for another kind of record."""
        http = None
        if more.get("type", "response") == "response":
            headers = [("Content-Type", kind), *more.get("headers", ())]
            http = StatusAndHeaders(more.get("status", "200 OK"), headers, protocol="HTTP/1.1")
        return self._write(
            self._writer.create_warc_record(
                url,
                more.get("type", "response"),
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=http,
                warc_content_type=kind if http is None else "",
                warc_headers_dict={"WARC-Date": at, **more.get("head", {})},
            )
        )

    def request(self, url: str, of: Any, referrer: str) -> None:
        """The request that a response answered."""
        headers = [("Host", url.split("/")[2]), ("Referer", referrer)]
        http = StatusAndHeaders(f"GET {url} HTTP/1.1", headers, is_http_request=True)
        head = {"WARC-Date": DATE, "WARC-Concurrent-To": of.rec_headers.get_header("WARC-Record-ID")}
        self._write(
            self._writer.create_warc_record(
                url, "request", payload=io.BytesIO(), length=0, http_headers=http, warc_headers_dict=head
            )
        )

    def revisit(self, of: Any, at: str, kind: str = "image/jpeg") -> Any:
        """A capture that found the payload of `of` again."""
        said = of.rec_headers.get_header
        http = StatusAndHeaders("200 OK", [("Content-Type", kind)], protocol="HTTP/1.1")
        url, digest, date = said("WARC-Target-URI"), said("WARC-Payload-Digest"), said("WARC-Date")
        head = {"WARC-Date": at}
        return self._write(
            self._writer.create_revisit_record(url, digest, url, date, http_headers=http, warc_headers_dict=head)
        )

    def _write(self, record: Any) -> Any:
        self.offsets.append(self._out.tell())
        self._writer.write_record(record)
        record.raw_stream.close()  # warcio leaves its temporary files to the garbage collector
        return record
