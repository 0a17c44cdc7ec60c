from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harvest.ledger import decisions, duplicates, open_ledger, selected
from harvest.progress import SilentProgress
from harvest.stages import stage_digests
from harvest.stages.dedupe import run_dedupe
from harvest.stages.dedupe.groups import group
from harvest.stages.dedupe.likeness import likeness, thumbnail
from harvest.stages.dedupe.pairs import near_pairs

DEDUPE = "dedupe: {near: {max_distance: 8}}\nlayout: null"


def run(herbarium, recipe):
    return run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())


def kept(herbarium, recipe):
    stages = {"dedupe": stage_digests(recipe, herbarium.workspace)["dedupe"]}
    with open_ledger(herbarium.workspace) as con:
        return {image.sha256 for image in selected(con, stages)}


def reasons(herbarium, recipe):
    stages = {"dedupe": stage_digests(recipe, herbarium.workspace)["dedupe"]}
    with open_ledger(herbarium.workspace) as con:
        return {row.sha256: row.reason for row in decisions(con, stages)}


def test_the_largest_copy_stays_and_the_reason_says_so(herbarium, recipe, encoded, picture):
    original = herbarium.meet(picture(1, 800, 600))
    reencoded = herbarium.meet(encoded(picture(1, 800, 600), quality=60))
    small = herbarium.meet(picture(1, 800, 600).resize((400, 300)))
    other = herbarium.meet(picture(2, 800, 600))
    herbarium.crawl()

    report = run(herbarium, recipe(DEDUPE))

    assert (report.done, report.kept, report.dropped) == (4, 2, 2)
    assert kept(herbarium, recipe(DEDUPE)) == {original, other}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[small].startswith(f"near duplicate of {original[:12]} at ")
    assert why[small].endswith("bits; kept the larger copy")
    assert why[reencoded].endswith("kept the heavier copy")
    assert why[original] == "best of 3 copies"
    with open_ledger(herbarium.workspace) as con:
        rows = duplicates(con, "shells")
    assert {row.sha256 for row in rows} == {original, reencoded, small}
    assert [row.sha256 for row in rows if row.keeper] == [original]
    assert {(row.kind, row.threshold, row.method) for row in rows} == {("near", 8, "phash")}


def test_a_known_licence_breaks_the_tie_and_then_the_date(herbarium, recipe, encoded, picture):
    body = encoded(picture(3))
    unknown = herbarium.meet(body + b"\0", license=None)
    late = herbarium.meet(body + b"\1", published_at="2020-01-01")
    early = herbarium.meet(body + b"\2", published_at="1999")
    herbarium.crawl()

    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {early}
    why = reasons(herbarium, recipe(DEDUPE))
    assert why[unknown].endswith("kept the better licensed copy")
    assert why[late].endswith("kept the earlier copy")


def test_keep_earliest_prefers_the_first_published(herbarium, recipe, picture):
    first = herbarium.meet(picture(4, 400, 300), published_at="1899")
    herbarium.meet(picture(4, 800, 600), published_at="1950")
    herbarium.crawl()
    earliest = recipe("dedupe: {keep: earliest}\nlayout: null")

    run(herbarium, earliest)

    assert kept(herbarium, earliest) == {first}


def test_a_second_run_writes_nothing(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(1, 200, 150))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))
    before = herbarium.workspace.ledger.stat().st_mtime_ns

    again = run(herbarium, recipe(DEDUPE))

    assert (again.done, again.skipped, again.dropped) == (0, 2, 1)
    assert herbarium.workspace.ledger.stat().st_mtime_ns == before


def test_a_better_copy_that_comes_later_takes_over(herbarium, recipe, picture):
    small = herbarium.meet(picture(1, 400, 300))
    herbarium.crawl()
    run(herbarium, recipe(DEDUPE))
    assert kept(herbarium, recipe(DEDUPE)) == {small}

    large = herbarium.meet(picture(1, 800, 600))
    herbarium.crawl()
    assert kept(herbarium, recipe(DEDUPE)) == {small}  # nobody decided on the new one yet
    run(herbarium, recipe(DEDUPE))

    assert kept(herbarium, recipe(DEDUPE)) == {large}


def test_without_near_everything_stays(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.meet(picture(1, 200, 150))
    herbarium.crawl()
    exact_only = recipe("dedupe: {near: null}\nlayout: null")

    assert run(herbarium, exact_only).dropped == 0
    assert len(kept(herbarium, exact_only)) == 2


def test_an_empty_ledger_is_no_trouble(herbarium, recipe):
    herbarium.crawl()

    assert run(herbarium, recipe(DEDUPE)).done == 0


def test_a_crop_is_alike_and_another_picture_is_not(picture):
    image = picture(7, 800, 600)
    cropped = image.crop((16, 12, 784, 588))

    assert likeness(thumbnail(image), thumbnail(cropped)) >= 0.975
    assert likeness(thumbnail(image), thumbnail(image.resize((200, 150)))) >= 0.99
    assert likeness(thumbnail(image), thumbnail(picture(8, 800, 600))) < 0.9


def test_flat_pictures_do_not_divide_by_nothing():
    red, blue = (thumbnail(Image.new("RGB", (50, 50), colour)) for colour in ("red", "blue"))

    assert likeness(red, red) >= 0.975
    assert likeness(red, blue) < 0.975


def test_a_chain_is_cut_where_the_ends_are_not_alike():
    # b resembles a and c, which do not resemble each other: c must not be dropped for a.
    groups = group([(0, 1, 6), (1, 2, 6)], ranked=[0, 1, 2])

    assert [(found.keeper, found.others) for found in groups] == [(0, ((1, 6),))]


hashes = st.lists(
    st.integers(0, 2**64 - 1).flatmap(
        lambda base: st.lists(st.integers(0, 63), max_size=9).map(
            lambda bits: np.bitwise_xor.reduce(np.array([base, *(1 << bit for bit in bits)], dtype=np.uint64))
        )
    ),
    max_size=40,
)


@given(hashes, st.integers(0, 16))
def test_no_pair_within_the_radius_is_missed(values, radius):
    array = np.array(values + values[:3], dtype=np.uint64)

    found = {(i, j): distance for i, j, distance in near_pairs(array, radius).tolist()}

    plain = [int(value) for value in array]
    expected = {
        (i, j): (plain[i] ^ plain[j]).bit_count()
        for i in range(len(plain))
        for j in range(i + 1, len(plain))
        if (plain[i] ^ plain[j]).bit_count() <= radius
    }
    assert found == expected


edges = st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]))


@given(edges, st.permutations(range(12)))
def test_groups_share_nobody_and_bind_every_member_to_its_keeper(pairs, ranked):
    groups = group([(i, j, 3) for i, j in pairs], ranked)

    members = [number for found in groups for number in (found.keeper, *(j for j, _ in found.others))]
    assert len(members) == len(set(members))
    for found in groups:
        assert all(tuple(sorted((found.keeper, j))) in pairs for j, _ in found.others)
        assert all(ranked.index(found.keeper) < ranked.index(j) for j, _ in found.others)
    # Two keepers, or a keeper and a picture in no group, are never copies of each other.
    alone = set(range(12)) - {j for found in groups for j, _ in found.others}
    assert not any({i, j} <= alone for i, j in pairs)


@given(edges, st.permutations(range(12)))
def test_the_order_of_the_pairs_does_not_matter(pairs, ranked):
    forward = group([(i, j, 1) for i, j in sorted(pairs)], ranked)
    backward = group([(i, j, 1) for i, j in sorted(pairs, reverse=True)], ranked)

    assert forward == backward
