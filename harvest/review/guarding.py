"""Who may ask the review server: this machine's browser, under the address and with the token that the terminal showed.

A page of another site can make a browser send requests to 127.0.0.1, also under a name of its own (DNS rebinding): the
host is therefore held against the address, the origin of what writes against the host, and all of it asks for a cookie
that only the token's address sets (https://owasp.org/www-community/attacks/DNS_Rebinding).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["LARGEST_BODY", "Guard"]

LARGEST_BODY = 32 * 2**20
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_WHERE = "open the address that `harvest review --serve` showed in its terminal\n"


class Guard:
    """Lets requests through to `app` that come from its own pages; everything else is refused, and told why."""

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app, self._token = app, token
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        # Cookies are shared by all ports of a host: each server has one of its own.
        self._cookie = f"harvest-review-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._admission(scope)
        await (answer or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts or len(headers.getlist("host")) != 1:
            return PlainTextResponse(f"this host is not served here: {_WHERE}", 421)
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return PlainTextResponse("this method is not served here\n", 405)
        if scope["method"] == "POST":
            return _refused_writing(headers, host)
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return PlainTextResponse(f"other origins have no business here: {_WHERE}", 403)
        return None

    def _admission(self, scope: Scope) -> Response | None:
        """The way in for the token, and a refusal for whoever has not come by it."""
        given = QueryParams(scope["query_string"]).get("token")
        if scope["path"] == "/" and given is not None and self._is_token(given):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
            return answer
        if not self._is_token(Request(scope).cookies.get(self._cookie, "")):
            return PlainTextResponse(f"the token is missing or wrong: {_WHERE}", 403)
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _refused_writing(headers: Mapping[str, str], host: str) -> Response | None:
    if headers.get("origin") != f"http://{host}" or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return PlainTextResponse(f"only this server's own pages write here: {_WHERE}", 403)
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return PlainTextResponse("expected JSON\n", 415)
    length = headers.get("content-length", "")
    if not length.isdigit():
        return PlainTextResponse("expected the length of what is sent\n", 411)
    if int(length) > LARGEST_BODY:
        return PlainTextResponse(f"expected at most {LARGEST_BODY} bytes\n", 413)
    return None
