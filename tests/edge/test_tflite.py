"""Where a model runs: on an Edge TPU when there is one, on the CPU when there is none or it has gone."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl

from contract.errors import ModelError
from edge import tflite
from edge.eye.walls.syscalls import MACHINES
from edge.tflite import Tflite

SHIPPED = Path(__file__).parents[2] / "models" / "affect" / "affect.tflite"
# A delegate that takes no operator: the runtime loads it, asks it, and computes everything itself.
STUB = """
#include <stdint.h>
#include <stdlib.h>
typedef struct Delegate {
  void *data; int (*prepare)(void *, struct Delegate *); void *copy_from, *copy_to, *free_handle;
  int64_t flags; void *opaque;
} Delegate;
static int prepare(void *context, Delegate *delegate) { return 0; }
Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  %s
  Delegate *made = calloc(1, sizeof *made);
  made->prepare = prepare;
  return made;
}
void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The shipped model, with what stands for its compiled form beside it."""
    shutil.copy(SHIPPED, tmp_path / "affect.tflite")
    shutil.copy(SHIPPED, tmp_path / "affect_edgetpu.tflite")
    return tmp_path / "affect.tflite"


def plug_in(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str = "") -> None:
    """Compiles a delegate and puts it in the Edge TPU library's place."""
    if (gcc := shutil.which("gcc")) is None:
        pytest.skip("gcc is not here to compile a delegate")
    source, library = folder / "stub.c", folder / "libstub.so"
    source.write_text(STUB % body)
    subprocess.run((gcc, "-shared", "-fPIC", "-o", library, source), check=True, capture_output=True)
    monkeypatch.setattr(tflite, "EDGETPU", str(library))


def read(model: Tflite, seed: int = 0) -> Any:
    model.input[:] = np.random.default_rng(seed).integers(-128, 128, model.input.shape)
    return model.invoke()[0]


def test_without_a_compiled_file_the_cpu_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(SHIPPED, tmp_path)
    plug_in(tmp_path, monkeypatch)
    assert Tflite(tmp_path / SHIPPED.name).accelerator == "cpu"


def test_without_the_library_the_cpu_is_used(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "EDGETPU", "libnowhere.so.1")
    found = Tflite(model)
    assert (found.accelerator, found.lost) == ("cpu", False)
    assert np.array_equal(read(found), read(Tflite(SHIPPED)))


def test_with_a_device_the_compiled_file_is_used(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(model.parent, monkeypatch)
    found = Tflite(model)
    assert (found.accelerator, found.lost) == ("edgetpu", False)
    assert np.array_equal(read(found), read(Tflite(SHIPPED)))


def test_without_a_device_the_cpu_is_used(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(model.parent, monkeypatch, 'report("no device"); return NULL;')
    found = Tflite(model)
    assert (found.accelerator, found.lost) == ("cpu", True)
    assert np.array_equal(read(found), read(Tflite(SHIPPED)))


def test_a_library_that_crashes_takes_nothing_down(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(model.parent, monkeypatch, "abort();")
    assert Tflite(model).accelerator == "cpu"


def test_a_file_compiled_from_another_model_is_not_used(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(model.parent, monkeypatch)
    other = bytearray(SHIPPED.read_bytes())
    scale = np.float32(Tflite(SHIPPED).outputs[0]["quantization"][0]).tobytes()
    place = other.rindex(scale)
    other[place : place + 4] = np.float32(1 / 128).tobytes()
    model.with_name("affect_edgetpu.tflite").write_bytes(other)
    assert (Tflite(model).accelerator, Tflite(model).lost) == ("cpu", True)


def test_nor_is_one_compiled_from_an_earlier_training(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tensors' forms are the same; only the answers tell."""
    plug_in(model.parent, monkeypatch)
    other = tfl.ModelT.InitFromObj(tfl.Model.GetRootAs(SHIPPED.read_bytes(), 0))
    biggest = max(other.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
    biggest.data = np.roll(biggest.data, 7)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(other.Pack(builder), b"TFL3")
    model.with_name("affect_edgetpu.tflite").write_bytes(builder.Output())
    assert (Tflite(model).accelerator, Tflite(model).lost) == ("cpu", True)


def test_a_device_that_vanishes_costs_no_look(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(model.parent, monkeypatch)
    found = Tflite(model)
    read(found)
    model.unlink()  # behind the walls no file can be opened

    def gone() -> None:
        raise RuntimeError("USB transfer error")

    monkeypatch.setattr(found._interpreter, "invoke", gone)
    expected = read(Tflite(SHIPPED), seed=1)
    assert np.array_equal(read(found, seed=1), expected)
    assert (found.accelerator, found.lost) == ("cpu", True)
    assert np.array_equal(read(found, seed=1), expected)


VANISHING = """
import sys
from pathlib import Path
import edge.tflite as tflite
from edge.eye.walls import raise_early, raise_late

def gone():
    raise RuntimeError("USB transfer error")

tflite.EDGETPU = sys.argv[2]
raise_early()
model = tflite.Tflite(Path(sys.argv[1]))
raise_late()
model.input.fill(7)
before = model.accelerator, model.invoke()[0].tolist()
model._interpreter.invoke = gone
model.input.fill(7)
after = model.accelerator, model.invoke()[0].tolist(), model.accelerator, model.lost
print(before == after[:2], after[2:])
"""


def test_behind_the_walls_of_the_eye_it_opens_a_device_first_and_goes_on_when_that_vanishes(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        pytest.skip("the walls are for 64-bit Linux on ARM or Intel")
    plug_in(model.parent, monkeypatch)
    command = (sys.executable, "-c", VANISHING, str(model), tflite.EDGETPU)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SHIPPED.parents[2])
    assert done.stdout == "True ('cpu', True)\n", done.stderr


def test_an_error_on_the_cpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Tflite(SHIPPED)

    def broken() -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(found._interpreter, "invoke", broken)
    with pytest.raises(RuntimeError):
        found.invoke()


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no model at .*gone\.tflite"):
        Tflite(tmp_path / "gone.tflite")
