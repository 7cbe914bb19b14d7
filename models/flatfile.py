"""Writes a fully int8 network as a TFLite file.

Rules:
- Only the operators and versions of the Edge TPU's list; static shapes; one subgraph with one input and one output.
- Convolution weights are quantised by output channel, the dense layer's as a whole; biases are int32.
- The same tensors give the same bytes.

Left out: choosing scales, which is `models.quantise`'s part.

Source: TensorFlow Lite 8-bit quantisation specification; schema.fbs version 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from numpy.typing import NDArray

Array = NDArray[Any]

# The lowest version of each operator that takes int8.
_VERSIONS = {"CONV_2D": 3, "ADD": 2, "MEAN": 2, "FULLY_CONNECTED": 4, "SOFTMAX": 2}
_TYPES = {np.dtype(np.int8): tfl.TensorType.INT8, np.dtype(np.int32): tfl.TensorType.INT32}


@dataclass(frozen=True, slots=True)
class Grid:
    """How integers stand for reals: real = scale × (integer − zero).

    Shapes: ``scale`` one value, or one per output channel (then ``zero`` is 0 for all).
    """

    scale: tuple[float, ...]
    zero: int = 0


@dataclass(slots=True)
class FlatFile:
    """A TFLite model under construction: tensors and operators are added in order, then `finish` gives its bytes."""

    _tensors: list[Any] = field(default_factory=list)
    _buffers: list[Any] = field(default_factory=lambda: [tfl.BufferT()])
    _operators: list[Any] = field(default_factory=list)
    _codes: list[str] = field(default_factory=list)

    def tensor(self, name: str, shape: tuple[int, ...], grid: Grid) -> int:
        """An int8 tensor that is computed, not stored."""
        return self._add(name, shape, tfl.TensorType.INT8, grid, buffer=0)

    def constant(self, name: str, values: Array, grid: Grid | None = None) -> int:
        """A stored int8 or int32 tensor."""
        self._buffers.append(tfl.BufferT(data=np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)))
        return self._add(name, values.shape, _TYPES[values.dtype], grid, buffer=len(self._buffers) - 1)

    def conv(self, inputs: list[int], output: int, stride: int, relu: bool) -> None:
        options = tfl.Conv2DOptionsT(
            padding=tfl.Padding.SAME, strideW=stride, strideH=stride, fusedActivationFunction=_activation(relu)
        )
        self._operate("CONV_2D", inputs, output, tfl.BuiltinOptions.Conv2DOptions, options)

    def add(self, inputs: list[int], output: int, relu: bool) -> None:
        options = tfl.AddOptionsT(fusedActivationFunction=_activation(relu))
        self._operate("ADD", inputs, output, tfl.BuiltinOptions.AddOptions, options)

    def mean(self, inputs: list[int], output: int) -> None:
        self._operate("MEAN", inputs, output, tfl.BuiltinOptions.ReducerOptions, tfl.ReducerOptionsT(keepDims=False))

    def dense(self, inputs: list[int], output: int) -> None:
        options = tfl.FullyConnectedOptionsT()
        self._operate("FULLY_CONNECTED", inputs, output, tfl.BuiltinOptions.FullyConnectedOptions, options)

    def softmax(self, source: int, output: int) -> None:
        options = tfl.SoftmaxOptionsT(beta=1.0)
        self._operate("SOFTMAX", [source], output, tfl.BuiltinOptions.SoftmaxOptions, options)

    def finish(self, source: int, output: int, description: str) -> bytes:
        """The file, from the tensor that is fed to the tensor that is read."""
        graph = tfl.SubGraphT(
            tensors=self._tensors, inputs=[source], outputs=[output], operators=self._operators, name="main"
        )
        model = tfl.ModelT(
            version=3,
            operatorCodes=[_code(name) for name in self._codes],
            subgraphs=[graph],
            buffers=self._buffers,
            description=description,
        )
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(self, name: str, shape: tuple[int, ...], kind: int, grid: Grid | None, buffer: int) -> int:
        quantisation = tfl.QuantizationParametersT()
        if grid is not None:
            quantisation.scale = list(grid.scale)
            quantisation.zeroPoint = [grid.zero] * len(grid.scale)
        self._tensors.append(
            tfl.TensorT(shape=list(shape), type=kind, buffer=buffer, name=name, quantization=quantisation)
        )
        return len(self._tensors) - 1

    def _operate(self, name: str, inputs: list[int], output: int, kind: int, options: Any) -> None:
        if name not in self._codes:
            self._codes.append(name)
        self._operators.append(
            tfl.OperatorT(
                opcodeIndex=self._codes.index(name),
                inputs=inputs,
                outputs=[output],
                builtinOptionsType=kind,
                builtinOptions=options,
            )
        )


def _code(name: str) -> Any:
    number = getattr(tfl.BuiltinOperator, name)
    return tfl.OperatorCodeT(deprecatedBuiltinCode=number, builtinCode=number, version=_VERSIONS[name])


def _activation(relu: bool) -> int:
    kind = tfl.ActivationFunctionType
    return int(kind.RELU if relu else kind.NONE)
