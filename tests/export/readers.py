"""Readers that take exports as the training tools do, step by step, and complain where those would stop."""

from __future__ import annotations

import io
import json
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# ---- sd-scripts: library/config_util.py (ConfigSanitizer), train_util.py (DreamBoothDataset)

_SUBSET = {
    "color_aug": bool,
    "flip_aug": bool,
    "num_repeats": int,
    "random_crop": bool,
    "shuffle_caption": bool,
    "keep_tokens": int,
    "keep_tokens_separator": str,
    "secondary_separator": str,
    "caption_separator": str,
    "enable_wildcard": bool,
    "token_warmup_min": int,
    "token_warmup_step": (int, float),
    "caption_prefix": str,
    "caption_suffix": str,
    "caption_dropout_every_n_epochs": int,
    "caption_dropout_rate": (int, float),
    "caption_tag_dropout_rate": (int, float),
    "caption_extension": str,
    "class_tokens": str,
    "cache_info": bool,
}
_OWN = {"image_dir": str, "is_reg": bool, "alpha_mask": bool}
_DATASET = {
    "batch_size": int,
    "bucket_no_upscale": bool,
    "bucket_reso_steps": int,
    "enable_bucket": bool,
    "max_bucket_reso": int,
    "min_bucket_reso": int,
    "validation_seed": int,
    "validation_split": float,
    "resolution": (int, list),
    "network_multiplier": float,
}
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@dataclass(frozen=True)
class Trained:
    """A picture as sd-scripts takes it into an epoch."""

    path: Path
    caption: str
    repeats: int
    is_reg: bool
    pixels: Image.Image


def _check(values: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for name, value in values.items():
        assert name in known, f"{where}: extra keys not allowed: {name}"
        wanted = known[name]
        assert isinstance(value, wanted), f"{where}.{name}: {value!r}"
        assert not (isinstance(value, bool) and wanted is int), f"{where}.{name}: {value!r}"


def read_kohya(folder: Path, config: str = "dataset.toml") -> tuple[dict[str, Any], list[Trained]]:
    """The dataset's settings and its pictures, paths taken from `folder` as the working directory."""
    user = tomllib.loads((folder / config).read_text(encoding="utf-8"))
    assert user.keys() <= {"general", "datasets"}
    general = user.get("general", {})
    _check(general, {**_DATASET, **_SUBSET}, "general")
    [dataset] = user["datasets"]
    subsets = dataset.pop("subsets")
    _check(dataset, {**_DATASET, **_SUBSET}, "datasets")
    found: list[Trained] = []
    for subset in subsets:
        _check(subset, {**_SUBSET, **_OWN}, "subsets")
        found += _subset(folder, {**general, **dataset, **subset})
    settings = {**general, **dataset}
    resolution = settings["resolution"]
    width, height = (resolution, resolution) if isinstance(resolution, int) else resolution
    if settings.get("enable_bucket"):
        step = settings["bucket_reso_steps"]
        least, largest = settings["min_bucket_reso"], settings["max_bucket_reso"]
        assert not least % step
        assert not largest % step
        assert least <= min(width, height)
        assert max(width, height) <= largest
    return settings, found


def _subset(folder: Path, terms: Mapping[str, Any]) -> list[Trained]:
    place = folder / terms["image_dir"]
    assert place.is_dir(), "not directory"
    images = sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES)
    assert images, "no images found"
    found = []
    for path in images:
        caption_file = path.with_suffix(terms.get("caption_extension", ".caption"))
        caption = terms.get("class_tokens", "")
        if caption_file.is_file():
            with caption_file.open(encoding="utf-8") as text:
                lines = text.readlines()
            assert lines, "caption file is empty"
            caption = lines[0].strip()
        with Image.open(path) as image:
            pixels = image.convert("RGB")  # no orientation, no profile, no ground under what is transparent
        found.append(Trained(path, caption, terms.get("num_repeats", 1), terms.get("is_reg", False), pixels))
    return found


# ---- StyleGAN3: training/dataset.py (ImageFolderDataset), dataset_tool.py (convert_dataset)


def read_stylegan(archive: Path) -> tuple[NDArray[np.uint8], NDArray[Any] | None]:
    """Pictures as (n, channels, side, side), and a class number each or None."""
    Image.init()
    with zipfile.ZipFile(archive) as members:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in members.infolist())
        names = members.namelist()
        images = sorted(name for name in names if Path(name).suffix.lower() in Image.EXTENSION)
        assert images, "no image files found"
        pictures = []
        for number, name in enumerate(images):
            assert name == f"{number // 1000:05d}/img{number:08d}.png"
            array = np.array(Image.open(io.BytesIO(members.read(name))))
            array = array[:, :, np.newaxis] if array.ndim == 2 else array
            pictures.append(array.transpose(2, 0, 1))
        [shape] = {picture.shape for picture in pictures}
        channels, height, width = shape
        assert width == height
        assert width == 2 ** int(np.floor(np.log2(width)))
        assert channels in {1, 3}
        labels = None
        if "dataset.json" in names:
            said = json.loads(members.read("dataset.json"))["labels"]
            if said is not None:
                by_name = dict(said)
                labels = np.array([by_name[name] for name in images]).astype(np.int64)
                assert (labels >= 0).all()
    return np.stack(pictures), labels


# ---- ComfyUI: nodes.py, and the rules of its editor's files

NODES: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "CheckpointLoaderSimple": ({"ckpt_name": "COMBO"}, ("MODEL", "CLIP", "VAE")),
    "LoraLoader": (
        {
            "model": "MODEL",
            "clip": "CLIP",
            "lora_name": "COMBO",
            "strength_model": "FLOAT",
            "strength_clip": "FLOAT",
        },
        ("MODEL", "CLIP"),
    ),
    "CLIPTextEncode": ({"text": "STRING", "clip": "CLIP"}, ("CONDITIONING",)),
    "EmptyLatentImage": ({"width": "INT", "height": "INT", "batch_size": "INT"}, ("LATENT",)),
    "KSampler": (
        {
            "model": "MODEL",
            "seed": "INT",
            "steps": "INT",
            "cfg": "FLOAT",
            "sampler_name": "COMBO",
            "scheduler": "COMBO",
            "positive": "CONDITIONING",
            "negative": "CONDITIONING",
            "latent_image": "LATENT",
            "denoise": "FLOAT",
        },
        ("LATENT",),
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": "STRING"}, ()),
}
_VALUES = {"COMBO": str, "STRING": str, "INT": int, "FLOAT": float}


def check_graph(graph: Mapping[str, Any]) -> None:
    """What ComfyUI's server asks of a graph before it runs it."""
    outputs = [node for node in graph.values() if node["class_type"] == "SaveImage"]
    assert outputs, "prompt has no outputs"
    for node in graph.values():
        inputs, _ = NODES[node["class_type"]]
        assert node["inputs"].keys() == inputs.keys()
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                source, slot = value
                assert NODES[graph[source]["class_type"]][1][slot] == inputs[name]
            else:
                assert type(value) is _VALUES[inputs[name]], f"{node['class_type']}.{name}: {value!r}"


def graph_of_workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """The graph that the editor makes of its file when somebody presses Run."""
    assert workflow["version"] == 0.4
    nodes = {node["id"]: node for node in workflow["nodes"]}
    assert workflow["last_node_id"] == max(nodes)
    assert workflow["last_link_id"] == max(link[0] for link in workflow["links"])
    links = {link[0]: link for link in workflow["links"]}
    graph = {}
    for number, node in nodes.items():
        assert {"id", "type", "pos", "size", "flags", "order", "mode", "properties"} <= node.keys()
        kinds, gives = NODES[node["type"]]
        assert [output["type"] for output in node["outputs"]] == list(gives)
        inputs: dict[str, Any] = {}
        for slot, taken in enumerate(node["inputs"]):
            _, source, from_slot, to, to_slot, kind = links[taken["link"]]
            assert (to, to_slot, kind) == (number, slot, taken["type"])
            assert taken["link"] in nodes[source]["outputs"][from_slot]["links"]
            inputs[taken["name"]] = [str(source), from_slot]
        values = iter(node["widgets_values"])
        for name, kind in kinds.items():
            if kind in _VALUES:
                inputs[name] = next(values)
                if name == "seed":
                    assert next(values) in {"fixed", "increment", "decrement", "randomize"}
        assert next(values, None) is None
        graph[str(number)] = {"class_type": node["type"], "inputs": inputs}
    return graph
