"""What happens to a request last and to an answer first: its proxy, its secrets, its address, its size, its headers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Self
from urllib.parse import quote_plus, urlencode, urlsplit

from OpenSSL.SSL import Error as OpenSslError
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _BindAddressAgent,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _ScrapyAgent,
)
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import BaseRedirectMiddleware, MetaRefreshMiddleware, RedirectMiddleware
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError, IgnoreRequest, NotConfigured
from scrapy.http import Response
from scrapy.utils._download_handlers import normalize_bind_address, wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from service_identity import VerificationError
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS, ParseError

from harvest.config.reader import Secret
from harvest.crawl.logs import hide, hide_url
from harvest.crawl.net.safety import PublicOnly
from harvest.hosts.addresses import PrivateAddress, Unfetched

__all__ = ["Decompression", "HttpHandler", "MetaRedirects", "Redirects", "SourceProxy", "with_bearer", "with_secrets"]

_SECRETS = "harvest_secret_query"
_BEARER = "harvest_secret_bearer"
_CREDENTIALS = "Proxy-Authorization"
_vault: dict[str, Secret] = {}


class TooManyRedirects(Unfetched):
    """An address that leads on and on."""

    word = "redirects"


class HeadersTooLarge(Unfetched):
    """An answer whose headers would not end."""

    word = "too_large"


class TlsFailed(Unfetched):
    """A certificate that does not prove who answers, or a host that does not speak TLS as we do."""

    word = "tls"


class NotHttp(Unfetched):
    """An answer that is no HTTP."""

    word = "bad_answer"


def with_secrets(request: Request, **query: Secret) -> Request:
    """The request with `query` added on the wire only, so that no error, journal, report or log line can show it.

    The request itself holds names alone, so that a shared queue cannot show them either; another process finds the
    values in its own spider's options, under the same names. It does not follow redirects, which would carry the
    secrets to another address.
    """
    hide(query.values())
    _vault.update(query)
    return request.replace(meta={**request.meta, _SECRETS: sorted(query), "dont_redirect": True})


def with_bearer(request: Request, **token: Secret) -> Request:
    """The request with one secret as its Authorization header (RFC 6750), kept from all eyes as `with_secrets` does."""
    named = with_secrets(request, **token)
    return named.replace(meta={**named.meta, _BEARER: True})


class HttpHandler(HTTP11DownloadHandler):
    """Scrapy's own handler: secrets come in at the last moment and go out of whatever comes back, connections go to
    public addresses alone unless the source says otherwise, and headers have an end.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        from twisted.internet import reactor  # noqa: PLC0415 - importing it installs it

        source = getattr(crawler.spider, "source", None)
        self._options = getattr(crawler.spider, "options", None)
        self._guard = None if source is None or source.allow_private_addresses else PublicOnly(reactor)
        if source is not None:
            factory: Any = partial(_BoundedFactory, source.limits.max_header_bytes)
            self._pool._factory = factory

    async def download_request(self, request: Request) -> Response:
        """Fetch; the answer's URL and any error's text are free of secrets."""
        names = request.meta.get(_SECRETS)
        if not names:
            return _mended(await self._exchange(request))
        secrets = {name: _vault.get(name) or getattr(self._options, name) for name in names}
        hide(secrets.values())
        try:
            response = await self._exchange(_revealed(request, secrets))
        except Exception as error:
            text = str(error)
            if not any(secret in text or quote_plus(secret) in text for secret in secrets.values()):
                raise
            for secret in secrets.values():
                text = text.replace(quote_plus(secret), "***").replace(secret, "***")
            raise type(error)(text) from None
        return _mended(response.replace(url=request.url))

    async def _exchange(self, request: Request) -> Response:
        """One request and its answer. What goes wrong on the wire is an error that says so in words."""
        agent = _GuardedAgent(
            self._guard,
            contextFactory=self._contextFactory,
            bindAddress=self._bind_address,
            pool=self._pool,
            maxsize=self._default_maxsize,
            warnsize=self._default_warnsize,
            fail_on_dataloss=self._fail_on_dataloss,
            crawler=self._crawler,
        )
        try:
            with wrap_twisted_exceptions():
                return await maybe_deferred_to_future(agent.download_request(request))
        except PrivateAddress as error:
            raise PrivateAddress(urlsplit(request.url).hostname or error.host, error.address) from None
        except DownloadCancelledError:
            most = request.meta.get("download_maxsize", self._default_maxsize)
            raise DownloadCancelledError(f"more than {most} bytes (limits.max_bytes)") from None
        except DownloadFailedError as error:
            raise _in_words(error) from None
        finally:
            # The request may be kept as evidence, or sent again by way of a shared queue.
            request.headers.pop(_CREDENTIALS, None)


class SourceProxy:
    """Sends every request of the source by its proxy, robots.txt and policy files included."""

    def __init__(self, proxy: str) -> None:
        self._proxy = proxy
        hide_url(proxy)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Not there at all when the source has no proxy; the environment's proxies hold then."""
        source = getattr(crawler.spider, "source", None)
        if source is None or source.proxy is None:
            raise NotConfigured
        return cls(source.proxy)

    def process_request(self, request: Request) -> None:
        """Name the proxy; Scrapy's HttpProxyMiddleware makes a header of its credentials and keeps the rest."""
        request.meta["proxy"] = str(self._proxy)


class _Bounded(BaseRedirectMiddleware):
    """Redirects up to the source's `limits.max_redirects`."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """As the source's config says."""
        made = super().from_crawler(crawler)
        source = getattr(crawler.spider, "source", None)
        if source is not None:
            made.max_redirect_times = source.limits.max_redirects
        return made

    def _redirect(self, redirected: Request, request: Request, reason: Any) -> Request:
        try:
            return super()._redirect(redirected, request, reason)
        except IgnoreRequest:
            most = self.max_redirect_times
            raise TooManyRedirects(f"more than {most} one after another (limits.max_redirects)") from None


class Redirects(_Bounded, RedirectMiddleware):
    """Those that a Location header asks for."""


class MetaRedirects(_Bounded, MetaRefreshMiddleware):
    """Those that a page asks for."""


class Decompression(HttpCompressionMiddleware):
    """Content-Encoding undone, up to the size that an answer may have."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Raises DownloadCancelledError for what grows beyond that, NotHttp for what cannot be undone."""
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            most = request.meta.get("download_maxsize", self._max_size)
            raise DownloadCancelledError(f"more than {most} bytes once decompressed (limits.max_bytes)") from None
        except Exception as error:
            encoding = (response.headers.get("Content-Encoding") or b"").decode("latin-1")[:40]
            raise NotHttp(f"the body is not the {encoding} that its header says: {error}") from None


class _GuardedAgent(_ScrapyAgent):
    """Connects by `guard`, except to a proxy, which is the user's own choice."""

    def __init__(self, guard: PublicOnly | None, **named: Any) -> None:
        super().__init__(**named)
        self._guard = guard

    def _get_agent(self, request: Request, timeout: float) -> Any:
        if self._guard is None or request.meta.get("proxy"):
            return super()._get_agent(request, timeout)
        return _BindAddressAgent(
            reactor=self._guard,  # type: ignore[arg-type]  # all of it that endpoints use
            contextFactory=self._contextFactory,
            connectTimeout=timeout,
            bindAddress=normalize_bind_address(self._bindAddress),
            pool=self._pool,
        )


class _BoundedProtocol(_LenientHTTP11ClientProtocol):
    """Gives up an answer whose headers exceed `most` bytes."""

    most = 0
    _head = 0

    def request(self, request: Any) -> Any:
        answer = super().request(request)
        self._head = 0
        assert self._parser is not None
        self._parser.MAX_LENGTH = self.most
        return answer

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        parser = self._parser
        if parser is not None and parser.state in (STATUS, HEADER):
            end = data.find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            if self._head > self.most:
                error = HeadersTooLarge(f"headers of more than {self.most} bytes (limits.max_header_bytes)")
                self._giveUp(Failure(error))  # type: ignore[no-untyped-call]
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class _BoundedFactory(_LenientHTTP11ClientFactory):
    def __init__(self, most: int, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]
        self._most = most

    def buildProtocol(self, addr: Any) -> _BoundedProtocol:  # noqa: ARG002, N802 - Twisted's name
        protocol = _BoundedProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]
        protocol.most = self._most
        return protocol


def _revealed(request: Request, secrets: dict[str, Secret]) -> Request:
    """A copy of the request, for the wire alone."""
    if request.meta.get(_BEARER):
        sent = request.copy()
        sent.headers["Authorization"] = f"Bearer {next(iter(secrets.values()))}"
        return sent
    joint = "&" if "?" in request.url else "?"
    return request.replace(url=f"{request.url}{joint}{urlencode(secrets)}")


def _in_words(error: DownloadFailedError) -> Exception:
    """The error that is behind it, where that is one that trying again cannot mend; else the same in words."""
    reasons = list(_reasons(error.__cause__))
    for reason in reasons:
        if isinstance(reason, Unfetched):
            return reason
        if isinstance(reason, OpenSslError):
            said = ", ".join(entry[-1] for entry in reason.args[0]) if reason.args and reason.args[0] else "refused"
            return TlsFailed(said)
        if isinstance(reason, VerificationError):
            return TlsFailed("the certificate is for another host")
        if isinstance(reason, ParseError | ValueError):
            return NotHttp(f"not HTTP: {reason}"[:200])
    said = "; ".join(dict.fromkeys(" ".join(str(reason).split()) for reason in reasons))
    return DownloadFailedError(said or str(error))


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    inner = getattr(error, "reasons", None)
    if isinstance(inner, list):
        for failure in inner:
            yield from _reasons(failure.value)
    elif error is not None:
        yield error


def _mended(response: Response) -> Response:
    """Without empty Content-Encoding headers, which the Wayback Machine sends and which stop Scrapy from decoding."""
    encodings = response.headers.getlist(b"Content-Encoding")
    if any(not encoding.strip() for encoding in encodings):
        del response.headers[b"Content-Encoding"]
        for encoding in encodings:
            if encoding.strip():
                response.headers.appendlist(b"Content-Encoding", encoding)
    return response
