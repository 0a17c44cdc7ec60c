"""The review server: the viewer's wall on 127.0.0.1, where looking at an image and judging it are one."""

from __future__ import annotations

import io
import json
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from harvest.errors import HarvestError, LedgerBusy
from harvest.images.decode import decode_rgb
from harvest.review.bad_list import NAME, bad_list_of
from harvest.review.guarding import Guard
from harvest.review.wall import Wall
from harvest.store import Store
from layout.viewer import Shell, assets, viewer_page

__all__ = ["application", "serve"]

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
}
_SCRIPTS = ("wall", "wall_lasso", "wall_copies", "wall_keys")
_OF_A_WALL = ("cards-*/*.js", "mosaic_files/*/*", "mosaic.*")
_THUMBNAIL = 480
_MOST_SUGGESTED = 1000
_PICTURE_AGE = "private, max-age=300"

Answer = Callable[[Any], Any]


def serve(wall: Wall, *, port: int, announce: Callable[[str, int], None]) -> None:
    """Serve a wall on 127.0.0.1 until Ctrl-C; port 0 takes any that is free.

    `announce` is told the address to open, and the port, once somebody listens there. What a request has begun to write
    is written before this returns. Raises OSError where the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        taken = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        config = uvicorn.Config(
            Guard(application(wall), port=taken, token=token),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=30,
        )
        announce(f"http://127.0.0.1:{taken}/?token={token}", taken)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def application(wall: Wall) -> Starlette:
    """What is served of a wall, to whoever may ask (see Guard)."""
    ours = assets([_template(f"{name}.js") for name in _SCRIPTS], _template("wall.css"))
    thumbnail = lru_cache(maxsize=512)(lambda path: _thumbnail(wall, path))

    async def page(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        data = await run_in_threadpool(wall.data)
        html = viewer_page({**data, "base": f"/layouts/{wall.layout}/"}, _shell())
        return Response(html, media_type="text/html")

    async def picture(request: Request) -> Response:
        path = wall.original(request.path_params["sha256"])
        body = await run_in_threadpool(thumbnail, path) if path else None
        if body is None:
            raise HTTPException(404)
        return Response(body, media_type="image/jpeg", headers={"cache-control": _PICTURE_AGE})

    def text(body: str, kind: str) -> Callable[[Request], Response]:
        return lambda request: Response(body, media_type=kind)  # noqa: ARG005

    routes = [
        Route("/", page),
        Route("/wall.css", text(ours.style, "text/css")),
        Route("/wall.js", text(ours.script, "text/javascript")),
        Route("/openseadragon.js", text(ours.openseadragon, "text/javascript")),
        Route(f"/layouts/{wall.layout}/{{path:path}}", _files(wall.folder, _OF_A_WALL)),
        Route("/derived/{path:path}", _files(wall.workspace.derived, ("*/*",))),
        Route("/originals/{path:path}", _files(wall.workspace.originals, ("*/*",))),
        Route("/copies/{sha256}.jpg", picture),
        Route("/api/state", _answering(lambda _: wall.state())),
        Route("/api/changes", _answering(lambda asked: wall.changes(_number(asked, "since", 2**31)))),
        Route("/api/groups", _answering(lambda _: wall.groups())),
        Route("/api/suggestions", _answering(lambda asked: wall.suggestions(_number(asked, "count", _MOST_SUGGESTED)))),
        Route("/api/verdicts", _answering(wall.judge), methods=["POST"]),
        Route("/api/labels", _answering(wall.label), methods=["POST"]),
        Route("/api/bad-list", _answering(wall.take_bad_list), methods=["POST"]),
        Route(f"/{NAME}", _download(wall)),
    ]
    return Starlette(routes=routes)


def _answering(answer: Answer) -> Callable[[Request], Any]:
    """A route whose answer is JSON: of the query where it is read, of the JSON that came where it is written.

    Errors that a person can mend are said as `{"error": ...}`; where others hold the ledger, 503 says so.
    """

    async def route(request: Request) -> Response:
        try:
            asked = json.loads(await request.body()) if request.method == "POST" else request.query_params
            return JSONResponse(await run_in_threadpool(answer, asked))
        except LedgerBusy as error:
            return JSONResponse({"error": str(error)}, 503)
        except (HarvestError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return route


def _number(asked: Any, key: str, most: int) -> int:
    given = asked.get(key, "")
    if not given.isascii() or not given.isdigit() or int(given) > most:
        raise ValueError(f"{key}: expected a number from 0 to {most}, got {given!r}")
    return int(given)


def _download(wall: Wall) -> Callable[[Request], Any]:
    async def route(request: Request) -> Response:  # noqa: ARG001
        try:
            body = await run_in_threadpool(bad_list_of, wall.workspace, wall.name, wall.placed)
        except LedgerBusy as error:
            return JSONResponse({"error": str(error)}, 503)
        disposition = f'attachment; filename="{NAME}"'
        return Response(body, media_type="application/json", headers={"content-disposition": disposition})

    return route


def _files(folder: Path, patterns: tuple[str, ...]) -> Callable[[Request], Response]:
    """Files of one folder that match a pattern, of a kind that browsers show; no link leads out of it."""

    def route(request: Request) -> Response:
        asked = request.path_params["path"]
        path = folder / asked
        kind = _TYPES.get(path.suffix)
        is_named = not {"", ".", ".."} & {*asked.split("/")} and "\0" not in asked
        if kind is None or not is_named or not any(Path(asked).match(each) for each in patterns):
            raise HTTPException(404)
        if not path.is_file() or folder.resolve() not in path.resolve().parents:
            raise HTTPException(404)
        return FileResponse(path, media_type=kind, headers={"cache-control": _PICTURE_AGE})

    return route


def _thumbnail(wall: Wall, path: str) -> bytes | None:
    """An original, small; None where it cannot be read."""
    try:
        image = decode_rgb(Store(wall.workspace.root).local(path), longest=_THUMBNAIL)
    except (HarvestError, OSError):
        return None
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _shell() -> Shell:
    return Shell(
        style='<link rel="stylesheet" href="/wall.css">',
        script='<script src="/openseadragon.js"></script>\n<script src="/wall.js"></script>',
        **{part: _template(f"wall_{part}.html") for part in ("bar", "actions", "panels", "more_keys")},
    )


def _template(name: str) -> str:
    return (resources.files("harvest.review") / "templates" / name).read_text("utf-8")
