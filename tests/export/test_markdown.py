from __future__ import annotations

import unicodedata
from html import escape

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harvest.export.markdown import link, plain

RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render


@given(st.text())
@example("1. one")
@example("12) twelve")
@example("<!-- -->&amp;\\`*_{}[]()#+-.!|~")
@example("[a]: http://evil.test")
def test_any_text_renders_as_itself(text: str) -> None:
    seen = "".join(
        " " if unicodedata.category(c) in {"Cc", "Cf", "Co", "Zl", "Zp"} and c != "\u200d" else c for c in text
    )
    shown = " ".join(seen.split())

    assert RENDER(plain(text)) == (f"<p>{escape(shown, quote=False)}</p>\n".replace('"', "&quot;") if shown else "")


@given(st.text(), st.text())
def test_no_address_breaks_out_of_its_link(words: str, tail: str) -> None:
    rendered = RENDER("x " + link("a" + words, "http://example.org/" + tail))

    assert rendered.count("<a href=") == 1
    assert rendered.endswith("</a></p>\n")


def test_only_web_addresses_become_links() -> None:
    for url in ("javascript:alert(1)", "data:text/html,x", "//example.org", "http://[bad", None):
        assert link("page", url) == "page"
