"""Training can be put down and taken up; folding and quantising keep what was learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from contract.errors import ConfigError  # noqa: E402
from models.data import Faces  # noqa: E402
from models.metrics import Reader  # noqa: E402
from models.net import AffectNet, pixels  # noqa: E402
from models.quantise import fit_temperature, fold, grids, quantise, run, tensor_shapes, write  # noqa: E402
from models.train import Recipe, Training, draw_curves, rate  # noqa: E402

RECIPE = Recipe(cycles=((2, 0.1), (2, 0.05)), batch_size=8, plain_epochs=1)


@pytest.fixture(scope="module")
def faces() -> Faces:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 8, 24)
    images = rng.integers(0, 256, (24, 48, 48)).astype(np.uint8)
    return Faces(images, np.eye(8, dtype=np.float32)[labels], labels, np.arange(24))


@pytest.fixture
def net(faces: Faces) -> AffectNet:
    """Untrained, but with batch norm statistics that are not the identity."""
    torch.manual_seed(0)
    made = AffectNet()
    for _ in range(5):
        made(pixels(faces.images))
    return made.eval()


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path, faces: Faces) -> None:
    unbroken, first = (Training(RECIPE, tmp_path / name, faces, faces) for name in ("a", "b"))
    for training in (unbroken, first):
        training.run.mkdir()
    list(unbroken.epochs())
    next(first.epochs())
    second = Training(RECIPE, tmp_path / "b", faces, faces)
    assert len(list(second.epochs())) == 3
    for one, other in zip(unbroken.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_recipe_does_not_carry_on_a_run(tmp_path: Path, faces: Faces) -> None:
    next(Training(RECIPE, tmp_path, faces, faces).epochs())
    with pytest.raises(ConfigError, match="another recipe"):
        Training(replace(RECIPE, seed=2), tmp_path, faces, faces)


def test_the_rate_warms_up_and_falls_to_zero_in_each_cycle() -> None:
    rates = [rate(RECIPE, epoch) for epoch in (0.1, 1.0, 1.5, 1.9999, 3.0, 3.9999)]
    assert rates == pytest.approx([0.01, 0.1, 0.05, 0, 0.05, 0], abs=1e-6)


def test_curves_are_drawn(tmp_path: Path) -> None:
    draw_curves([{"epoch": 1, "loss": 2.0, "cross_entropy": 1.9, "accuracy": 0.4}], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_folding_changes_nothing_but_the_form(net: AffectNet, faces: Faces) -> None:
    luma = pixels(faces.images)
    with torch.no_grad():
        assert torch.allclose(run(fold(net, 2.0), luma)["logits"], net(luma) / 2, atol=1e-4)


def test_the_int8_file_answers_as_the_float_network_does(net: AffectNet, faces: Faces) -> None:
    nodes = fold(net)
    content = write(nodes, grids(nodes, faces.images), tensor_shapes(nodes), "test")
    floats = torch.softmax(run(nodes, pixels(faces.images))["logits"], dim=1).numpy()
    assert Reader(Path("net.tflite"), content).read_all(faces.images) == pytest.approx(floats, abs=0.03)


def test_quantising_twice_gives_the_same_file(net: AffectNet, faces: Faces) -> None:
    assert quantise(net, faces, seed=1) == quantise(net, faces, seed=1)


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4000, 8, generator=generator)
    labels = torch.multinomial(torch.softmax(logits, dim=1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits * 1.7, labels) == pytest.approx(1.7, rel=0.1)
