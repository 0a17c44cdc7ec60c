"""Requests and images as JSON and back, so that a Redis which somebody else can write to is no code execution.

A callback is the name of one of the spider's own methods; arguments are plain values and this project's items; secrets
stay out (a request names the options that hold them, see harvest.crawl.net.wire) and go to hosts alone that the
source's options name; and so does what only this process can use, such as a browser's page.
"""

from __future__ import annotations

import base64
import binascii
import inspect
import json
import secrets
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote, urlsplit

from scrapy import Request

from harvest.config.reader import Secret
from harvest.crawl.base import SourceSpider
from harvest.crawl.net.browser import browser_meta
from harvest.crawl.net.wire import _SECRETS
from harvest.errors import SourceError, UsageError
from harvest.items import Carrier, EvidenceRef, ImageItem, Signal

__all__ = ["decode", "encode", "encode_item"]

Spider = SourceSpider[Any]
_CLASSES: Mapping[str, type[Any]] = {cls.__name__: cls for cls in (ImageItem, Signal, Carrier, EvidenceRef)}
_PLAIN = (str, int, float, bool, type(None))
_REQUEST = frozenset(
    {"url", "method", "headers", "body", "callback", "errback", "cb_kwargs", "meta", "browser"}
    | {"priority", "dont_filter", "encoding"}
)
# Each worker's own middlewares say these again.
_OWN = frozenset({"_auth_proxy", "cookiejar", "download_latency", "download_slot", "download_timeout", "proxy"})
_SHORT = 6  # characters; what is shorter would be found by chance


def encode(request: Request, spider: Spider) -> str:
    """A request as one line of JSON. Raises UsageError when it holds what cannot be shared."""
    if request.meta.get(_SECRETS) and not _is_named(request.url, spider):
        raise UsageError(f"secrets cannot be shared for {request.url}, whose host no option of the source names")
    shared = {name: value for name, value in request.meta.items() if name not in _OWN and "playwright" not in name}
    headers = [(name, value) for name, values in request.headers.items() for value in values]
    text = _line(
        "request",
        {
            "url": request.url,
            "method": request.method,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers],
            "body": base64.b64encode(request.body).decode(),
            "callback": _name(request.callback, spider),
            "errback": _name(request.errback, spider),
            "cb_kwargs": {name: _say(value, f"argument {name}") for name, value in request.cb_kwargs.items()},
            "meta": {name: _say(value, f"meta {name}") for name, value in shared.items()},
            "browser": bool(request.meta.get("playwright")),
            "priority": request.priority,
            "dont_filter": request.dont_filter,
            "encoding": request.encoding,
        },
    )
    return _free_of_secrets(text, spider)


def encode_item(item: ImageItem, spider: Spider) -> str:
    """An image that is to be fetched as one line of JSON."""
    return _free_of_secrets(_line("item", _say_fields(item)), spider)


def decode(line: bytes, spider: Spider) -> Request | ImageItem:
    """What `encode` and `encode_item` made. Raises SourceError for anything else; nothing of it is then called."""
    try:
        values = _of(dict, json.loads(line))
        if "item" in values:
            item: ImageItem = _made(ImageItem, values["item"])
            return item
        return _request(values["request"], spider)
    except (binascii.Error, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SourceError(
            f"the queue of {spider.source.name} in Redis holds what this program did not write ({error}): "
            "find out who else can write there, then start the crawl again"
        ) from None


def _request(values: Mapping[str, Any], spider: Spider) -> Request:
    if not isinstance(values, dict) or values.keys() != _REQUEST:
        raise ValueError("not a request of ours")
    arguments = {
        "url": _of(str, values["url"]),
        "method": _of(str, values["method"]),
        "headers": [tuple(map(_header, _of(list, pair))) for pair in _of(list, values["headers"])],
        "body": base64.b64decode(_of(str, values["body"]), validate=True),
        "callback": _method(values["callback"], spider),
        "errback": _method(values["errback"], spider),
        "cb_kwargs": {name: _hear(value) for name, value in _of(dict, values["cb_kwargs"]).items()},
        "meta": {name: _hear(value) for name, value in _of(dict, values["meta"]).items()},
        "priority": _of(int, values["priority"]),
        "dont_filter": _of(bool, values["dont_filter"]),
        "encoding": _of(str, values["encoding"]),
    }
    request = Request(**arguments)
    if _of(bool, values["browser"]):
        request.meta.update(browser_meta(spider.options.browser))
    if request.meta.get(_SECRETS) and not _is_named(request.url, spider):
        raise ValueError(f"secrets for {urlsplit(request.url).netloc}, which no option of the source names")
    return request


def _header(text: Any) -> bytes:
    said: str = _of(str, text)
    return said.encode("latin-1")


def _line(kind: str, values: Mapping[str, Any]) -> str:
    """With a name of its own, so that two equal requests are two entries."""
    return json.dumps({"id": secrets.token_hex(8), kind: values}, separators=(",", ":"))


def _say(value: Any, where: str) -> Any:
    if isinstance(value, _PLAIN) and not isinstance(value, Secret):
        return value
    if isinstance(value, list):
        return [_say(inner, where) for inner in value]
    if isinstance(value, tuple):
        return {"$tuple": [_say(inner, where) for inner in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: _say(inner, where) for key, inner in value.items()}
    if type(value).__name__ in _CLASSES and type(value) is _CLASSES[type(value).__name__]:
        return {f"${type(value).__name__}": _say_fields(value)}
    raise UsageError(f"a request of this spider cannot be shared by several workers: {where} is a {type(value)!r}")


def _say_fields(value: Any) -> Any:
    """An item's fields, whose types are known where it is read."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _say_fields(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, list | tuple):
        return [_say_fields(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(key): _say_fields(inner) for key, inner in value.items()}
    return value if isinstance(value, _PLAIN) else str(value)


def _hear(value: Any) -> Any:
    if isinstance(value, list):
        return [_hear(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: _hear(inner) for key, inner in value.items()}
    if len(value) > 1:
        raise ValueError(f"unknown kind of value {sorted(value)}")
    if tag == "$tuple":
        return tuple(_hear(inner) for inner in _of(list, value[tag]))
    if tag[1:] not in _CLASSES:
        raise ValueError(f"unknown kind of value {tag!r}")
    return _made(_CLASSES[tag[1:]], value[tag])


def _made(cls: type[Any], values: Any) -> Any:
    hints = get_type_hints(cls)
    if not isinstance(values, dict) or not values.keys() <= hints.keys():
        raise ValueError(f"not the fields of {cls.__name__}")
    return cls(**{name: _fit(hints[name], value) for name, value in values.items()})


def _fit(kind: Any, value: Any) -> Any:
    """`value` as JSON has it in the type `kind`. Raises ValueError."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _fit(next(option for option in inner if option is not type(None)), value)
    if origin in (tuple, list):
        return origin(_fit(inner[0], entry) for entry in _of(list, value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _of(dict, value)
    return _made(kind, value) if isinstance(kind, type) and is_dataclass(kind) else _of(kind, value)


def _of(kind: Any, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _methods(spider: Spider) -> set[str]:
    """What the spider itself defines, and where the crawl sends pages that fail."""
    mro = type(spider).__mro__
    own = mro[: mro.index(SourceSpider)]
    defined = {name for cls in own for name, value in vars(cls).items() if inspect.isfunction(value)}
    return {name for name in defined if not name.startswith("__")} | {SourceSpider.page_failed.__name__}


def _name(callback: Callable[..., Any] | None, spider: Spider) -> str | None:
    if callback is None:
        return None
    name: str = getattr(callback, "__name__", "")
    if getattr(callback, "__self__", None) is not spider or name not in _methods(spider):
        raise UsageError(f"only the spider's own methods can be called back in a shared crawl, not {callback!r}")
    return name


def _method(name: Any, spider: Spider) -> Any:
    if name is None:
        return None
    if _of(str, name) not in _methods(spider):
        raise ValueError(f"unknown callback {name!r}")
    return getattr(spider, name)


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text among a spider's options, by its path there."""
    if isinstance(value, str):
        yield path, value
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            yield from _texts(getattr(value, f.name), f"{path}.{f.name}")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}.{index}")


def _is_named(url: str, spider: Spider) -> bool:
    """Whether an option of the source is an address of the same host."""
    host = urlsplit(url).netloc
    return any("://" in text and urlsplit(text).netloc == host for _, text in _texts(spider.options))


def _free_of_secrets(text: str, spider: Spider) -> str:
    for path, secret in _texts(spider.options):
        if (
            isinstance(secret, Secret)
            and len(secret) >= _SHORT
            and any(form in text for form in (secret, quote(secret), quote(secret, safe="")))
        ):
            raise UsageError(f"options{path} would be readable in Redis; a spider has to send it by with_secrets")
    return text
