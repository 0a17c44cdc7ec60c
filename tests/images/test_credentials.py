"""C2PA manifests in real, signed files: what they refuse, how they say a picture was made, and what is broken."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

from harvest.images.credentials import Credentials, read_credentials

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF")
PREFIX = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def picture(kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(buffer, kind)
    return buffer.getvalue()


def mining(prefix: str, **uses: str) -> dict[str, object]:
    return {"entries": {f"{prefix}.{purpose}": {"use": use} for purpose, use in uses.items()}}


def made(*terms: str) -> dict[str, object]:
    first, *later = terms
    actions = [{"action": "c2pa.created", "digitalSourceType": PREFIX + first}]
    return {"actions": actions + [{"action": "c2pa.edited", "digitalSourceType": PREFIX + term} for term in later]}


def said(body: bytes, kind: str = "JPEG") -> list[tuple[str, str]]:
    return [(signal.kind, signal.value) for signal in read_credentials(body, kind).signals]


@pytest.mark.parametrize("kind", KINDS)
def test_every_container_brings_its_manifest(kind, signed):
    assertions = {
        "c2pa.actions": made("trainedAlgorithmicMedia"),
        "cawg.training-mining": mining("cawg", ai_training="notAllowed"),
    }
    body = signed(picture(kind), assertions, f"image/{kind.lower()}")

    found = read_credentials(body, kind)

    [signal] = found.signals
    assert (signal.kind, signal.value) == ("c2pa", "cawg.training-mining: cawg.ai_training notAllowed")
    assert signal.where.startswith("c2pa:urn:c2pa:")
    assert found.digital_source_type == "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("label", "uses", "refused"),
    [
        ("cawg", {"ai_training": "allowed", "data_mining": "allowed"}, []),
        ("cawg", {"ai_generative_training": "notAllowed"}, ["cawg.ai_generative_training notAllowed"]),
        ("cawg", {"data_mining": "constrained"}, ["cawg.data_mining constrained"]),
        ("cawg", {"ai_inference": "notAllowed"}, ["cawg.ai_inference notAllowed"]),
        ("cawg", {"shouting": "notAllowed"}, []),
        ("c2pa", {"ai_training": "notAllowed"}, ["c2pa.ai_training notAllowed"]),
        ("c2pa", {"ai_training": "allowed", "data_mining": "notAllowed"}, ["c2pa.data_mining notAllowed"]),
    ],
)
def test_only_a_no_or_an_unmet_condition_refuses(label, uses, refused, signed):
    name = f"{label}.training-mining"
    body = signed(picture(), {"c2pa.actions": made("digitalCapture"), name: mining(label, **uses)})

    assert said(body) == [("c2pa", f"{name}: {words}") for words in refused]


def test_the_terms_of_a_condition_are_evidence(signed):
    entries = {"cawg.ai_training": {"use": "constrained", "constraint_info": "ask the museum"}}
    body = signed(picture(), {"c2pa.actions": made("digitalCapture"), "cawg.training-mining": {"entries": entries}})

    assert said(body) == [("c2pa", "cawg.training-mining: cawg.ai_training constrained (ask the museum)")]


def test_the_most_telling_action_says_how_a_picture_was_made(signed):
    body = signed(picture(), {"c2pa.actions": made("digitalCapture", "compositeWithTrainedAlgorithmicMedia")})

    assert read_credentials(body, "JPEG").digital_source_type == "compositeWithTrainedAlgorithmicMedia"


def test_a_later_manifest_does_not_take_a_refusal_back(signed):
    first = signed(
        picture(),
        {"c2pa.actions": made("digitalCapture"), "cawg.training-mining": mining("cawg", ai_training="notAllowed")},
    )
    again = signed(first, {"cawg.training-mining": mining("cawg", ai_training="allowed")}, is_edit=True)

    assert len(again) > len(first)
    assert ("c2pa", "cawg.training-mining: cawg.ai_training notAllowed") in said(again)


def test_a_refusal_in_a_picture_that_was_changed_afterwards_still_counts(signed):
    body = bytearray(
        signed(
            picture(),
            {"c2pa.actions": made("digitalCapture"), "cawg.training-mining": mining("cawg", ai_training="notAllowed")},
        )
    )
    body[-20] ^= 0xFF

    assert said(bytes(body)) == [("c2pa", "cawg.training-mining: cawg.ai_training notAllowed")]


@pytest.mark.parametrize("harm", ["cut", "overwritten"])
def test_a_broken_manifest_is_evidence_and_refuses_nothing(harm, signed):
    assertions = {
        "c2pa.actions": made("digitalCapture"),
        "cawg.training-mining": mining("cawg", ai_training="notAllowed"),
    }
    body = signed(picture(), assertions)
    at = body.index(b"cawg.training-mining") + 40
    body = body[:at] + (body[at + 200 :] if harm == "cut" else b"\xff" * 40 + body[at + 40 :])

    [(kind, value)] = said(body)

    assert kind == "c2pa-unread"
    assert value.startswith("present, not readable: ")


def test_pictures_without_a_manifest_do_not_load_the_library():
    code = (
        "import sys; from harvest.images.credentials import read_credentials;"
        "print(read_credentials(b'\\xff\\xd8 c2pa jumb', 'JPEG').signals, 'c2pa' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["()", "False"]


def test_without_the_library_a_manifest_is_said_to_be_unread(signed):
    body = signed(picture(), {"c2pa.actions": made("digitalCapture")})
    code = (
        "import sys; sys.modules['c2pa'] = None;"  # how Python marks a package that cannot be imported
        "from harvest.images.credentials import read_credentials;"
        "[signal] = read_credentials(sys.stdin.buffer.read(), 'JPEG').signals; print(signal.kind, signal.value)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=body, capture_output=True, check=True)

    assert done.stdout.decode().strip() == ("c2pa-unread present, not read: pip install 'herbarium-harvester[c2pa]'")


def test_a_plain_picture_says_nothing():
    assert read_credentials(picture(), "JPEG") == Credentials()
