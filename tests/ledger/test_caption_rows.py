"""Captions of a recipe: the newest are in force, all stay."""

from __future__ import annotations

import pyarrow as pa

from harvest.ledger import captions_of, open_ledger, write_captions


def written(con, caption: str, *, name: str = "shells") -> None:
    columns = pa.table({"sha256": ["a" * 64], "caption": [caption], "origin": ["sidecar"]})
    write_captions(con, name=name, recipe_digest="r", input_digest=caption, columns=columns, detail={"captions": 1})


def test_the_newest_captions_of_each_recipe_are_in_force(workspace):
    with open_ledger(workspace, write=True) as con:
        written(con, "first")
        written(con, "of another", name="leaves")
        written(con, "second")

        assert {sha256: row.caption for sha256, row in captions_of(con, "shells").items()} == {"a" * 64: "second"}
        assert {row.caption for row in captions_of(con, "leaves").values()} == {"of another"}
        assert captions_of(con, "neither") == {}
        assert con.execute("SELECT count(*) FROM caption_rows WHERE seal IS NOT NULL").fetchall() == [(3,)]
