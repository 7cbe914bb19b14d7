"""The affect network while it learns: a small residual net of dense 3×3 convolutions.

Rules:
- Only what folds into the operators an Edge TPU runs: convolution, ReLU, add, mean, fully connected, softmax.
- Dense, not depthwise: at 48×48 these are faster on a CPU with 8-bit dot products, lose less when quantised, and
  train several times faster.
- Input is raw luma, 0 to 255, and padding is black, so that nothing happens to a pixel outside the file.
- Strided convolutions pad below and to the right only, which is what TFLite calls SAME.

Left out: softmax and temperature, which `models.quantise` appends.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.manifest import LABELS

Channels = tuple[int, int, int, int]
SHIPPED: Channels = (16, 32, 72, 120)


class Conv(nn.Module):  # type: ignore[misc]
    """3×3 convolution and batch norm, halving the picture when ``stride`` is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1 if stride == 1 else 0, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 2:
            x = functional.pad(x, (0, 1, 0, 1))
        result: Tensor = self.norm(self.conv(x))
        return result


class Residual(nn.Module):  # type: ignore[misc]
    """Two convolutions around which the input is carried."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels)
        self.second = Conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class AffectNet(nn.Module):  # type: ignore[misc]
    """Luma to the logits of eight emotions; ``channels`` are those of its four resolutions.

    Shapes: (n, 1, 48, 48) float, 0 to 255, to (n, 8).
    """

    def __init__(self, channels: Channels = SHIPPED, dropout: float = 0.2) -> None:
        super().__init__()
        stem, wide, deep, top = channels
        self.body = nn.Sequential(
            Conv(1, stem), nn.ReLU(),
            Conv(stem, wide, 2), nn.ReLU(), Residual(wide),
            Conv(wide, deep, 2), nn.ReLU(), Residual(deep), Residual(deep),
            Conv(deep, top, 2), nn.ReLU(), Residual(top),
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(top, len(LABELS))

    def forward(self, luma: Tensor) -> Tensor:
        features = self.body(luma * (1 / 255)).mean(dim=(2, 3))
        result: Tensor = self.head(self.dropout(features))
        return result


def pixels(images: object, device: torch.device | str = "cpu") -> Tensor:
    """uint8 (n, 48, 48) as the network's input."""
    batch = torch.as_tensor(images, device=device)[:, None].float()
    return batch.to(memory_format=torch.channels_last)
