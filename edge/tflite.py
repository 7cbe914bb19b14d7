"""One port to the TFLite runtime: LiteRT, or tflite-runtime where only that is installed (Bookworm with a Coral).

Left out: what goes in and comes out (`edge.eye.faces`, `edge.eye.affect`), and whether a file may be trusted
(`edge.manifest`, `models.fetch`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import ModelError

try:
    from ai_edge_litert import interpreter as _runtime

    RUNTIME = "ai-edge-litert"
except ImportError:
    from tflite_runtime import interpreter as _runtime

    RUNTIME = "tflite-runtime"


class Tflite:
    """A loaded model with one input.

    Shapes: those of the file; ``input`` is the model's own buffer, to be filled in place. ``invocations`` counts.
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
            self._interpreter = _runtime.Interpreter(**source, num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path} is no model that {RUNTIME} can load: fetch or install it again.") from error
        self.inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
        self.invocations = 0
        self._fill = self._interpreter.tensor(self.inputs[0]["index"])
        self._read = [self._interpreter.tensor(output["index"]) for output in self.outputs]

    @property
    def input(self) -> NDArray[Any]:
        """The input buffer; hold no reference to it across `invoke`."""
        buffer: NDArray[Any] = self._fill()
        return buffer

    def invoke(self) -> tuple[NDArray[Any], ...]:
        """Runs the model on ``input`` and wipes that: a face must not stay there until the next comes. The outputs are
        copies.
        """
        self._interpreter.invoke()
        self.invocations += 1
        said = tuple(np.array(read()) for read in self._read)
        self.input.fill(0)
        return said
