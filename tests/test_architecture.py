"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("spiders", "harvest", "layout")
WRITING_SQL = re.compile(
    r"^\s*(INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|VIEW|SEQUENCE|INDEX)"
    r"|DROP\s+(TABLE|VIEW|SEQUENCE|INDEX)|ALTER\s+TABLE|COPY\s+\w+\s+(TO|FROM)|MERGE\s+INTO|TRUNCATE\s+\w+)\b",
    re.IGNORECASE | re.MULTILINE,
)


def modules(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def texts(module: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_only_the_ledger_holds_sql_that_writes() -> None:
    found = [
        f"{module.relative_to(ROOT)}:{line}"
        for module in modules(*PACKAGES)
        if (ROOT / "harvest" / "ledger") not in module.parents
        for line, text in texts(module)
        if WRITING_SQL.search(text)
    ]

    assert found == []


def test_the_rule_about_sql_sees_what_it_should() -> None:
    ledger = [text for module in modules("harvest/ledger") for _, text in texts(module) if WRITING_SQL.search(text)]

    assert len(ledger) >= 5


@pytest.mark.parametrize(("package", "limit"), [("spiders", 120), ("harvest", 320), ("layout", 320)])
def test_files_stay_readable(package: str, limit: int) -> None:
    long = {
        str(module.relative_to(ROOT)): lines
        for module in modules(package)
        if (lines := len(module.read_text(encoding="utf-8").splitlines())) > limit
    }

    assert long == {}


def test_functions_fit_a_screen() -> None:
    long = {
        f"{module.relative_to(ROOT)}:{node.name}": length
        for module in modules(*PACKAGES)
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > 60
    }

    assert long == {}
