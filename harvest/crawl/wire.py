"""What happens to a request last and to an answer first: its proxy, its secrets, its misleading headers."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlencode

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from harvest.config.reader import Secret
from harvest.crawl.logs import hide

__all__ = ["HttpHandler", "SourceProxy", "with_secrets"]

_SECRETS = "harvest_secret_query"


def with_secrets(request: Request, **query: Secret) -> Request:
    """The request with `query` added on the wire only, so that no error, journal, report or log line can show it.

    It does not follow redirects, which would carry the secrets to another address.
    """
    hide(query.values())
    return request.replace(meta={**request.meta, _SECRETS: query, "dont_redirect": True})


class HttpHandler(HTTP11DownloadHandler):
    """Scrapy's own handler, which adds secrets at the last moment and takes them out of whatever comes back."""

    async def download_request(self, request: Request) -> Response:
        """Fetch; the answer's URL and any error's text are free of secrets."""
        secrets: dict[str, Secret] = request.meta.get(_SECRETS, {})
        if not secrets:
            return _mended(await super().download_request(request))
        joint = "&" if "?" in request.url else "?"
        try:
            response = await super().download_request(request.replace(url=f"{request.url}{joint}{urlencode(secrets)}"))
        except Exception as error:
            text = str(error)
            if not any(secret in text for secret in secrets.values()):
                raise
            for secret in secrets.values():
                text = text.replace(secret, "***")
            raise type(error)(text) from None
        return _mended(response.replace(url=request.url))


class SourceProxy:
    """Sends every request of the source by its proxy, robots.txt and policy files included."""

    def __init__(self, proxy: str) -> None:
        self._proxy = proxy

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Not there at all when the source has no proxy; the environment's proxies hold then."""
        source = getattr(crawler.spider, "source", None)
        if source is None or source.proxy is None:
            raise NotConfigured
        return cls(source.proxy)

    def process_request(self, request: Request) -> None:
        """Name the proxy; Scrapy's HttpProxyMiddleware does the rest."""
        request.meta.setdefault("proxy", self._proxy)


def _mended(response: Response) -> Response:
    """Without empty Content-Encoding headers, which the Wayback Machine sends and which stop Scrapy from decoding."""
    encodings = response.headers.getlist(b"Content-Encoding")
    if any(not encoding.strip() for encoding in encodings):
        del response.headers[b"Content-Encoding"]
        for encoding in encodings:
            if encoding.strip():
                response.headers.appendlist(b"Content-Encoding", encoding)
    return response
