"""The rules of nudges as a form: what each is called, what is shown of it, and what was typed as rules again. Pure.

Rules:
- One table (`SETTINGS`) says what a field is called and in which unit people read it; its kind, bounds and default come
  from `hub.config.NudgePart`. A field that the table does not know is shown by its own name; one that is no number, no
  yes or no and no list known here is shown and left as it is.
- What was typed is judged by `NudgePart` alone.

Left out: where values are kept (`hub.rules`), and what they would have done (`hub.whatif`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from annotated_types import Ge, Le
from pydantic import ValidationError

from hub.config import NudgePart
from hub.nudge_types import ZoneKey
from hub.rules import Change, RuleSheet, said_in

Kind = Literal["number", "choice", "quiet", "zones", "neighbours", "file"]
Source = Literal["here", "file", "default"]
SIGNS: Final = {1: "the first signs", 2: "clear signs", 3: "strong signs", 4: "never"}
YES_NO: Final = {"true": "yes", "false": "no"}
SPARE_QUIET: Final = 1  # empty rows to write a new span into
MINUTE: Final = 60.0
LETTERS: Final = tuple("ABCDEFGH")


@dataclass(frozen=True, slots=True)
class Setting:
    """How a field is shown. Units: one ``unit`` that people read is ``per`` of the field's own."""

    label: str
    hint: str = ""
    unit: str = ""
    per: float = 1.0
    step: float = 1.0
    choices: Mapping[Any, str] | None = None


SETTINGS: Final[Mapping[str, Setting]] = {
    "level_from": Setting(
        "Ask from", "How sure a camera is that somebody may welcome a hand.", choices={n: SIGNS[n] for n in (1, 2, 3)}
    ),
    "zones": Setting("Zones of their own", "A zone may ask for more than the shop, or never."),
    "neighbours": Setting("Neighbours", "Zones with the same letter raise one nudge together, not two side by side."),
    "per_hour": Setting("At most", "In the whole shop, whatever happens.", "an hour"),
    "quiet": Setting("Quiet hours", "No nudge is raised in them, by the shop's clock. A span may pass midnight."),
    "learns": Setting(
        "Learn from answers", "Zones whose nudges seldom help wait for clearer signs.", choices=YES_NO
    ),
    "precision": Setting("Nudges that should help", "What the zones learn towards.", "%", 0.01, 5),
    "first_approach_s": Setting(
        "Leave people in peace for", "So long a need must have stood before anybody is asked.", "s", 1, 5
    ),
    "hand_over_s": Setting("Ask again after", "Somebody else, when nobody has said “on my way”.", "s", 1, 5),
    "expires_s": Setting("Give up after", "When nobody takes it at all.", "s", 1, 5),
    "taken_max_s": Setting("Wait for an answer", "After “on my way”; then the zone is free again.", "min", MINUTE, 1),
    "rest_s": Setting("Leave a zone alone", "After each nudge.", "min", MINUTE, 0.5),
    "rest_browsing_s": Setting("After “just browsing”", "The same, a while longer.", "min", MINUTE, 1),
    "person_per_hour": Setting("One person is asked", "So often and no more, alone or with others.", "times an hour"),
    "person_rest_s": Setting("One person rests", "After each turn, before the next one.", "min", MINUTE, 0.5),
    "busy_s": Setting("“I'm busy” lasts", "Then it ends by itself; nobody counts it.", "min", MINUTE, 1),
    "keep_distance": Setting(
        "Word on keeping distance", "One line on each card: offer once, then leave room.", choices=YES_NO
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One setting on the page. ``value`` is what stands in the field, ``said`` what it means, ``file`` what hub.toml
    says; ``wrong`` says what to mend."""

    name: str
    setting: Setting
    kind: Kind
    value: Any
    said: str
    source: Source
    file: str
    low: float | None = None
    high: float | None = None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed: rules, or by field what is wrong."""

    part: NudgePart | None
    said: Mapping[str, Any]
    wrong: Mapping[str, str]


def rows(
    sheet: RuleSheet, names: Mapping[ZoneKey, str], said: Mapping[str, Any], wrong: Mapping[str, str]
) -> list[Row]:
    """The form with these values in it, in the order of the table."""
    toml = said_in(sheet.toml)
    return [_row(name, sheet, names, toml[name], said[name], wrong.get(name, "")) for name in _fields()]


def typed(form: Sequence[tuple[str, str]], now: NudgePart) -> Typed:
    """What a posted form says; a field that is missing in it stays as it is."""
    said, wrong = said_in(now), dict[str, str]()
    given: dict[str, list[str]] = {}
    for name, text in form:
        given.setdefault(name, []).append(text.strip())
    for name in _fields():
        try:
            said[name] = _value(name, given, said[name])
        except ValueError as error:
            wrong[name] = str(error)
    try:
        part = NudgePart.model_validate_json(json.dumps(said))
    except ValidationError as error:
        wrong = {**{str(one["loc"][0]): _mend(one) for one in error.errors(include_url=False)}, **wrong}
    return Typed(None if wrong else part, said, wrong)


def told(change: Change, names: Mapping[ZoneKey, str]) -> list[str]:
    """A change, a sentence a field."""
    return [f"{label(name)}: {words(name, old, names)} → {words(name, new, names)}" for name, old, new in change.fields]


def label(name: str) -> str:
    """What a field is called."""
    return _setting(name).label


def words(name: str, value: Any, names: Mapping[ZoneKey, str]) -> str:
    """A value as people say it."""
    setting = _setting(name)
    match _kind(name):
        case "quiet":
            return ", ".join(f"{span['from']} to {span['to']}" for span in value) or "none"
        case "zones":
            return ", ".join(f"{_name(one, names)}: {SIGNS[one['level_from']]}" for one in value) or "none"
        case "neighbours":
            return ", ".join(" + ".join(_name(one, names) for one in group["zones"]) for group in value) or "none"
        case "choice":
            choices = setting.choices or YES_NO
            return str(choices.get(_key(value), value))
        case "number":
            return f"{_shown(value, setting)} {setting.unit}".strip()
        case "file":
            return json.dumps(value)


def zone_choices(said: Mapping[str, Any], names: Mapping[ZoneKey, str]) -> Iterator[tuple[str, str, int | None]]:
    """For each zone its field, its name and its own level, if it has one."""
    own = {(one["node"], one["zone"]): one["level_from"] for one in said.get("zones", ())}
    shown = {**{key: _name({"node": key[0], "zone": key[1]}, names) for key in own}, **names}
    doubles = {name for name in shown.values() if list(shown.values()).count(name) > 1}
    for key, name in sorted(shown.items(), key=lambda item: (item[1], item[0])):
        yield f"zone.{key[0]}/{key[1]}", f"{name} ({key[0]})" if name in doubles else name, own.get(key)


def neighbour_choices(said: Mapping[str, Any], names: Mapping[ZoneKey, str]) -> list[tuple[str, str, str]]:
    """For each zone its field, its name and the letter of its neighbours, if it has some."""
    letters = {
        (one["node"], one["zone"]): letter
        for letter, group in zip(LETTERS, said.get("neighbours", ()), strict=False)
        for one in group["zones"]
    }
    shown = [(field.replace("zone.", "beside.", 1), name) for field, name, _ in zone_choices(said, names)]
    known = {f"beside.{node}/{zone}": letter for (node, zone), letter in letters.items()}
    gone = [
        (field, field.removeprefix("beside.")) for field in sorted(known) if field not in [field for field, _ in shown]
    ]
    return [(field, name, known.get(field, "")) for field, name in (*shown, *gone)]


def _fields() -> list[str]:
    """In the table's order, then what it does not know."""
    known = [name for name in SETTINGS if name in NudgePart.model_fields]
    return known + [name for name in NudgePart.model_fields if name not in SETTINGS]


def _setting(name: str) -> Setting:
    """What the table says, or what the field's own name does."""
    unit = "s" if name.endswith("_s") else ""
    return SETTINGS.get(name) or Setting(name.removesuffix("_s").replace("_", " ").capitalize(), unit=unit)


def _kind(name: str) -> Kind:
    field = NudgePart.model_fields.get(name)
    match name:
        case "quiet" | "zones" | "neighbours":
            return name
        case _ if field is None:
            return "file"
        case _ if _setting(name).choices or field.annotation is bool:
            return "choice"
        case _:
            return "number" if field.annotation in (int, float) else "file"


def _row(name: str, sheet: RuleSheet, names: Mapping[ZoneKey, str], file: Any, value: Any, wrong: str) -> Row:
    setting, kind = _setting(name), _kind(name)
    if kind == "choice" and not setting.choices:
        setting = replace(setting, choices=YES_NO)
    source: Source = "here" if name in sheet.here else "file" if name in sheet.toml.model_fields_set else "default"
    shown = _shown(value, setting) if kind == "number" else _key(value) if kind == "choice" else value
    low, high = (bound and bound / setting.per for bound in _bounds(name))
    said = (wrong and str(value)) or words(name, value, names)
    return Row(name, setting, kind, shown, said, source, words(name, file, names), low, high, wrong)


def _value(name: str, given: Mapping[str, list[str]], now: Any) -> Any:
    match _kind(name):
        case "quiet" if "quiet.from" in given:
            spans = zip(given["quiet.from"], given.get("quiet.to", []), strict=False)
            return [{"from": since, "to": until} for since, until in spans if since or until]
        case "zones" if any(key.startswith("zone.") for key in given):
            picked = {key.removeprefix("zone."): texts[-1] for key, texts in given.items() if key.startswith("zone.")}
            return [_zone(key, text) for key, text in picked.items() if text]
        case "neighbours" if any(key.startswith("beside.") for key in given):
            picked = {
                key.removeprefix("beside."): texts[-1] for key, texts in given.items() if key.startswith("beside.")
            }
            return _groups(picked)
        case "number" if name in given:
            untouched = given[name][-1] == _shown(now, _setting(name))  # 20 s are shown as 0.333333 min
            return now if untouched else _number(name, given[name][-1])
        case "choice" if name in given:
            text = given[name][-1]
            return text == "true" if text in YES_NO else int(text)
        case _:
            return now


def _number(name: str, text: str) -> float | int:
    try:
        value = round(float(text.replace(",", ".")) * _setting(name).per, 6)
    except (ValueError, OverflowError):
        raise ValueError("Write a number.") from None
    whole = NudgePart.model_fields[name].annotation is int and value == value // 1
    return int(value) if whole else value


def _zone(key: str, text: str) -> dict[str, Any]:
    node, _, zone = key.rpartition("/")
    return {"node": node, "zone": int(zone), "level_from": int(text)}


def _groups(letters: Mapping[str, str]) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for key, letter in sorted(letters.items()):
        node, _, zone = key.rpartition("/")
        if letter in LETTERS:
            groups.setdefault(letter, []).append({"node": node, "zone": int(zone)})
    if alone := [letter for letter, zones in sorted(groups.items()) if len(zones) == 1]:
        raise ValueError(f"A zone alone has no neighbours: {', '.join(alone)} stands at one zone only.")
    return [{"zones": zones} for _, zones in sorted(groups.items())]


def _mend(error: Any) -> str:
    name = str(error["loc"][0])
    setting, (low, high) = _setting(name), _bounds(name)
    if _kind(name) == "number" and low is not None and high is not None:
        return f"From {_shown(low, setting)} to {_shown(high, setting)} {setting.unit}.".replace(" .", ".")
    if name == "quiet":
        return "Write both times of a span as hours and minutes, such as 12:30."
    return str(error["msg"])


def _bounds(name: str) -> tuple[float | None, float | None]:
    marks = NudgePart.model_fields[name].metadata
    lows = [float(str(mark.ge)) for mark in marks if isinstance(mark, Ge)]
    highs = [float(str(mark.le)) for mark in marks if isinstance(mark, Le)]
    return next(iter(lows), None), next(iter(highs), None)


def _shown(value: Any, setting: Setting) -> str:
    return f"{value / setting.per:.6g}" if isinstance(value, int | float) else str(value)


def _key(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _name(one: Mapping[str, Any], names: Mapping[ZoneKey, str]) -> str:
    return names.get((one["node"], one["zone"]), f"Zone {one['zone']} of {one['node']}")
