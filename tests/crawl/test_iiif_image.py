"""Which requests bring a IIIF image: grids cover it exactly, wholes are never larger than wanted or allowed."""

from __future__ import annotations

import io
from json import dumps

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harvest.crawl.sites.iiif_image import Grid, Service, Whole, choose, service_of

SIDES = st.integers(1, 3000)


GRIDS = st.builds(
    Grid,
    base=st.just("http://img.example/x"),
    version=st.sampled_from([2, 3]),
    full_width=SIDES,
    full_height=SIDES,
    tile_width=st.integers(64, 512),
    tile_height=st.integers(64, 512),
    scale=st.sampled_from([1, 2, 4, 8]),
)


@given(GRIDS)
def test_tiles_cover_every_pixel_once(grid: Grid) -> None:
    covered = np.zeros((grid.height, grid.width), dtype=np.uint8)

    tiles = list(grid.tiles())

    for tile in tiles:
        assert 0 < tile.width <= grid.tile_width
        assert 0 < tile.height <= grid.tile_height
        covered[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
    assert (covered == 1).all()
    assert len({tile.url for tile in tiles}) == len(tiles)


@given(SIDES, SIDES, st.integers(1, 4000), st.none() | st.integers(1, 4000), st.none() | st.integers(100, 400_000))
def test_a_whole_image_keeps_to_what_is_wanted_and_allowed(
    width: int, height: int, wanted: int, most: int | None, area: int | None
) -> None:
    limits = {"maxWidth": most, "maxArea": area, "profile": "level2"}
    info = {"@context": "http://iiif.io/api/image/3/context.json", "width": width, "height": height, **limits}

    choice = choose(service_of(info, "http://img.example/x"), wanted, "auto")

    assert isinstance(choice, Whole)
    assert max(choice.width, choice.height) <= min(wanted, most or wanted)
    assert choice.width <= width
    assert choice.height <= height
    # What is rounded up by half a pixel on each side may exceed the area by that much.
    assert choice.width * choice.height <= (area or width * height) + width + height


def test_of_listed_sizes_the_smallest_that_is_large_enough() -> None:
    service = Service(base="b", version=2, width=900, height=600, sizes=((300, 200), (450, 300), (900, 600)))

    assert [choose(service, wanted, "auto").url for wanted in (200, 301, 500, None)] == [
        "b/full/300,/0/default.jpg",
        "b/full/450,/0/default.jpg",
        "b/full/full/0/default.jpg",
        "b/full/full/0/default.jpg",
    ]


@pytest.mark.parametrize("info", [[], {"width": 3}, {"width": 0, "height": 2}, {"width": "x", "height": 2}])
def test_a_description_without_a_size_is_none(info: object) -> None:
    with pytest.raises(ValueError, match="the image's description"):
        service_of(info, "b")


def test_a_server_of_plain_tiles_gives_a_whole_image(desk, site) -> None:
    """Level 0: tiles and one small size are files, everything else is 404."""
    pixels = np.random.default_rng(3).integers(0, 256, (500, 700, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    grid = Grid(
        base=f"{site.url}/x",
        version=3,
        full_width=700,
        full_height=500,
        tile_width=256,
        tile_height=256,
        scale=1,
        format="png",
    )
    for tile in grid.tiles():
        part = picture.crop((tile.x, tile.y, tile.x + tile.width, tile.y + tile.height))
        site.add(tile.url.removeprefix(site.url), png(part), headers=(("Content-Type", "image/png"),))
    service = {"id": f"{site.url}/x", "type": "ImageService3", "profile": "level0"}
    tiles = [{"width": 256, "scaleFactors": [1, 2]}]
    context = "http://iiif.io/api/image/3/context.json"
    site.add("/x/info.json", dumps({"@context": context, **service, "width": 700, "height": 500, "tiles": tiles}))
    site.add("/manifest", dumps(manifest(site.url, service)))
    options = {"manifests": [f"{site.url}/manifest"], "format": "png"}

    assert desk.crawl(desk.source(spider="iiif", options=options)).code == 0

    [(url, outcome, path, raw)] = desk.rows(
        "SELECT image_url, outcome, images.path, raw FROM sightings JOIN images USING (sha256)"
    )
    assert (url, outcome) == (f"{site.url}/x/info.json#tiles=256x256&scale=1", "stored")
    assert "stitched from 6 tiles of 256x256" in str(raw)
    with Image.open(desk.workspace.root / path) as stitched:
        assert stitched.format == "PNG"
        assert (np.asarray(stitched) == pixels).all()


def test_an_image_with_a_tile_missing_fails_and_one_that_is_too_large_is_not_begun(desk, site) -> None:
    for name, side in (("torn", 300), ("huge", 300_000)):
        service = {"id": f"{site.url}/{name}", "type": "ImageService3", "profile": "level0"}
        info = {**service, "width": side, "height": side, "tiles": [{"width": 256}]}
        site.add(f"/{name}/info.json", dumps(info))
        site.add(f"/{name}/manifest", dumps(manifest(f"{site.url}/{name}", service)))
    site.add("/torn/0,0,256,256/256,256/0/default.jpg", png(Image.new("RGB", (256, 256))))
    options = {"manifests": [f"{site.url}/torn/manifest", f"{site.url}/huge/manifest"]}

    assert desk.crawl(desk.source(spider="iiif", options=options)).code == 0

    fates = {url.partition("/")[0]: fate for url, fate in ((u.lstrip("/"), f) for u, f in desk.fates().items())}
    assert fates["torn"] == ("failed", f"http_404: tile {site.url}/torn/256,0,44,256/44,256/0/default.jpg")
    assert fates["huge"] == ("failed", "too_large: 300000x300000 pixels are more than limits.max_pixels")
    assert site.asked("/huge/0,0") == []


def manifest(base: str, service: dict[str, object]) -> dict[str, object]:
    body = {"id": f"{base}/static.jpg", "type": "Image", "service": [service]}
    annotation = {"type": "Annotation", "motivation": "painting", "body": body}
    canvas = {"id": f"{base}/canvas", "type": "Canvas", "items": [{"type": "AnnotationPage", "items": [annotation]}]}
    return {"id": f"{base}/manifest", "type": "Manifest", "label": {"en": ["Fin"]}, "items": [canvas]}


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
