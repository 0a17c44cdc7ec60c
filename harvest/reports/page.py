"""One HTML page from a template, with the look that all pages share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from harvest.licences import licence

__all__ = ["render"]

_UNSEEN = dict.fromkeys([*range(8234, 8239), *range(8294, 8298), 8206, 8207, 1564])


def render(
    package: str, name: str, values: Mapping[str, Any], *, filters: Mapping[str, Callable[..., Any]] | None = None
) -> str:
    """The page of `<name>.html` in the folder `templates` of `package`, with `<name>.css` and `<name>.js` beside it.

    The template includes `head.html`, which brings the style and the content policy, and puts `script` where it
    belongs: the page may run its own style and script and show pictures that it carries, and nothing else. Filters
    beside `filters`: `web` (an address to follow, or None), `licence` (a licence's name), `n` (1,000), `pct` (12.5 %).
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("harvest.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters |= {"web": _web, "licence": _licence, "n": "{:,}".format, "pct": _percent, **(filters or {})}
    style = _asset("harvest.reports", "page.css") + _asset(package, f"{name}.css")
    script = _asset(package, f"{name}.js")
    return environment.get_template(f"{name}.html").render(
        **values,
        style=style,
        script=script,
        content_policy=f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


def _asset(package: str, name: str) -> str:
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _readable(value: object) -> object:
    """Metadata as it is stored, without the characters that would make a line read otherwise than that."""
    return value.translate(_UNSEEN) if type(value) is str else value


def _web(url: str | None) -> str | None:
    """The address when a browser may follow it, None for javascript: and its like."""
    try:
        return url if url and urlsplit(url).scheme.lower() in {"http", "https"} else None
    except ValueError:
        return None


def _licence(id_: str | None) -> str:
    known = licence(id_) if id_ else None
    return known.name if known else (id_ or "unknown")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
