"""The wire, written down for others: one JSON Schema a kind and one AsyncAPI 3 document, out of `contract.wire`.

    python -m contract.schema --out docs/protocol

Left out: nothing is decided here. What the contract says is said in `contract.events` and `contract.wire`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from contract import events, wire
from contract.events import Kind

ASYNCAPI: Final = "asyncapi.json"
_SAID: Final[dict[Kind, str]] = {
    "mood": "The k-anonymous aggregate of one zone over one window, or that it was suppressed.",
    "hour": "Visits to one zone in one hour, noised in the eye, or that they were suppressed.",
    "assist": "Someone in this zone may welcome help (level 1 to 3), or no longer does (0).",
    "walk": "How well the camera covers a zone, from an installer's walk in it: numbers of one person at a time.",
    "status": "Whether the node senses now; offline is its last will.",
    "birth": "What is sensed and how, for machines and for the public notice.",
    "health": "Coarse figures over minutes.",
    "self-test": "What the node's last self-test proved, with its signed report.",
    "config": "What the hub would like the node to run; the node's floors are never lowered by it.",
    "command": "One order to a node.",
    "stored": "Which events are on the hub's disk, so that the node may let go of them.",
    "checkpoint": "What a node, or the hub as `hub`, last signed of its ledger, with the proof that it goes on from"
    " before; heard by all who cosign it.",
    "cosignature": "What a witness, a node or the hub, says to a checkpoint; heard by whoever keeps that ledger.",
}
_INFO: Final = """What a node and its hub say to each other, and nothing else. Payloads are JSON with no unknown field,
no value of another type and none out of range: anything else is refused into a quarantine with the reason. Bytes are
canonical (sorted keys, no spaces). A payload has no `kind`: the topic says it. An event is told apart by (node, boot,
seq) and may come any number of times."""


def files() -> dict[str, str]:
    """Every file of the description, by name."""
    documents: dict[str, dict[str, Any]] = {f"{kind}.schema.json": _schema(kind) for kind in events.KINDS}
    documents[ASYNCAPI] = asyncapi()
    return {
        name: json.dumps(body, indent=2, sort_keys=False, ensure_ascii=False) + "\n" for name, body in documents.items()
    }


def _schema(kind: Kind) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:attune:wire:{wire.MAJOR}:{kind}",
        **wire.schema(kind),
        "description": _SAID[kind],
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document, as seen from a node."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Attune between node and hub",
            "version": f"{wire.MAJOR}.{wire.MINOR}.0",
            "description": " ".join(_INFO.split()),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {kind: _channel(kind) for kind in events.KINDS},
        "operations": {kind: _operation(kind) for kind in events.KINDS},
        "components": {"messages": {kind: _message(kind) for kind in events.KINDS}},
    }


def _channel(kind: Kind) -> dict[str, Any]:
    return {
        "address": f"{wire.ROOT}/{wire.MAJOR}/{{store}}/{{node}}/{kind}",
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
        "parameters": {
            "store": {"description": "The shop's name; as a node's."},
            "node": {"description": "The node's name: lower-case letters, digits and hyphens, at most 32."},
        },
    }


def _operation(kind: Kind) -> dict[str, Any]:
    from_hub = kind in wire.FROM_HUB
    way = "Hub to node" if from_hub else "Node or hub to all" if kind in wire.OF_LEDGERS else "Node to hub"
    return {
        "action": "receive" if from_hub else "send",
        "channel": {"$ref": f"#/channels/{kind}"},
        "summary": f"{way}: {_SAID[kind]}",
        "bindings": {"mqtt": {"qos": wire.qos(kind), "retain": kind in wire.RETAINED, "bindingVersion": "0.2.0"}},
    }


def _message(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind,
        "summary": _SAID[kind],
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{kind}.schema.json"},
        },
        "x-bytes-max": wire.size_limit(kind),
    }


def main(arguments: list[str] | None = None) -> None:
    """The command ``python -m contract.schema``."""
    parser = argparse.ArgumentParser(prog="python -m contract.schema", description="Write the wire's description.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
