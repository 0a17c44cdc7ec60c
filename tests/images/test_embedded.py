"""What files say of themselves, in files as cameras, photographers and generators write them."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harvest.images.embedded import Embedded, read_embedded

SETTINGS = (
    "a fin, studio light\nNegative prompt: blur\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Model: dream"
)
GRAPH = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})


def saved(kind: str = "JPEG", **saving: object) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((40, 30)).save(buffer, kind, **saving)
    return buffer.getvalue()


def exif(**tags: object) -> Image.Exif:
    found = Image.Exif()
    for name, value in tags.items():
        found[{"software": 0x0131, "make": 0x010F, "copyright": 0x8298, "artist": 0x013B}[name]] = value
    return found


def png(**texts: str) -> bytes:
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return saved("PNG", pnginfo=info)


def xmp(inner: str = "", attributes: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:cc="http://creativecommons.org/ns#" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f"{attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def placed(north: tuple[float, float, float], ref: str, east: tuple[float, float, float], east_ref: str) -> bytes:
    found = Image.Exif()
    found.get_ifd(0x8825).update({1: ref, 2: north, 3: east_ref, 4: east})
    return saved(exif=found)


def test_maker_and_terms_from_wherever_they_stand() -> None:
    photoshop = b"http://gallery.example/terms"
    resource = b"8BIM\x04\x0b\x00\x00" + len(photoshop).to_bytes(4, "big") + photoshop
    payload = b"Photoshop 3.0\x00" + resource
    segment = b"\xff\xed" + (len(payload) + 2).to_bytes(2, "big") + payload
    jpeg = saved(exif=exif(copyright="(c)  2019 Ada Moss", artist="Ada Moss"))

    said = read_embedded(jpeg[:2] + segment + jpeg[2:])

    assert said == Embedded(
        copyright="(c) 2019 Ada Moss", creator="Ada Moss", license_url="http://gallery.example/terms"
    )
    by = xmp('<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>', 'photoshop:Country="Peru"')
    assert read_embedded(saved("WEBP", xmp=by)).license_url == "https://creativecommons.org/licenses/by/4.0/"
    assert read_embedded(saved("WEBP", xmp=by)).country == "Peru"


def test_exif_position_in_each_quarter_of_the_globe() -> None:
    paris = read_embedded(placed((48.0, 51.0, 30.24), "N", (2.0, 17.0, 40.2), "E"))
    lima = read_embedded(placed((12.0, 2.76, 0.0), "S", (77.0, 1.7, 0.0), "W"))

    assert (paris.latitude, paris.longitude) == (pytest.approx(48.8584), pytest.approx(2.2945))
    assert (lima.latitude, lima.longitude) == (pytest.approx(-12.046), pytest.approx(-77.02833, abs=1e-5))


@pytest.mark.parametrize(
    ("north", "east", "expected"),
    [
        ("48,51.504N", "2,17.67E", (48.8584, 2.2945)),
        ("48,51,30.24N", "2,17,40.2W", (48.8584, -2.2945)),
        ("-33.85", "151.2", (-33.85, 151.2)),
        ("0", "0", None),
        ("95,0N", "2,0E", None),
        ("somewhere", "2,0E", None),
        ("nan", "inf", None),
    ],
)
def test_xmp_position_in_its_spellings(north: str, east: str, expected: tuple[float, float] | None) -> None:
    place = f'exif:GPSLatitude="{north}" exif:GPSLongitude="{east}"'
    nested = f"<Iptc4xmpExt:LocationCreated><rdf:Bag><rdf:li {place}/></rdf:Bag></Iptc4xmpExt:LocationCreated>"

    for packet in (xmp(attributes=place), xmp(nested)):
        said = read_embedded(saved(xmp=packet))
        found = None if said.latitude is None else (said.latitude, said.longitude)
        assert found == (pytest.approx(expected) if expected else None)


def test_camera_without_a_fix_says_no_position() -> None:
    assert read_embedded(placed((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E")).latitude is None


def utf16_comment() -> bytes:
    found = Image.Exif()
    found.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + SETTINGS.encode("utf-16-be")
    return saved("WEBP", exif=found)


GENERATED = {
    "AUTOMATIC1111": (lambda: png(parameters=SETTINGS), "Stable Diffusion (dream)", "png:parameters"),
    "AUTOMATIC1111 as WebP": (utf16_comment, "Stable Diffusion (dream)", "exif:UserComment"),
    "ComfyUI": (lambda: png(prompt=GRAPH), "ComfyUI", "png:prompt"),
    "ComfyUI's workflow": (lambda: png(workflow='{"nodes": [], "links": []}'), "ComfyUI", "png:workflow"),
    "ComfyUI as WebP": (lambda: saved("WEBP", exif=exif(make=f"workflow:{GRAPH}")), "ComfyUI", "exif:Make"),
    "InvokeAI": (lambda: png(invokeai_metadata="{}"), "InvokeAI", "png:invokeai_metadata"),
    "NovelAI": (lambda: png(Software="NovelAI", Comment='{"steps": 28}'), "NovelAI", "png:Software"),
    "Midjourney": (
        lambda: png(Description="a fin --v 6 Job ID: 0f8fad5b-d9cb-469f-a165-70867728950e"),
        "Midjourney",
        "png:Description",
    ),
    "a program's name": (lambda: saved(exif=exif(software="DALL-E 3")), "DALL-E 3", "exif:Software"),
    "a creator tool": (
        lambda: saved(xmp=xmp(attributes='xmp:CreatorTool="Adobe Firefly"')),
        "Adobe Firefly",
        "xmp:CreatorTool",
    ),
    "a credit": (
        lambda: saved(xmp=xmp(attributes='photoshop:Credit="Made with Google AI"')),
        "Made with Google AI",
        "iptc:Credit",
    ),
    "a comment": (lambda: saved(comment=SETTINGS.encode()), "Stable Diffusion (dream)", "comment"),
}


@pytest.mark.parametrize("name", GENERATED)
def test_generators_are_known_by_what_they_write(name: str) -> None:
    made, generator, where = GENERATED[name]

    said = read_embedded(made())

    assert (said.generator, said.generator_where) == (generator, where)


@pytest.mark.parametrize(
    "body",
    [
        png(parameters="width 10, height 20"),
        png(prompt="What is this?"),
        png(workflow="[1, 2]"),
        png(Description="An article on Midjourney and Stable Diffusion"),
        png(Software="Adobe Photoshop 25.0", Author="Firefly Fan"),
        saved(exif=exif(software="GIMP 2.10", make="NIKON")),
        saved(comment=b"a comment on ComfyUI"),
    ],
    ids=range(7),
)
def test_what_only_speaks_of_generators_is_no_generator_s(body: bytes) -> None:
    assert read_embedded(body).generator is None


def test_text_behind_the_pixels_of_a_png_is_read() -> None:
    body = png(parameters=SETTINGS)
    start = body.index(b"tEXt") - 4
    end = start + 12 + int.from_bytes(body[start : start + 4], "big")
    tail = body.rindex(b"IEND") - 4

    moved = body[:start] + body[end:tail] + body[start:end] + body[tail:]

    assert read_embedded(moved).generator_where == "png:parameters"


def test_signed_manifest_names_its_program(signed) -> None:
    term = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": term}]}

    said = read_embedded(signed(saved(), {"c2pa.actions": actions}, "image/jpeg"))

    assert said.digital_source_type == "trainedAlgorithmicMedia"
    assert said.generator_where == "c2pa"
    assert said.generator


@given(st.data())
def test_damaged_and_hostile_files_raise_nothing(data: st.DataObject) -> None:
    position = xmp(attributes='exif:GPSLatitude="48,51.504N" exif:GPSLongitude="2,17.67E"')
    whole = bytearray(
        data.draw(
            st.sampled_from(
                [
                    saved(exif=exif(copyright="(c) Ada", software="ComfyUI"), xmp=position),
                    png(parameters=SETTINGS, prompt=GRAPH),
                    placed((48.0, 51.0, 30.0), "N", (2.0, 17.0, 40.0), "E"),
                ]
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 20))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))

    read_embedded(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


def test_statements_are_bounded_and_bombs_left_alone() -> None:
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    nested = "[" * 100_000

    assert len(read_embedded(saved(exif=exif(copyright="c" * 5000))).copyright or "") == 1000
    assert read_embedded(saved(xmp=entities)) == Embedded()
    assert read_embedded(png(prompt='{"class_type":' + nested)) == Embedded()
    assert read_embedded(b"no image") == Embedded()
