"""Text from the wild as Markdown that shows it to the letter and does nothing else."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from harvest.wording import one_line

__all__ = ["link", "plain"]

# https://spec.commonmark.org/0.31.2/#backslash-escapes, less what starts nothing inside a line
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$=^@:-])")


def plain(text: str) -> str:
    r"""`text` on one line with every character that Markdown or HTML could act on escaped, and no unseen ones.

    >>> print(plain("[x](javascript:alert(1)) <b>\n# hi"))
    \[x\]\(javascript\:alert\(1\)\) \<b\> \# hi
    """
    escaped = _ACTIVE.sub(r"\\\1", one_line(text))
    return re.sub(r"^(\d+)\.", r"\1\\.", escaped)  # else "1. " at the start of a line is a list


def link(words: str, url: str | None) -> str:
    """A Markdown link when `url` is a web address, the escaped words alone when it is anything else.

    >>> link("page", "https://example.org/a b"), link("page", "javascript:alert(1)")
    ('[page](<https://example.org/a%20b>)', 'page')
    """
    return f"[{plain(words)}](<{quote(url, safe=_KEPT)}>)" if url and _is_web(url) else plain(words)


_KEPT = "!#$%&'()*+,/:;=?@[]~"


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in {"http", "https"} and bool(parts.netloc)
