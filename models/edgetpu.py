"""Whether an Edge TPU can run the whole of a TFLite file: ``python -m models.edgetpu FILE``.

Rules:
- Every operator must be in the compiler's table, at a version it knows, with the limits the table states.
- Every tensor must be quantised to 8 bits (biases: int32 on the product's grid), have a static shape, and at most
  three dimensions other than 1.

Left out: how the compiler splits and caches a model. A file that passes here is one that it need not split.

Source: coral.ai, "TensorFlow models on the Edge TPU", model requirements and supported operations.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as tfl

from contract.errors import ModelError
from models.command import finish

#: The highest version of each supported operator that is known to compile.
OPERATORS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 5,
    "DEPTHWISE_CONV_2D": 6,
    "FULLY_CONNECTED": 5,
    "LOGISTIC": 2,
    "MAX_POOL_2D": 2,
    "MAXIMUM": 2,
    "MEAN": 2,
    "MINIMUM": 2,
    "MUL": 2,
    "PAD": 2,
    "RELU": 2,
    "RELU6": 2,
    "RESHAPE": 1,
    "RESIZE_BILINEAR": 3,
    "RESIZE_NEAREST_NEIGHBOR": 3,
    "SLICE": 2,
    "SOFTMAX": 2,
    "SPLIT": 2,
    "SQUEEZE": 1,
    "STRIDED_SLICE": 2,
    "SUB": 2,
    "TANH": 2,
    "TRANSPOSE": 2,
}
SOFTMAX_ELEMENTS = 16_000

_NAMES = {number: name for name, number in vars(tfl.BuiltinOperator).items() if isinstance(number, int)}
_EIGHT_BIT = (tfl.TensorType.INT8, tfl.TensorType.UINT8)


def problems(content: bytes) -> list[str]:
    """Why an Edge TPU would not run the whole file; empty when it would.

    Raises: ModelError when these are not the bytes of a TFLite file.
    """
    try:
        if not tfl.Model.ModelBufferHasIdentifier(content, 0):
            raise ValueError("no TFL3 identifier")
        model = tfl.ModelT.InitFromObj(tfl.Model.GetRootAs(content, 0))
    except Exception as error:  # the generated reader raises whatever the damage leads to
        raise ModelError(f"This is not a TFLite file ({error!r}); export it again.") from error
    if len(model.subgraphs) != 1:
        return [f"{len(model.subgraphs)} subgraphs instead of one"]
    graph = model.subgraphs[0]
    found: list[str] = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        found += [f"{name}: {problem}" for problem in _operator_problems(name, code.version, operator, graph, model)]
    for tensor in graph.tensors:
        found += [f"tensor {tensor.name.decode()}: {problem}" for problem in _tensor_problems(tensor)]
    return found


def _operator_problems(name: str, version: int, operator: Any, graph: Any, model: Any) -> Iterator[str]:
    if name not in OPERATORS:
        yield "not in the Edge TPU's table"
        return
    if version > OPERATORS[name]:
        yield f"version {version}, the highest known to compile is {OPERATORS[name]}"
    inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
    outputs = [graph.tensors[index] for index in operator.outputs]
    if not all(tensor.type in _EIGHT_BIT for tensor in (inputs[0], *outputs)):
        yield "its input and output must be 8-bit"
    match name:
        case "SOFTMAX" if np.prod(outputs[0].shape) > SOFTMAX_ELEMENTS:
            yield f"more than {SOFTMAX_ELEMENTS} elements"
        case "MEAN" if not {int(a) for a in _constant(inputs[1], model)} <= {1, 2}:
            yield "may reduce over height and width only"
        case "CONV_2D" | "DEPTHWISE_CONV_2D" | "FULLY_CONNECTED":
            yield from _weight_problems(*inputs)


def _weight_problems(source: Any, weight: Any, bias: Any = None) -> Iterator[str]:
    if weight.buffer == 0:
        yield "its weights must be constant"
    if weight.quantization is None or weight.quantization.scale is None:
        return  # reported with the tensor
    if weight.type == tfl.TensorType.INT8 and any(weight.quantization.zeroPoint):
        yield "int8 weights must be symmetric"
    if bias is None or source.quantization is None or source.quantization.scale is None:
        return
    product = source.quantization.scale[0] * weight.quantization.scale
    if bias.type != tfl.TensorType.INT32 or not np.allclose(bias.quantization.scale, product, rtol=1e-4):
        yield "its bias must be int32 on the grid of input times weight"


def _tensor_problems(tensor: Any) -> Iterator[str]:
    shape = [int(size) for size in tensor.shape] if tensor.shape is not None else []
    if min([*shape, *(tensor.shapeSignature if tensor.shapeSignature is not None else [])], default=1) < 1:
        yield f"shape {shape} is not static"
    if sum(size != 1 for size in shape) > 3 and tensor.buffer == 0:
        yield f"shape {shape} has more than three dimensions other than 1"
    if tensor.type in _EIGHT_BIT:
        if tensor.quantization is None or tensor.quantization.scale is None:
            yield "has no scale"
    elif tensor.type != tfl.TensorType.INT32:
        yield "is neither 8-bit nor an int32 bias"


def _constant(tensor: Any, model: Any) -> Any:
    data = model.buffers[tensor.buffer].data
    return [] if data is None else np.frombuffer(bytes(data), np.int32)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m models.edgetpu", description=__doc__)
    parser.add_argument("file", type=Path, help="a .tflite file")
    options = parser.parse_args(arguments)
    found = problems(options.file.read_bytes())
    print("\n".join(found) or f"Every operator of {options.file.name} can run on an Edge TPU.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    finish(main)
