"""Trains the affect network on FER+ vote distributions: ``python -m models.train --data DIR``.

Rules:
- Seeded: the order, the variants and the blends of an epoch depend on (seed, epoch) alone.
- A checkpoint after every epoch; the same command carries on from it, and a stage that is done is not done again.
- The weights that count are the moving average's. Nothing here opens the valid split.

Left out: what is trained (`models.recipe`), and choosing an epoch: the rate ends at zero, so the last is the one kept.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from contract.errors import ConfigError
from models.augment import batch as variants
from models.command import finish
from models.data import DEFAULT_DATA, RUNS, Faces, hold_out, joined, load, load_split_votes
from models.net import AffectNet, pixels
from models.recipe import HOLD_OUT_SEED, STAGES, TRIALS, Recipe

DESCRIPTION = """Trains the affect network on FER+ vote distributions, stage after stage (models/recipe.py). Interrupt
it when you like: the same command carries on from the last whole epoch. Trials run only when they are named."""


class Training:
    """A run that can be put down after any epoch and taken up again."""

    def __init__(self, recipe: Recipe, run: Path, fit: Faces, held: Faces) -> None:
        self.recipe, self.run, self.fit, self.held = recipe, run, fit, held
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        net = trained(run.with_name(recipe.start))[0] if recipe.start else AffectNet(recipe.channels)
        self.net = net.to(self.device, memory_format=torch.channels_last)
        self.average = AveragedModel(self.net, avg_fn=moving_average(recipe.average_decay), use_buffers=True)
        self.optimiser = torch.optim.SGD(
            self.net.parameters(), recipe.cycles[0][1], recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
        )
        self.steps_per_epoch = len(fit) // recipe.batch_size
        self.history: list[dict[str, float]] = []
        self._resume()

    @property
    def checkpoint(self) -> Path:
        return self.run / "last.pt"

    def epochs(self) -> Iterator[dict[str, float]]:
        """Runs what is left; gives each epoch's figures once its checkpoint is on disk."""
        for epoch in range(len(self.history), self.recipe.epochs):
            begun = time.monotonic()
            loss = self._epoch(epoch)
            measured = score(self.average.module, self.held, self.device)
            self.history.append({"epoch": epoch + 1, "loss": loss, **measured, "seconds": time.monotonic() - begun})
            self._save()
            yield self.history[-1]

    def _epoch(self, epoch: int) -> float:
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, epoch))
        torch.manual_seed(recipe.seed * 10_000 + epoch)
        order = draw(self.fit, recipe.balance, rng)[: self.steps_per_epoch * recipe.batch_size]
        into, epochs, _ = recipe.phase(epoch)
        plain = into >= epochs - recipe.plain_epochs
        self.net.train()
        total = 0.0
        for step, index in enumerate(tqdm(order.reshape(-1, recipe.batch_size), f"epoch {epoch + 1}", leave=False)):
            for group in self.optimiser.param_groups:
                group["lr"] = rate(recipe, epoch + step / self.steps_per_epoch)
            images = variants(self.fit.images[index], self.fit.rows[index], recipe.seed, epoch, cut=not plain)
            bare = rng.random(len(index)) < recipe.bare
            images[bare] = self.fit.images[index][bare]
            luma, targets = pixels(images, self.device), torch.from_numpy(self.fit.targets[index]).to(self.device)
            if recipe.hard:
                targets = functional.one_hot(targets.argmax(1), targets.shape[1]).float()
            if not plain:
                luma, targets = mixup(luma, targets, recipe.mixup_alpha, rng)
            total += self._step(luma, targets)
        return total / self.steps_per_epoch

    def _step(self, luma: Tensor, targets: Tensor) -> float:
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.net(luma)
        loss = functional.cross_entropy(logits.float(), targets)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.average.update_parameters(self.net)
        return float(loss.detach())

    def _save(self) -> None:
        state = {
            "recipe": asdict(self.recipe),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": self.history,
            "device": str(self.device),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)
        (self.run / "history.json").write_text(json.dumps(self.history, indent=1) + "\n")

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state: dict[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if Recipe(**state["recipe"]) != self.recipe:
            raise ConfigError(f"{self.checkpoint} was trained by another recipe: give another --run, or delete it.")
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.history = state["history"]


def draw(faces: Faces, balance: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """An epoch's order: every face once, or drawn so that rare labels come up more often.

    A face without a majority counts as the label that most of its votes are for.
    """
    if balance == 0.0:
        return rng.permutation(len(faces))
    label = faces.targets.argmax(axis=1)
    weight = np.bincount(label, minlength=faces.targets.shape[1])[label] ** -balance
    return rng.choice(len(faces), len(faces), p=weight / weight.sum())


def rate(recipe: Recipe, epoch: float) -> float:
    """The learning rate: in each cycle a linear warm-up, then half a cosine down to zero."""
    into, epochs, peak_rate = recipe.phase(epoch)
    if into < recipe.warm_up_epochs:
        return peak_rate * max(into, 0.02) / recipe.warm_up_epochs
    done = (into - recipe.warm_up_epochs) / (epochs - recipe.warm_up_epochs)
    return peak_rate * 0.5 * (1 + math.cos(math.pi * done))


def moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential average; while young it looks back over the last tenth only, so that it forgets its start."""

    def average(mean: Tensor, value: Tensor, count: Tensor | int) -> Tensor:
        steps = float(count)
        return mean + (value - mean) * (1 - min(decay, (1 + steps) / (10 + steps)))

    return average


def mixup(luma: Tensor, targets: Tensor, alpha: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Blends each face, and what was voted for it, with another of the batch.

    Source: Zhang et al. (2018), arXiv:1710.09412.
    """
    share = float(rng.beta(alpha, alpha))
    other = torch.from_numpy(rng.permutation(len(luma))).to(luma.device)
    return torch.lerp(luma[other], luma, share), torch.lerp(targets[other], targets, share)


def score(net: nn.Module, faces: Faces, device: torch.device) -> dict[str, float]:
    """Accuracy against the majority and cross-entropy against the votes."""
    net.eval()
    parts = np.array_split(faces.images, len(faces) // 256 + 1)
    with torch.no_grad():
        logits = torch.cat([net(pixels(part, device)).cpu() for part in parts])
    hits = logits.argmax(1).numpy() == faces.labels
    entropy = functional.cross_entropy(logits, torch.from_numpy(faces.targets))
    return {"accuracy": float(hits.mean()), "cross_entropy": float(entropy)}


def taught(faces: Faces, teachers: list[AffectNet], share: float, device: torch.device) -> Faces:
    """The same faces; ``share`` of each target is the mean of the teachers' answers to the face and its mirror image.

    Fixed answers, not one for each variant: asking the teachers at every step would take twice as long as the step.
    Source: Hinton et al. (2015), arXiv:1503.02531.
    """
    answers = np.zeros_like(faces.targets)
    for net in (teacher.eval().to(device) for teacher in teachers):
        for index in tqdm(np.array_split(np.arange(len(faces)), len(faces) // 256 + 1), "teachers", leave=False):
            luma = pixels(faces.images[index], device)
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
                both = net(torch.cat([luma, luma.flip(3)])).float().softmax(1).view(2, len(index), -1).mean(0)
            answers[index] += both.cpu().numpy() / len(teachers)
    return replace(faces, targets=share * answers + (1 - share) * faces.targets)


def trained(run: Path) -> tuple[AffectNet, dict[str, Any]]:
    """The averaged network of a run's last checkpoint, and that checkpoint.

    Raises: ConfigError when there is none.
    """
    path = run / "last.pt"
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ConfigError(f"No checkpoint at {path}; train first, or name the run's folder with --run.") from error
    average = AveragedModel(AffectNet(state["recipe"]["channels"]), use_buffers=True)
    average.load_state_dict(state["average"])
    net: AffectNet = average.module.eval()
    return net, state


def finished(run: Path) -> tuple[AffectNet, dict[str, Any]]:
    """What a run gave: the mean of the weights at its end and, where it took another's up, at its start.

    Raises: ConfigError when there is no checkpoint.
    Source: Wortsman et al. (2022), arXiv:2203.05482.
    """
    net, state = trained(run)
    if start := state["recipe"].get("start"):
        first = trained(run.with_name(start))[0].state_dict()
        net.load_state_dict({name: (value + first[name]) / 2 for name, value in net.state_dict().items()})
    return net, state


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """Loss and hold-out accuracy by epoch, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, left = pyplot.subplots(figsize=(7, 4))
    epochs = [row["epoch"] for row in history]
    left.plot(epochs, [row["loss"] for row in history], label="training loss")
    left.plot(epochs, [row["cross_entropy"] for row in history], label="hold-out cross-entropy")
    left.set(xlabel="epoch", ylabel="nats")
    right = left.twinx()
    right.plot(epochs, [row["accuracy"] for row in history], "k--", label="hold-out accuracy")
    right.set_ylabel("accuracy")
    figure.legend(loc="upper center", ncols=3)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def run_stage(name: str, folder: Path, fit: Faces, held: Faces) -> None:
    """Trains one stage to its end, or what is left of it."""
    recipe, run = {**STAGES, **TRIALS}[name], folder / name
    run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if recipe.teachers:
        teachers = [trained(folder / teacher)[0] for teacher in recipe.teachers]
        fit = _kept(run / "targets.npy", fit, lambda: taught(fit, teachers, recipe.taught_share, device))
    training = Training(recipe, run, fit, held)
    for row in training.epochs():
        tqdm.write(
            f"{name} {row['epoch']}/{recipe.epochs}: loss {row['loss']:.3f}, "
            f"hold-out accuracy {row['accuracy']:.4f}, {row['seconds']:.0f} s"
        )
    draw_curves(training.history, run / "curves.png")
    hours = sum(row["seconds"] for row in training.history) / 3600
    print(f"Trained {name}: {recipe.epochs} epochs on {len(fit)} faces in {hours:.2f} h ({training.device}).")


def _kept(path: Path, fit: Faces, make: Callable[[], Faces]) -> Faces:
    """The targets that were made before, so that taking a run up again asks no teacher twice."""
    if not path.exists():
        np.save(path, make().targets)
    return replace(fit, targets=np.load(path))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m models.train", description=DESCRIPTION)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder with ferplus_train.npz")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder for the stages' checkpoints and curves")
    parser.add_argument(
        "--stage",
        choices=[*STAGES, *TRIALS],
        action="append",
        help="only this one (may be given again)",
    )
    options = parser.parse_args(arguments)
    fit, held = hold_out(load(options.data, "train"), HOLD_OUT_SEED)
    fit = joined(fit, load_split_votes(options.data))
    for name in options.stage or STAGES:
        run_stage(name, options.runs, fit, held)


if __name__ == "__main__":
    finish(main)
