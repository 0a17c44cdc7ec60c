"""A ComfyUI workflow that loads the trained LoRA and asks for the subject by its trigger word.

Nodes and their inputs are those of https://github.com/comfyanonymous/ComfyUI (nodes.py). The file for the editor is the
one that its Save writes (https://docs.comfy.org/specs/workflow_json_0.4); the other is the graph that its server takes
at /prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.export.trainers.lora import BASES, LoraSettings

__all__ = ["WORKFLOW", "WORKFLOW_API", "write_workflow"]

WORKFLOW = "comfyui-workflow.json"
WORKFLOW_API = "comfyui-workflow-api.json"
_STEPS, _CFG, _SAMPLER, _SCHEDULER = 28, 7.0, "dpmpp_2m", "karras"
_NEGATIVE = "text, watermark, low quality"


@dataclass(frozen=True, slots=True)
class _Link:
    """An input that is the output `slot` of another node, of a type."""

    node: int
    slot: int
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A node: its inputs in the order of its definition, links and values; its outputs by name and type.

    `extra` are values that only the editor has, by the input after which they stand.
    """

    type: str
    title: str | None
    inputs: Mapping[str, Any]
    outputs: tuple[str, ...]
    place: tuple[int, int]
    size: tuple[int, int]
    extra: Mapping[str, Any]


def write_workflow(folder: Path, settings: LoraSettings, lora: str) -> None:
    """Both files; `lora` is the trained file's name in ComfyUI's folder models/loras."""
    nodes = _nodes(settings, lora)
    for name, value in ((WORKFLOW, _for_editor(nodes)), (WORKFLOW_API, _for_server(nodes))):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _nodes(settings: LoraSettings, lora: str) -> dict[int, _Node]:
    return {**_conditioned(settings, lora), **_sampled(settings)}


def _conditioned(settings: LoraSettings, lora: str) -> dict[int, _Node]:
    """The model with the LoRA on it, and the prompts."""
    return {
        1: _node(
            "CheckpointLoaderSimple",
            {"ckpt_name": settings.checkpoint},
            ("MODEL", "CLIP", "VAE"),
            place=(40, 260),
            size=(320, 98),
        ),
        2: _node(
            "LoraLoader",
            {
                "model": _Link(1, 0, "MODEL"),
                "clip": _Link(1, 1, "CLIP"),
                "lora_name": lora,
                "strength_model": 1.0,
                "strength_clip": 1.0,
            },
            ("MODEL", "CLIP"),
            place=(400, 240),
            size=(320, 126),
        ),
        3: _node(
            "CLIPTextEncode",
            {"text": settings.class_tokens, "clip": _Link(2, 1, "CLIP")},
            ("CONDITIONING",),
            place=(760, 100),
            size=(400, 140),
            title="What is to be seen",
        ),
        4: _node(
            "CLIPTextEncode",
            {"text": _NEGATIVE, "clip": _Link(2, 1, "CLIP")},
            ("CONDITIONING",),
            place=(760, 290),
            size=(400, 140),
            title="What is not to be seen",
        ),
    }


def _sampled(settings: LoraSettings) -> dict[int, _Node]:
    """From noise to a saved picture."""
    side = settings.px - settings.px % 8 or BASES[settings.base].px
    return {
        5: _node(
            "EmptyLatentImage",
            {"width": side, "height": side, "batch_size": 1},
            ("LATENT",),
            place=(760, 480),
            size=(400, 106),
        ),
        6: _node(
            "KSampler",
            {
                "model": _Link(2, 0, "MODEL"),
                "positive": _Link(3, 0, "CONDITIONING"),
                "negative": _Link(4, 0, "CONDITIONING"),
                "latent_image": _Link(5, 0, "LATENT"),
                "seed": settings.train.seed,
                "steps": _STEPS,
                "cfg": _CFG,
                "sampler_name": _SAMPLER,
                "scheduler": _SCHEDULER,
                "denoise": 1.0,
            },
            ("LATENT",),
            place=(1200, 160),
            size=(320, 262),
            extra={"seed": "randomize"},
        ),
        7: _node(
            "VAEDecode",
            {"samples": _Link(6, 0, "LATENT"), "vae": _Link(1, 2, "VAE")},
            ("IMAGE",),
            place=(1560, 200),
            size=(220, 46),
        ),
        8: _node(
            "SaveImage",
            {"images": _Link(7, 0, "IMAGE"), "filename_prefix": settings.output},
            (),
            place=(1820, 160),
            size=(420, 460),
        ),
    }


def _node(
    type: str,  # noqa: A002 - ComfyUI calls it so
    inputs: Mapping[str, Any],
    outputs: tuple[str, ...],
    *,
    place: tuple[int, int],
    size: tuple[int, int],
    title: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> _Node:
    return _Node(type=type, title=title, inputs=inputs, outputs=outputs, place=place, size=size, extra=extra or {})


def _for_server(nodes: Mapping[int, _Node]) -> dict[str, Any]:
    graph: dict[str, Any] = {}
    for number, node in nodes.items():
        inputs = {
            name: [str(value.node), value.slot] if isinstance(value, _Link) else value
            for name, value in node.inputs.items()
        }
        entry: dict[str, Any] = {"class_type": node.type, "inputs": inputs}
        graph[str(number)] = {**entry, "_meta": {"title": node.title or node.type}}
    return graph


def _for_editor(nodes: Mapping[int, _Node]) -> dict[str, Any]:
    links: list[list[Any]] = []
    taken: dict[tuple[int, int], list[int]] = {}
    slots: dict[int, list[dict[str, Any]]] = {}
    for number, node in nodes.items():
        slots[number] = []
        for name, value in node.inputs.items():
            if isinstance(value, _Link):
                links.append([len(links) + 1, value.node, value.slot, number, len(slots[number]), value.type])
                taken.setdefault((value.node, value.slot), []).append(len(links))
                slots[number].append({"name": name, "type": value.type, "link": len(links)})
    drawn = [_drawn(number, node, slots[number], taken) for number, node in nodes.items()]
    return {
        "last_node_id": max(nodes),
        "last_link_id": len(links),
        "nodes": drawn,
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def _drawn(
    number: int, node: _Node, slots: list[dict[str, Any]], taken: Mapping[tuple[int, int], list[int]]
) -> dict[str, Any]:
    values: list[Any] = []
    for name, value in node.inputs.items():
        if not isinstance(value, _Link):
            values += [value, node.extra[name]] if name in node.extra else [value]
    entry = {
        "id": number,
        "type": node.type,
        "pos": list(node.place),
        "size": list(node.size),
        "flags": {},
        "order": number - 1,
        "mode": 0,
        "inputs": slots,
        "outputs": [
            {"name": kind, "type": kind, "links": taken.get((number, slot), []), "slot_index": slot}
            for slot, kind in enumerate(node.outputs)
        ],
        "properties": {"Node name for S&R": node.type},
        "widgets_values": values,
    }
    return {**entry, "title": node.title} if node.title else entry
