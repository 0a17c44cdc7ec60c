"""Sidecar files: what somebody wrote down about an image of theirs, beside it or for its whole folder.

`photo.jpg.yaml` (or `.json`, or `photo.yaml`) speaks for one image, `_rights.yaml` for its folder and all below it; of
two that speak of the same thing the nearer one counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from harvest.config.reader import Section, setting
from harvest.errors import ConfigError
from harvest.images.rights import EmbeddedRights
from harvest.items import ImageItem
from harvest.licences import licence, normalize

__all__ = ["SIDECAR_SUFFIXES", "Sidecar", "Sidecars", "described"]

SIDECAR_SUFFIXES = (".yaml", ".yml", ".json")
_FOLDER_WIDE = "_rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What may be said of an image or a folder. `license` is an SPDX id, a LicenseRef-* or a licence's address or name;
    `caption` describes the image, and is what it is called in training; `consent` notes who agreed to what (for people
    shown), `note` is anything else worth keeping. `focus` is the point that matters in the picture, as shares of its
    width and height from the left and from the top: crops are made around it.
    """

    title: str | None = None
    caption: str | None = None
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    creator: str | None = None
    creator_url: str | None = None
    license: str | None = None
    license_url: str | None = None
    page_url: str | None = None
    taken_at: str | None = None
    published_at: str | None = None
    consent: str | None = None
    note: str | None = None
    focus: tuple[float, ...] = setting((), ge=0, le=1)


class Sidecars:
    """The sidecars of one folder or archive.

    `read` brings a file's bytes by its name relative to the top, None where there is none; `where` words a name for
    errors.
    """

    def __init__(self, read: Callable[[PurePosixPath], bytes | None], where: Callable[[PurePosixPath], Path]) -> None:
        self._read, self._where = read, where
        self._folder = lru_cache(maxsize=1024)(self._of_folder)

    def of(self, name: PurePosixPath) -> Sidecar:
        """What is written down about the image `name`. Raises ConfigError for what no sidecar may say."""
        stems = (name, name.with_suffix("")) if name.suffix else (name,)
        own = (self._load(stem.with_name(stem.name + suffix)) for stem in stems for suffix in SIDECAR_SUFFIXES)
        return _over(next((each for each in own if each), Sidecar()), self._folder(name.parent))

    def _of_folder(self, folder: PurePosixPath) -> Sidecar:
        own = (self._load(folder / f"{_FOLDER_WIDE}{suffix}") for suffix in SIDECAR_SUFFIXES)
        said = next((each for each in own if each), Sidecar())
        return said if folder == folder.parent else _over(said, self._folder(folder.parent))

    def _load(self, name: PurePosixPath) -> Sidecar | None:
        file = self._where(name)
        try:
            body = self._read(name)
        except OSError as error:
            raise ConfigError(file, "", f"cannot be read: {error.strerror}") from None
        if body is None:
            return None
        try:
            # `${NAME}` stays as it is: a sidecar may be a stranger's, and the environment holds secrets.
            values: Any = json.loads(body) if name.suffix == ".json" else yaml.safe_load(body)
        except (ValueError, yaml.YAMLError) as error:
            line = str(error).splitlines()[0]
            raise ConfigError(file, "", f"cannot be read: {line}") from None
        if not isinstance(values, dict):
            raise ConfigError(file, "", f"expected a mapping, got {type(values).__name__}")
        texts = {str(key): str(each) if hasattr(each, "isoformat") else each for key, each in values.items()}
        said = Section(file, "", texts).read(Sidecar)
        if said.license and not normalize(said.license) and not said.license.startswith("LicenseRef-"):
            expected = "an SPDX id, a LicenseRef-* or a licence's URL"
            raise ConfigError(file, "license", f"expected {expected}, got {said.license!r}")
        if len(said.focus) not in {0, 2}:
            raise ConfigError(
                file, "focus", f"expected two shares from 0 to 1, like [0.5, 0.3], got {list(said.focus)}"
            )
        return said


def described(item: ImageItem, said: Sidecar, embedded: EmbeddedRights) -> ImageItem:
    """`item` with what its sidecars say and, where they are silent, the file itself."""
    item = replace(
        item,
        title=said.title or embedded.title,
        description=said.caption or embedded.description,
        tags=said.tags,
        labels=said.labels or item.labels,
        creator=said.creator or embedded.creator,
        creator_url=said.creator_url,
        page_url=said.page_url,
        taken_at=said.taken_at or embedded.taken_at,
        published_at=said.published_at,
        raw={
            **item.raw,
            **_texts(caption=said.caption, consent=said.consent, note=said.note),
            **_focus(said),
            **_copyright(embedded),
        },
    )
    if said.license or said.license_url:
        id_ = normalize(said.license) or said.license or normalize(said.license_url)
        known = licence(id_ or "")
        address = said.license_url or (known.uri if known else None)
        return replace(item, license=id_, license_url=address, license_raw=said.license or said.license_url)
    # A notice of rights is a licence only where it is the name or the address of one.
    stated = embedded.license or (embedded.copyright if normalize(embedded.copyright) else None)
    if stated or embedded.license_url:
        id_ = normalize(stated) or normalize(embedded.license_url)
        raw = stated or embedded.license_url
        return replace(item, license=id_, license_url=embedded.license_url, license_raw=raw)
    return item


def _over(near: Sidecar, far: Sidecar) -> Sidecar:
    """What the nearer one says, and the farther one where it is silent; a licence and its address stay together."""
    terms = {"license", "license_url"}
    keep = terms if near.license or near.license_url else set()
    silent = {f.name: getattr(far, f.name) for f in fields(Sidecar) if not getattr(near, f.name) and f.name not in keep}
    return replace(near, **silent)


def _focus(said: Sidecar) -> dict[str, list[float]]:
    return {"focus": list(said.focus)} if said.focus else {}


def _copyright(embedded: EmbeddedRights) -> dict[str, str]:
    return _texts(copyright=embedded.copyright, credit=embedded.credit)


def _texts(**said: str | None) -> dict[str, str]:
    return {name: value for name, value in said.items() if value}
