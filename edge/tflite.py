"""One port to the TFLite runtime: LiteRT, or tflite-runtime where only that is installed (Bookworm with a Coral).

Rules:
- A model runs on an Edge TPU where its compiled form lies beside it (``NAME_edgetpu.tflite``), the Edge TPU library is
  installed and finds a device, and that answers as the CPU does with the plain file; else on the CPU.
- Where file and library say that an Edge TPU is meant to be there, doing without it is a loss, and said.
- A device that vanishes costs speed, not sight: the same look is taken again on the CPU, where the model then stays.

Left out: what goes in and comes out (`edge.eye.faces`, `edge.eye.affect`), and whether a file may be trusted
(`edge.manifest`, `models.fetch`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from contract.errors import ModelError
from edge.apart import apart

try:
    from ai_edge_litert import interpreter as _runtime

    RUNTIME = "ai-edge-litert"
except ImportError:
    from tflite_runtime import interpreter as _runtime

    RUNTIME = "tflite-runtime"

EDGETPU: Final = "libedgetpu.so.1"
#: Two runtimes differ by a level or two; models trained twice by the same recipe by six and more.
LEVELS_MAX: Final = 2.0
_TRIALS: Final = 8
Accelerator = Literal["cpu", "edgetpu"]
# A missing library is an OSError, a missing device a ValueError, a model or a stick that fails any of the three.
_REFUSALS: Final = (OSError, ValueError, RuntimeError)


class Tflite:
    """A loaded model with one input.

    Shapes: those of the file; ``input`` is the model's own buffer, to be filled in place. ``invocations`` counts;
    ``lost`` where its accelerator is gone, or was never found though it should be there.
    Raises: ModelError when the file is missing or is no model.
    """

    def __init__(self, path: Path, threads: int = 1, *, content: bytes | None = None) -> None:
        """``content``: the bytes of the file where they were read and checked already."""
        if content is None and not path.is_file():
            raise ModelError(
                f"There is no model at {path}: run 'python -m models.fetch', or mend the path in [models]."
            )
        source: dict[str, Any] = {"model_path": str(path)} if content is None else {"model_content": content}
        try:
            self._use(_runtime.Interpreter(**source, num_threads=threads))
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is no model that {RUNTIME} can load: fetch or install it again.") from error
        self.invocations, self.lost = 0, False
        self.accelerator: Accelerator = "cpu"
        self._on_cpu: Callable[[], Any] | None = None
        compiled = edgetpu_file(path)
        if compiled.is_file():
            plain = path.read_bytes() if content is None else content  # behind the walls no file can be opened
            self._accelerate(compiled, lambda: _runtime.Interpreter(model_content=plain, num_threads=threads))

    def _use(self, interpreter: Any) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self.inputs: list[dict[str, Any]] = interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = interpreter.get_output_details()
        self._fill = interpreter.tensor(self.inputs[0]["index"])
        self._read = [interpreter.tensor(output["index"]) for output in self.outputs]

    def _accelerate(self, compiled: Path, on_cpu: Callable[[], Any]) -> None:
        """Moves to the Edge TPU, if there is one that answers with the compiled file as the CPU does with the plain."""
        try:
            apart(_find_library, EDGETPU)
        except ModelError:
            return
        try:
            apart(lambda: _try(compiled, on_cpu()), str(compiled))
            self._use(_opened(compiled))
        except (ModelError, *_REFUSALS):
            self.lost = True
            return
        self.accelerator, self._on_cpu = "edgetpu", on_cpu

    @property
    def input(self) -> NDArray[Any]:
        """The input buffer; hold no reference to it across `invoke`."""
        buffer: NDArray[Any] = self._fill()
        return buffer

    def invoke(self) -> tuple[NDArray[Any], ...]:
        """Runs the model on ``input`` and wipes that: a face must not stay there until the next comes. The outputs are
        copies.
        """
        try:
            self._interpreter.invoke()
        except _REFUSALS:
            if self.accelerator == "cpu":
                raise
            self._go_on_without()
        self.invocations += 1
        said = tuple(np.array(read()) for read in self._read)
        self.input.fill(0)
        return said

    def _go_on_without(self) -> None:
        """The accelerator is gone: the same input again, on the CPU."""
        assert self._on_cpu is not None
        filled = self.input.copy()
        self.accelerator, self.lost = "cpu", True
        self._use(self._on_cpu())
        self.input[:] = filled
        self._interpreter.invoke()


def edgetpu_file(path: Path) -> Path:
    """Where a model's file that was compiled for an Edge TPU stands."""
    return path.with_name(f"{path.stem}_edgetpu.tflite")


def _opened(compiled: Path) -> Any:
    return _runtime.Interpreter(
        model_path=str(compiled), experimental_delegates=[_runtime.load_delegate(EDGETPU)], num_threads=1
    )


def _find_library() -> None:
    """Raises: ModelError when this machine is not made for an Edge TPU."""
    try:
        ctypes.CDLL(EDGETPU)
    except OSError as error:
        raise ModelError(f"There is no {EDGETPU} here.") from error


def _try(compiled: Path, plain: Any) -> None:
    """Raises: ModelError when the compiled file does not run, or is of another model than the plain one."""
    try:
        both = plain, _opened(compiled)
        for interpreter in both:
            interpreter.allocate_tensors()
        same = _forms(plain) == _forms(both[1]) and _apart_by(*both) <= LEVELS_MAX
    except _REFUSALS as error:
        raise ModelError(f"{compiled} does not run on an Edge TPU here.") from error
    if not same:
        raise ModelError(f"{compiled} was not compiled from the model beside it.")


def _forms(interpreter: Any) -> list[tuple[object, ...]]:
    details = (*interpreter.get_input_details(), *interpreter.get_output_details())
    return [(tuple(detail["shape"]), np.dtype(detail["dtype"]).name, detail["quantization"]) for detail in details]


def _apart_by(one: Any, other: Any) -> float:
    """How many 8-bit levels their answers to noise differ by, on average, in the output where they differ most."""
    detail, means = one.get_input_details()[0], []
    lowest, highest = np.iinfo(detail["dtype"]).min, np.iinfo(detail["dtype"]).max
    noise = np.random.default_rng(0)
    for _ in range(_TRIALS):
        look = noise.integers(lowest, highest, detail["shape"], detail["dtype"], endpoint=True)
        answers = [_answer(interpreter, look) for interpreter in (one, other)]
        means.append([float(np.abs(ours - theirs).mean()) for ours, theirs in zip(*answers, strict=True)])
    return float(np.mean(means, axis=0).max())


def _answer(interpreter: Any, look: NDArray[Any]) -> list[NDArray[np.int16]]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], look)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]).astype(np.int16) for output in interpreter.get_output_details()]
