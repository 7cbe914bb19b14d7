"""What is trained: the stages of `make train`, in their order, and short trials that differ in one thing each.

Rules:
- The shipped net on the votes, larger nets on the votes, then the shipped net again from where it stood, learning from
  the votes and from what all of them answer; at last a little more of it with half of the faces as they are.
- A recipe and the data are all that a result depends on, besides the machine.

Left out: how a recipe is carried out (`models.train`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.net import SHIPPED, Channels


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one run is told.

    ``cycles``: for each cosine its number of epochs and the rate it starts from; a second one, from a lower rate, finds
    a better place than the first could. ``plain_epochs``: the last epochs of each see faces as a camera may, neither
    blended with one another nor cut. ``start`` is the stage whose weights it begins with, ``teachers`` those whose
    answers make up ``taught_share`` of the targets. ``balance`` makes rare labels commoner: faces are drawn with the
    frequency of their label to the power of minus this (0: each face once an epoch). ``hard`` targets are the label
    with most votes alone; a share ``bare`` of the faces is shown as it is.
    """

    seed: int = 1
    channels: Channels = SHIPPED
    cycles: tuple[tuple[int, float], ...] = ((30, 0.1), (16, 0.05))
    start: str | None = None
    teachers: tuple[str, ...] = ()
    taught_share: float = 0.5
    balance: float = 0.0
    hard: bool = False
    bare: float = 0.0
    batch_size: int = 128
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warm_up_epochs: float = 1.0
    mixup_alpha: float = 0.2
    plain_epochs: int = 7
    average_decay: float = 0.999

    @property
    def epochs(self) -> int:
        return sum(epochs for epochs, _ in self.cycles)

    def phase(self, epoch: float) -> tuple[float, int, float]:
        """How far into its cycle an epoch is, that cycle's epochs, and its peak rate."""
        for epochs, peak_rate in self.cycles:
            if epoch < epochs:
                return epoch, epochs, peak_rate
            epoch -= epochs
        raise ValueError(f"the recipe has {self.epochs} epochs")


#: What `make train` runs, in this order; each stage's name is its folder's.
STAGES: dict[str, Recipe] = {
    "plain": Recipe(),
    "wide": Recipe(seed=2, channels=(24, 48, 108, 180), cycles=((20, 0.1),), plain_epochs=5),
    "wider": Recipe(seed=3, channels=(32, 64, 128, 256), cycles=((15, 0.1),), plain_epochs=4),
    "distilled": Recipe(
        seed=4, cycles=((24, 0.05),), plain_epochs=4, start="plain", teachers=("plain", "wide", "wider")
    ),
    "affect": Recipe(seed=6, cycles=((3, 0.02),), plain_epochs=3, start="distilled", bare=0.5),
}
#: Short runs that differ in one thing each, to be compared with one another (docs/affect-model.md).
_TRIAL = Recipe(seed=5, cycles=((3, 0.02),), start="plain", plain_epochs=3)
TRIALS: dict[str, Recipe] = {
    "trial-votes": _TRIAL,
    "trial-hard": replace(_TRIAL, hard=True),
    "trial-bare": replace(_TRIAL, bare=1.0),
    "trial-half-bare": replace(_TRIAL, bare=0.5),
    "trial-balanced": replace(_TRIAL, balance=0.5),
    "trial-taught": replace(_TRIAL, teachers=("plain", "wide", "wider")),
}
#: Every stage holds out the same faces.
HOLD_OUT_SEED = 1
