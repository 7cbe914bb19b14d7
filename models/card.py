"""The tables of the model card, drawn from the manifest's figures alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from contract.errors import ModelError

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
#: The robustness table's row about the crops that the node's own detector gives.
DETECTED = "crop as the detector gives it"


def fill(path: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the tables between the card's two marks.

    Raises: ModelError when the marks are not there.
    """
    before, _ = split(path.read_text())
    after = path.read_text().partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{tables(manifest)}{END}{after}")


def split(card: str) -> tuple[str, str]:
    """The text before the measured part, and the measured part."""
    before, begin, rest = card.partition(BEGIN + "\n")
    measured, end, _ = rest.partition(END)
    if not begin or not end:
        raise ModelError(f"card.md has lost its marks; put {BEGIN} and {END} back where the tables belong.")
    return before, measured


def tables(manifest: Mapping[str, Any]) -> str:
    """All measured tables, as Markdown."""
    measured = manifest["measured"]
    parts = (
        _summary(manifest),
        _labels(manifest["labels"], measured),
        _risk(manifest["abstain_below"], measured),
        _robustness(measured),
        _by_picture(measured),
    )
    return "\n".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def _percent(share: float | None) -> str:
    return "–" if share is None or share != share else f"{100 * share:.1f} %"


def _summary(manifest: Mapping[str, Any]) -> str:
    measured, made = manifest["measured"], manifest["provenance"]
    rows = [
        ("accuracy, int8", _percent(measured["accuracy"])),
        ("accuracy, float", _percent(measured["float_accuracy"])),
        ("macro-F1, int8", f"{measured['macro_f1']:.3f}"),
        ("expected calibration error (15 bins)", f"{measured['ece']:.3f}"),
        ("size", f"{manifest['bytes']:,} bytes"),
        *((f"one invocation of `{name}`, 1 thread", f"{ms:.3f} ms") for name, ms in measured["invoke_ms"].items()),
        ("training", _training(made)),
    ]
    return f"### FER+ majority, valid split, {measured['images']} faces\n\n" + _table(("", "measured"), rows)


def _training(made: Mapping[str, Any]) -> str:
    stages = made["stages"].values()
    epochs, minutes = sum(one["epochs"] for one in stages), sum(one["seconds"] for one in stages) / 60
    return f"{len(stages)} stages, {epochs} epochs, {minutes:.0f} min ({made['device']})"


def _labels(labels: list[str], measured: Mapping[str, Any]) -> str:
    rows = [
        (f"**{label}**", _percent(measured["recall"][label]), *counts)
        for label, counts in zip(labels, measured["confusion"], strict=True)
    ]
    return "### Recall, and what each label was read as\n\n" + _table(("label", "recall", *labels), rows)


def _risk(abstain_below: float, measured: Mapping[str, Any]) -> str:
    rows = [(_percent(float(share)), _percent(right)) for share, right in measured["risk_coverage"].items()]
    at = measured["at_threshold"]
    return (
        "### Accuracy when the least certain faces are left out\n\n"
        + _table(("read", "accuracy"), rows)
        + f"\nThe threshold, chosen on the hold-out, is {abstain_below}: it reads {_percent(at['coverage'])} of the "
        f"valid faces and is right on {_percent(at['accuracy'])} of those.\n"
    )


def _robustness(measured: Mapping[str, Any]) -> str:
    """Each row against the same faces as they are: the detector's row has only those that were found."""
    worse, found = measured["robustness"], measured.get("detected", {})
    before = dict.fromkeys(worse, measured["accuracy"])
    if found:
        before[DETECTED] = found["accuracy_undisturbed"]
    lost = {name: 100 * (before[name] - value) for name, value in worse.items()}
    rows = [(name, _percent(value), f"{lost[name]:.1f}") for name, value in worse.items()]
    rows.append(("**mean**", _percent(sum(worse.values()) / len(worse)), f"{sum(lost.values()) / len(lost):.1f}"))
    table = _table(("degradation", "accuracy", "points lost"), rows)
    return "### As a shop's camera sees it\n\n" + table + _detected(measured)


def _detected(measured: Mapping[str, Any]) -> str:
    if "detected" not in measured:  # measured before there was such a row
        return ""
    found = measured["detected"]
    off = found["spread"]
    return (
        f"\nThe detector's own crops: set into photographs of heads, faces {found['face_px']} pixels wide, of which it "
        f"found {_percent(found['found'])}; the row is about those, which score "
        f"{_percent(found['accuracy_undisturbed'])} as they are. Its crop's standard deviation, in pixels of 48: "
        f"{off['right_px']:.1f} sideways, {off['down_px']:.1f} up or down, {100 * off['scale']:.0f} % in size, "
        f"{off['turned_deg']:.1f}° of turn.\n"
    )


def _by_picture(measured: Mapping[str, Any]) -> str:
    rows = [
        (third, part["images"], _percent(part["accuracy"]), _percent(part["balanced_recall"]))
        for third, part in measured["by_picture"].items()
    ]
    return "### By the picture's light and the face's size\n\n" + _table(
        ("part", "faces", "accuracy", "mean recall"), rows
    )
