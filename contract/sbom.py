"""What is installed here, as a CycloneDX 1.6 document, and the card of the model that comes with it.

Rules:
- It names every package of the environment that runs, whether Attune asked for it or not.
- The same environment gives the same bytes: no time of making and no random number.

Left out: the operating system's own packages, and whether anything of it has a known flaw.

Source: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec (type ``pypi``).
"""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, Final

OURS: Final = "attune"
_MODEL: Final = Path(__file__).parents[1] / "models" / "affect"


def model_card() -> bytes:
    """The card of the affect model that this Attune ships; a sentence where none is installed."""
    try:
        return (_MODEL / "card.md").read_bytes()
    except OSError:
        return b"No model card is installed on this machine.\n"


def sbom() -> bytes:
    """The document as JSON."""
    found = {_name(one): one for one in distributions() if one.name}
    ours = found.pop(OURS, None)
    python = {"type": "platform", "bom-ref": "python", "name": platform.python_implementation()}
    body = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": OURS,
                "name": OURS,
                "version": ours.version if ours else "not installed as a package",
            }
        },
        "components": [
            python | {"version": platform.python_version()},
            *_model(),
            *(_component(name, one) for name, one in sorted(found.items())),
        ],
    }
    return json.dumps(body, indent=1).encode() + b"\n"


def _name(one: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", one.name).lower()


def _component(name: str, one: Distribution) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{one.version.replace('+', '%2B')}"
    component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": one.version, "purl": purl}
    expression = next(iter(one.metadata.get_all("License-Expression") or ()), "")
    classes = [
        line for line in one.metadata.get_all("Classifier") or () if line.startswith("License :: OSI Approved ::")
    ]
    if expression:
        component["licenses"] = [{"expression": expression}]
    elif classes:
        component["licenses"] = [{"license": {"name": line.rpartition(" :: ")[2]}} for line in classes]
    return component


def _model() -> list[dict[str, Any]]:
    try:
        said = json.loads((_MODEL / "manifest.json").read_text(encoding="utf-8"))
        digest = str(said["sha256"])
    except (OSError, ValueError, LookupError, TypeError):
        return []
    hashes = [{"alg": "SHA-256", "content": digest}]
    return [{"type": "machine-learning-model", "bom-ref": "affect", "name": "attune-affect", "hashes": hashes}]
