"""IIIF Presentation API 2 and 3: manifests and collections as items. https://iiif.io/api/presentation/3.0/,
https://iiif.io/api/presentation/2.1/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from harvest.crawl.sites.parsing import first_link, plain
from harvest.items import ImageItem
from harvest.licences import normalize

__all__ = ["CREATORS", "FIELDS", "Painting", "Words", "address", "kind_of", "members", "paintings"]

CREATORS = (
    *("Creator", "Creators", "Artist", "Author", "Maker", "Photographer", "Illustrator", "Engraver"),
    *("Künstler", "Künstlerin", "Urheber", "Autor", "Verfasser", "Fotograf", "Schöpfer"),
    *("Auteur", "Artiste", "Créateur", "Photographe", "Autore", "Artista", "Creatore", "Creador", "Fotógrafo"),
    *("Vervaardiger", "Maker", "Kunstenaar", "Skapare", "Konstnär", "Fotograf", "Kunstner", "Ophavsperson"),
    *("Twórca", "Autor", "Автор", "Художник", "作者", "制作者"),
)
_RIGHTS = (
    *("rights", "license", "licence", "usage rights", "copyright", "lizenz", "nutzungsrechte", "nutzungsbedingungen"),
    *("droits", "licence d'utilisation", "diritti", "derechos", "licencia", "rechten", "licentie", "rättigheter"),
)
FIELDS = frozenset(
    {
        *("@context", "@id", "@type", "id", "type", "label", "viewingHint", "behavior", "thumbnail", "metadata"),
        *("summary", "description", "rights", "license", "requiredStatement", "attribution", "logo", "provider"),
        *("homepage", "related", "seeAlso", "rendering", "within", "partOf", "service", "services", "navDate"),
        *("items", "manifests", "collections", "members", "first", "next", "prev", "last", "total", "startIndex"),
        *("sequences", "structures", "viewingDirection", "placeholderCanvas", "accompanyingCanvas", "start"),
        *("startCanvas", "annotations", "modified"),
    }
)
"""What manifests and collections may say and is read or knowingly left."""


class Painting(NamedTuple):
    """One image on a canvas: the item for it, whose address is that of the image that the manifest shows if it names
    one, and the image service where there is one, as the manifest describes it.
    """

    item: ImageItem
    service: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Words:
    """How texts are chosen: `languages` in order of preference, and labels of metadata that name a creator."""

    languages: Sequence[str]
    creator_labels: Sequence[str]

    def of(self, value: Any) -> str | None:
        """A text of version 2 or 3, in the first preferred language that it has, without HTML.

        >>> Words(("de",), ()).of({"en": ["Fin"], "de": ["Flosse", "<i>groß</i>"]})
        'Flosse; groß'
        """
        by_language = _by_language(value)
        for wanted in (*self.languages, "none"):
            for language, texts in by_language.items():
                if language == wanted or language.startswith(f"{wanted}-"):
                    return _joined(texts)
        return _joined(next(iter(by_language.values()), []))

    def labelled(self, metadata: Any, labels: Sequence[str]) -> tuple[str | None, str | None]:
        """What metadata says under one of `labels`, in any language: the text, and the first link in it."""
        wanted = {label.casefold() for label in labels}
        for pair in _mappings(metadata):
            said = {text.casefold().strip(" :") for texts in _by_language(pair.get("label")).values() for text in texts}
            if said & wanted and (text := self.of(pair.get("value"))):
                everything = " ".join(t for texts in _by_language(pair.get("value")).values() for t in texts)
                return text, first_link(everything, "")
        return None, None

    def pairs(self, metadata: Any) -> dict[str, str]:
        """All metadata, label by label."""
        found: dict[str, str] = {}
        for pair in _mappings(metadata):
            label, value = self.of(pair.get("label")), self.of(pair.get("value"))
            if label and value:
                found[label] = f"{found[label]}; {value}" if label in found else value
        return found


def kind_of(document: Any) -> str | None:
    """`manifest`, `collection`, or None for what is neither."""
    said = str(document.get("type") or document.get("@type") or "") if isinstance(document, Mapping) else ""
    word = said.rpartition(":")[2].lower()
    return word if word in {"manifest", "collection"} else "collection" if word == "collectionpage" else None


def address(thing: Any) -> str | None:
    """The web address of what is given as a text or as an object with an id."""
    if isinstance(thing, Mapping):
        thing = thing.get("id") or thing.get("@id")
    return thing if isinstance(thing, str) and thing.startswith(("http://", "https://")) else None


def members(collection: Mapping[str, Any]) -> list[str]:
    """The manifests, collections and further pages that a collection names."""
    listed = [one for name in ("items", "members", "manifests", "collections") for one in _list(collection.get(name))]
    pages = [collection.get("next"), None if listed else collection.get("first")]
    return list(dict.fromkeys(found for one in (*listed, *pages) if (found := address(one))))


def paintings(manifest: Mapping[str, Any], url: str, words: Words) -> Iterator[Painting]:
    """Every image of every canvas, in their order. `url` is where the manifest was found."""
    of_manifest = _described(manifest, words)
    name = address(manifest) or url
    sequence = next(iter(_mappings(manifest.get("sequences"))), {})
    for canvas in _mappings(sequence.get("canvases") if sequence else manifest.get("items")):
        said = _over(of_manifest, _described(canvas, words))
        title, own_title = words.of(manifest.get("label")), words.of(canvas.get("label"))
        canvas_id = str(canvas.get("id") or canvas.get("@id") or "")
        raw = {"manifest": name, "manifest_label": title, "canvas": canvas_id, "canvas_label": own_title}
        raw = {key: value for key, value in {**said.pop("raw"), **raw}.items() if value}
        for number, body in enumerate(_bodies(canvas)):
            shown = address(body)
            service = next((one for one in _mappings(body.get("service")) if address(one) and _is_image(one)), None)
            if shown is None and service is None:
                continue
            item = ImageItem(
                source_id=f"{canvas_id or name}{f'#{number + 1}' if number else ''}",
                image_url=shown or str(address(service)),
                title=", ".join(dict.fromkeys(filter(None, (title, own_title)))) or None,
                raw=raw,
                **{**said, "page_url": said["page_url"] or name},
            )
            yield Painting(item, service)


def _over(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says, with what a canvas says in its place; terms and maker are one thing each."""
    said = {**outer, **{key: value for key, value in inner.items() if value}, "raw": {**outer["raw"], **inner["raw"]}}
    for names in (("license", "license_url", "license_raw"), ("creator", "creator_url")):
        if any(inner[name] for name in names):
            said |= {name: inner[name] for name in names}
    return said


def _described(record: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """What a manifest or a canvas says of its terms, its maker and its page, as fields of an item."""
    metadata = record.get("metadata")
    statement = record.get("requiredStatement")
    credit = words.of(statement.get("value") if isinstance(statement, Mapping) else record.get("attribution"))
    creator, creator_url = words.labelled(metadata, words.creator_labels)
    license_id, license_url, license_raw = _terms(record, metadata, credit, words)
    providers = next(iter(_mappings(record.get("provider"))), {})
    logo = address(next(iter(_list(record.get("logo") or providers.get("logo"))), None))
    return {
        "description": words.of(record.get("summary") or record.get("description")),
        "creator": creator,
        "creator_url": creator_url,
        "license": license_id,
        "license_url": license_url,
        "license_raw": license_raw,
        "page_url": _page(record),
        "raw": {
            name: value
            for name, value in {
                "required_statement": credit,
                "logo": logo,
                "metadata": words.pairs(metadata),
                "navigation_date": record.get("navDate"),
            }.items()
            if value
        },
    }


def _terms(
    record: Mapping[str, Any], metadata: Any, credit: str | None, words: Words
) -> tuple[str | None, str | None, str | None]:
    """Licence id, its address and what was said, from the field for it, else from metadata, else from the credit line.

    Of a credit line, only a licence that is recognized counts: it says whom to name, seldom on what terms.
    """
    given = [str(said) for said in _list(record.get("rights") or record.get("license")) if isinstance(said, str)]
    if given:
        said = next((one for one in given if normalize(one)), given[0])
        return normalize(said), address(said), said
    text, link = words.labelled(metadata, _RIGHTS)
    if text:
        said = link or text
        return normalize(link) or normalize(text), address(said) or address(text), text
    statement = record.get("requiredStatement")
    value = statement.get("value") if isinstance(statement, Mapping) else record.get("attribution")
    links = [found for texts in _by_language(value).values() for one in texts if (found := first_link(one, ""))]
    for candidate in (*links, credit):
        if known := normalize(candidate):
            return known, address(candidate), credit
    return None, None, None


def _page(record: Mapping[str, Any]) -> str | None:
    pages = _list(record.get("homepage") or record.get("related"))
    html = [one for one in pages if isinstance(one, Mapping) and "html" in str(one.get("format", "html"))]
    return next((found for one in (*html, *pages) if (found := address(one))), None)


def _bodies(canvas: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The images painted on a canvas; of a choice the one that is shown by default."""
    annotations = [one for page in _mappings(canvas.get("items")) for one in _mappings(page.get("items"))]
    for annotation in (*annotations, *_mappings(canvas.get("images"))):
        if not any("painting" in str(motive) for motive in _list(annotation.get("motivation") or "painting")):
            continue
        for body in _mappings(annotation.get("body") or annotation.get("resource")):
            chosen: Any = body
            if str(body.get("type")) == "Choice":
                chosen = next(iter(_mappings(body.get("items"))), None)
            elif body.get("@type") == "oa:Choice":
                chosen = body.get("default")
            if isinstance(chosen, Mapping) and str(chosen.get("type")) == "SpecificResource":
                chosen = chosen.get("source")
            elif isinstance(chosen, Mapping) and chosen.get("@type") == "oa:SpecificResource":
                chosen = chosen.get("full")
            if isinstance(chosen, str):
                chosen = {"id": chosen}
            if isinstance(chosen, Mapping) and _is_picture(chosen):
                yield chosen


def _is_picture(body: Mapping[str, Any]) -> bool:
    kind = str(body.get("type") or body.get("@type") or "Image").rpartition(":")[2]
    return kind == "Image" or str(body.get("format", "")).startswith("image/")


def _is_image(service: Mapping[str, Any]) -> bool:
    said = " ".join(str(service.get(name, "")) for name in ("@context", "type", "@type", "profile", "protocol"))
    return "image" in said.lower() and "auth" not in said.lower()


def _by_language(value: Any) -> dict[str, list[str]]:
    """Texts by language, `none` where they have none."""
    found: dict[str, list[str]] = {}
    if isinstance(value, Mapping) and "@value" not in value:
        for language, texts in value.items():
            found[str(language).removeprefix("@")] = [str(text) for text in _list(texts)]
        return found
    for one in _list(value):
        language, text = "none", one
        if isinstance(one, Mapping):
            language, text = str(one.get("@language") or "none"), one.get("@value")
        if isinstance(text, str | int | float):
            found.setdefault(language, []).append(str(text))
    return found


def _joined(texts: Sequence[str]) -> str | None:
    return "; ".join(text for one in texts if (text := plain(one))) or None


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in _list(value) if isinstance(one, Mapping))
