"""How recall differs between groups of people, on an annotated set of the caller's own.

Rules:
- The set is a CSV file: ``image`` (a face crop, relative to the file), ``label`` (one of the eight), and any further
  columns, each a way to group people.
- A group's recall is the mean of its labels' recalls; the worst gap is the largest difference between two groups of a
  column. Each comes with a bootstrap 95 % interval, because small groups show gaps by chance.

Left out: any judgement. Which groups to compare and what gap is too large are the reader's to say.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigError
from models.data import SIZE_PX

BOOTSTRAPS = 500
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    """Faces with a label and the groups they belong to.

    Shapes: ``images`` (n, 48, 48) uint8; ``labels`` (n,); ``groups`` column name to n group names.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: dict[str, list[str]]


def load(path: Path, labels: tuple[str, ...]) -> Annotated:
    """Reads an annotated set.

    Raises: ConfigError naming the first line that cannot be used.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"The annotated set cannot be read ({error}); give a CSV file with --groups.") from error
    grouping = [column for column in columns if column not in ("image", "label")]
    if not {"image", "label"} <= set(columns) or not grouping or not rows:
        raise ConfigError(f"{path} needs the columns image, label and at least one group, and a row for each face.")
    images = [_crop(path, number, row) for number, row in enumerate(rows, start=2)]
    named = [_label(path, number, row, labels) for number, row in enumerate(rows, start=2)]
    groups = {column: [row[column] or "unknown" for row in rows] for column in grouping}
    return Annotated(np.stack(images), np.array(named), groups)


def _crop(path: Path, number: int, row: dict[str, str]) -> NDArray[np.uint8]:
    image = cv2.imread(str(path.parent / row["image"]), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ConfigError(f"{path}, line {number}: there is no picture at {row['image']!r}, seen from the CSV file.")
    return np.asarray(cv2.resize(image, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _label(path: Path, number: int, row: dict[str, str], labels: tuple[str, ...]) -> int:
    if row["label"] not in labels:
        raise ConfigError(f"{path}, line {number}: {row['label']!r} is not one of {', '.join(labels)}.")
    return labels.index(row["label"])


def compare(answers: NDArray[np.int64], faces: Annotated, seed: int = 0) -> dict[str, Any]:
    """Recall by group and the worst gap of each column, with their intervals."""
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import balanced_accuracy_score

    found: dict[str, Any] = {}
    for column, names in faces.groups.items():
        frame = MetricFrame(
            metrics=balanced_accuracy_score,
            y_true=faces.labels,
            y_pred=answers,
            sensitive_features=names,
            n_boot=BOOTSTRAPS,
            ci_quantiles=list(INTERVAL),
            random_state=seed,
        )
        low, high = frame.by_group_ci
        gap_low, gap_high = frame.difference_ci(method="between_groups")
        found[column] = {
            "groups": {
                name: {
                    "faces": names.count(name),
                    "recall": float(recall),
                    "interval": [float(low[name]), float(high[name])],
                }
                for name, recall in frame.by_group.items()
            },
            "worst_gap": float(frame.difference(method="between_groups")),
            "worst_gap_interval": [float(gap_low), float(gap_high)],
        }
    return found


def report(found: dict[str, Any]) -> str:
    """The comparison as text."""
    lines = []
    for column, part in found.items():
        lines.append(f"{column}: worst gap {_with_interval(part['worst_gap'], part['worst_gap_interval'])}")
        lines += [
            f"  {name}: recall {_with_interval(group['recall'], group['interval'])}, {group['faces']} faces"
            for name, group in part["groups"].items()
        ]
    return "\n".join(lines)


def _with_interval(value: float, interval: list[float]) -> str:
    return f"{100 * value:.1f} % ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
