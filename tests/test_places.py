from __future__ import annotations

import pytest

from harvest.errors import SourceError, UsageError
from harvest.places import normal_url, place_at


@pytest.fixture(params=["folder", "objects"])
def place(request, tmp_path):
    return place_at(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}")


def test_what_lies_in_a_place_is_listed_with_its_size_and_in_order(place):
    place.put("shells/b.parquet", b"four")
    place.put("shells/a.parquet", b"one")
    place.put("fins/a.parquet", b"x")

    assert place.keys("shells") == {"shells/a.parquet": 3, "shells/b.parquet": 4}
    assert list(place.keys("shells")) == ["shells/a.parquet", "shells/b.parquet"]
    assert place.keys("bones") == {}


def test_what_is_still_being_written_is_not_listed(tmp_path):
    place = place_at(str(tmp_path))
    place.put("shells/a.parquet", b"one")
    (tmp_path / "shells" / ".b.part").write_bytes(b"half")

    assert list(place.keys("shells")) == ["shells/a.parquet"]


def test_a_few_bytes_of_many_are_read_without_the_others(place):
    place.put("shells/a", b"0123456789")

    with place.opened("shells/a") as file:
        file.seek(-3, 2)
        assert file.read() == b"789"
    with pytest.raises(FileNotFoundError):
        place.opened("shells/b")


def test_a_place_is_written_down_one_way(tmp_path):
    assert normal_url(f"file://{tmp_path}/a%20b") == str(tmp_path / "a b")
    assert normal_url("s3://shells/2026/") == "s3://shells/2026"
    with pytest.raises(UsageError, match="holds no credentials"):
        normal_url("s3://key:secret@shells/2026")


def test_a_store_that_does_not_answer_is_an_error_that_names_it():
    class Silent:
        def find(self, *_, **__):
            raise TimeoutError("nobody there")

    place = place_at("memory://silent")
    place._files = Silent()
    with pytest.raises(SourceError, match="memory://silent: the store does not do what it is asked: nobody there"):
        place.keys("x")
