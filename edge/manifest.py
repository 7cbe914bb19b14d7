"""What a model file must be before the eye will use it.

Rules:
- The file is read once, and its SHA-256 is checked against `manifest.json` beside it before any runtime sees it: a
  damaged model can crash the runtime, so it never gets there.
- `Manifest.content` holds the very bytes that were checked. Open those, not the path, which may change meanwhile.
- Then, in a child process, shapes, types and quantisation in the file must be those that the manifest states, and it
  must run once. The manifest must state the one form that nodes feed and read.
- A face detector must be a file that `models.fetch` takes, known here by its SHA-256, or the one that the ``.sha256``
  beside it states, which `models.facedetector` writes. Its bytes, too, are those that were checked.

Left out: delegates and threads (`edge.tflite`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from contract.errors import ModelError
from edge.apart import apart
from edge.tflite import Tflite

#: BlazeFace full-range, sparse and dense, as `models.fetch` pins them.
DETECTORS: Final = frozenset(
    (
        "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
        "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    )
)
LABELS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")


@dataclass(frozen=True, slots=True)
class TensorForm:
    """The shape and the integer grid of one tensor: real = scale × (integer − zero_point)."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


INPUT = TensorForm((1, 48, 48, 1), "int8", 1.0, -128)
OUTPUT = TensorForm((1, len(LABELS)), "int8", 1 / 256, -128)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model file that was checked, and what is known of it.

    ``abstain_below``: a reading whose largest probability is under this is no reading.
    ``content``: the checked bytes of the model file.
    """

    labels: tuple[str, ...]
    sha256: str
    input: TensorForm
    output: TensorForm
    abstain_below: float
    content: bytes = field(repr=False)


def load(model_path: Path) -> Manifest:
    """Reads and checks a model file and the `manifest.json` beside it.

    Raises: ModelError when either is missing, damaged or not of the fixed form.
    """
    manifest = _read(model_path)
    if (manifest.labels, manifest.input, manifest.output) != (LABELS, INPUT, OUTPUT):
        raise ModelError(
            f"The manifest of {model_path} states labels, shapes or quantisation that this version cannot feed; "
            "install the model that came with this version of Attune."
        )
    found = hashlib.sha256(manifest.content).hexdigest()
    if found != manifest.sha256:
        raise ModelError(
            f"{model_path} is not the file its manifest describes (SHA-256 {found[:12]}… instead of "
            f"{manifest.sha256[:12]}…); install the model and its manifest.json again, together."
        )
    apart(lambda: _check_forms(model_path, manifest), str(model_path))
    return manifest


def detector(path: Path) -> bytes:
    """The bytes of a face detector's file, if they are what they should be.

    Raises: ModelError when it is missing, damaged or unknown.
    """
    try:
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        stated = path.with_name(f"{path.name}.sha256")
        known = found in DETECTORS or (stated.is_file() and stated.read_text().split()[:1] == [found])
    except (OSError, ValueError) as error:
        raise ModelError(
            f"There is no readable model at {path} ({error}): run 'python -m models.fetch', or mend the path in "
            "[models]."
        ) from error
    if not known:
        raise ModelError(
            f"{path} is damaged, or no face detector that Attune knows (SHA-256 {found[:12]}…): "
            "run 'python -m models.fetch' or 'python -m models.facedetector' again."
        )
    return content


def _read(model_path: Path) -> Manifest:
    manifest_path = model_path.with_name("manifest.json")
    try:
        content = model_path.read_bytes()
        stated: dict[str, Any] = json.loads(manifest_path.read_bytes())
        return Manifest(
            labels=tuple(stated["labels"]),
            sha256=str(stated["sha256"]),
            input=_form(stated["input"]),
            output=_form(stated["output"]),
            abstain_below=float(stated["abstain_below"]),
            content=content,
        )
    except OSError as error:
        raise ModelError(f"The model cannot be read ({error}); install {model_path} and {manifest_path}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{manifest_path} is not a model manifest ({error!r}); install it again.") from error


def _form(stated: Mapping[str, Any]) -> TensorForm:
    shape = tuple(int(size) for size in stated["shape"])
    return TensorForm(shape, str(stated["dtype"]), float(stated["scale"]), int(stated["zero_point"]))


def _check_forms(model_path: Path, manifest: Manifest) -> None:
    """Compares what is inside the file with what the manifest states."""
    model = Tflite(model_path, content=manifest.content)
    inside = tuple(_detail_form(detail) for detail in (*model.inputs, *model.outputs))
    if inside != (manifest.input, manifest.output):
        raise ModelError(
            f"The tensors inside {model_path} are not those its manifest states; install the model that came with "
            "this version of Attune."
        )
    model.invoke()


def _detail_form(detail: Mapping[str, Any]) -> TensorForm:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return TensorForm(shape, np.dtype(detail["dtype"]).name, float(scale), int(zero_point))
