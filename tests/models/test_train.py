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
from models.qat import rounding, tune  # noqa: E402
from models.quantise import fit_temperature, fold, grids, quantise, run, tensor_shapes, write  # noqa: E402
from models.recipe import STAGES, Recipe  # noqa: E402
from models.train import Training, draw, draw_curves, finished, rate, taught, trained  # noqa: E402

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


def test_a_stage_can_start_from_the_weights_of_another(tmp_path: Path, faces: Faces) -> None:
    (tmp_path / "first").mkdir()
    list(Training(RECIPE, tmp_path / "first", faces, faces).epochs())
    second = Training(replace(RECIPE, start="first"), tmp_path / "second", faces, faces)
    average, _ = trained(tmp_path / "first")
    for one, other in zip(average.parameters(), second.net.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_a_stage_gave_lies_half_way_between_its_start_and_its_end(tmp_path: Path, faces: Faces) -> None:
    for name, recipe in {"first": RECIPE, "second": replace(RECIPE, start="first", seed=3)}.items():
        (tmp_path / name).mkdir()
        list(Training(recipe, tmp_path / name, faces, faces).epochs())
    start, end, gave = trained(tmp_path / "first")[0], trained(tmp_path / "second")[0], finished(tmp_path / "second")[0]
    for one, other, mean in zip(start.parameters(), end.parameters(), gave.parameters(), strict=True):
        assert torch.allclose((one + other) / 2, mean)
        assert not torch.equal(one, other)


def test_every_stage_learns_from_stages_before_it() -> None:
    done: set[str] = set()
    for name, recipe in STAGES.items():
        assert {*recipe.teachers, *([recipe.start] if recipe.start else [])} <= done
        done.add(name)
    assert name == "affect"


def test_what_is_taught_lies_between_the_votes_and_the_teachers(net: AffectNet, faces: Faces) -> None:
    alone, none, half = (taught(faces, [net], share, torch.device("cpu")).targets for share in (1.0, 0.0, 0.5))
    assert np.array_equal(none, faces.targets)
    assert half == pytest.approx((alone + none) / 2, abs=1e-6)
    assert alone.sum(axis=1) == pytest.approx(1, abs=1e-5)
    mirrored = replace(faces, images=faces.images[:, :, ::-1].copy())
    assert taught(mirrored, [net], 1.0, torch.device("cpu")).targets == pytest.approx(alone, abs=1e-3)


def test_a_balanced_epoch_shows_rare_labels_more_often() -> None:
    labels = np.array([0] * 900 + [5] * 100)
    some = Faces(np.zeros((1000, 1, 1), np.uint8), np.eye(8, dtype=np.float32)[labels], labels, np.arange(1000))
    rng = np.random.default_rng(0)
    assert sorted(draw(some, 0.0, rng)) == list(range(1000))
    assert 0.17 < (labels[draw(some, 0.5, rng)] == 5).mean() < 0.33
    assert 0.4 < (labels[draw(some, 1.0, rng)] == 5).mean() < 0.6


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


def test_a_rounded_run_answers_as_the_int8_file_does(net: AffectNet, faces: Faces) -> None:
    nodes = fold(net)
    grid = grids(nodes, faces.images)
    content = write(nodes, grid, tensor_shapes(nodes), "test")
    logits = run(nodes, pixels(faces.images), rounding(grid))["logits"]
    read = Reader(Path("net.tflite"), content).read_all(faces.images)
    assert torch.softmax(logits, 1).numpy() == pytest.approx(read, abs=0.012)


def test_tuning_lowers_the_loss_of_the_rounded_network_and_leaves_the_first_as_it_was(
    net: AffectNet, faces: Faces
) -> None:
    nodes = fold(net)
    grid = grids(nodes, faces.images)
    many = faces.take(np.tile(np.arange(len(faces)), 16))
    before = [node.weight.clone() for node in nodes if node.weight is not None]
    tuned = tune(nodes, grid, many, seed=1, epochs=2)
    targets = torch.from_numpy(faces.targets)
    losses = [
        float(torch.nn.functional.cross_entropy(run(some, pixels(faces.images), rounding(grid))["logits"], targets))
        for some in (nodes, tuned)
    ]
    assert losses[1] < losses[0]
    for weight, node in zip(before, [node for node in nodes if node.weight is not None], strict=True):
        assert torch.equal(weight, node.weight)


def test_quantising_twice_gives_the_same_file(net: AffectNet, faces: Faces) -> None:
    assert quantise(net, faces, seed=1) == quantise(net, faces, seed=1)


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4000, 8, generator=generator)
    labels = torch.multinomial(torch.softmax(logits, dim=1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits * 1.7, labels) == pytest.approx(1.7, rel=0.1)
