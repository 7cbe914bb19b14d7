"""Quantisation-aware fine-tuning: the folded network learns on while every tensor is rounded as in the int8 file.

Rules:
- Rounding is what `models.quantise` will do: its grids, its weight scales. The gradient passes through it unchanged
  where a value is inside its grid, and not at all outside.
- Norms stay folded and grids stay fixed, so that what is learnt is what is written.

Left out: the grids and the file (`models.quantise`), the variants of a face (`models.augment`).
Source: Jacob et al. (2018), arXiv:1712.05877; the straight-through estimator of Bengio et al. (2013), arXiv:1308.3432.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from models.augment import batch as variants
from models.data import Faces
from models.flatfile import Grid
from models.net import pixels
from models.quantise import Node, Through, run, weight_scale

BATCH_SIZE = 128
PEAK_RATE = 1e-3  # of each tensor's own size: folded weights differ by orders of magnitude


def rounded(value: Tensor, scale: Tensor, zero_point: int = 0) -> Tensor:
    """The value as its int8 grid holds it, differentiable."""
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    inside = torch.minimum(torch.maximum(value, low), high)
    return inside + (torch.round(inside / scale) * scale - inside).detach()


def rounding(grid: dict[str, Grid]) -> Through:
    """What `models.quantise.run` passes each tensor through, for a run as the int8 file would do it."""

    def through(name: str, value: Tensor) -> Tensor:
        if name in grid:
            return rounded(value, torch.tensor(grid[name].scale[0]), grid[name].zero)
        scale = weight_scale(value.detach())
        return rounded(value, scale.reshape(-1, *[1] * (value.ndim - 1)))

    return through


def tune(nodes: list[Node], grid: dict[str, Grid], fit: Faces, seed: int, epochs: int) -> list[Node]:
    """The same operators with weights that lose less when they are rounded; a cosine from `PEAK_RATE` to zero."""
    learning = [
        replace(node, weight=node.weight.clone().requires_grad_(), bias=node.bias.clone().requires_grad_())
        if node.weight is not None and node.bias is not None
        else node
        for node in nodes
    ]
    leaves = [leaf for node in learning for leaf in (node.weight, node.bias) if leaf is not None]
    steps = len(fit) // BATCH_SIZE
    optimiser = torch.optim.Adam([{"params": [leaf], "lr": PEAK_RATE * _size(leaf)} for leaf in leaves])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps)
    through = rounding(grid)
    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(len(fit))[: steps * BATCH_SIZE]
        for index in tqdm(order.reshape(-1, BATCH_SIZE), f"quantisation-aware epoch {epoch + 1}", leave=False):
            luma = pixels(variants(fit.images[index], fit.rows[index], seed, epoch, cut=False))
            logits = run(learning, luma, through)["logits"]
            loss = functional.cross_entropy(logits, torch.from_numpy(fit.targets[index]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return [_at_rest(node) for node in learning]


def _size(leaf: Tensor) -> float:
    return float(leaf.detach().square().mean().sqrt())


def _at_rest(node: Node) -> Node:
    if node.weight is None or node.bias is None:
        return node
    return replace(node, weight=node.weight.detach(), bias=node.bias.detach())
