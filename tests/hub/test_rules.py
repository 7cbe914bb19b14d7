"""Rules that the owner set at the page: over hub.toml, at once, over a restart, in the ledger, and back again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from contract.extracts import HISTORY, Extracts
from hub.auth import Role
from hub.config import HubConfig, NudgePart, parse
from hub.retention import sweep
from hub.rule_form import label, neighbour_choices, rows, typed, words
from hub.rules import CHANGED_KIND, FakeRules, RuleBook, RuleSheet, in_force, over, said_in
from hub.shift import Fairness
from hub.store import Store
from tests.hub.node import WALL_S, Node
from tests.hub.test_writer import Hub

NODE = Node()
CONFIG = parse({"nudges": {"level_from": 2, "learns": False, "first_approach_s": 0}}, "hub.toml")
OWN = NudgePart()
QUIET = "Write both times of a span as hours and minutes, such as 12:30."


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path, config=CONFIG)
    hub.hear(NODE.birth(t_mono_s=100), NODE.status())
    yield hub
    hub.close()


def book_of(hub: Hub) -> RuleBook:
    return RuleBook(CONFIG, hub.reads, hub.writer.write)


def change(hub: Hub, at_s: float = 0, **fields: Any) -> RuleSheet:
    book = book_of(hub)
    book.change(over(book.sheet().now, fields), "owner", WALL_S + at_s)
    return book.sheet()


def entries(hub: Hub) -> list[dict[str, Any]]:
    sql = "SELECT payload FROM ledger_entries WHERE kind = ? ORDER BY position"
    return [json.loads(payload) for (payload,) in hub.reads.rows(sql, CHANGED_KIND)]


def test_a_rule_set_at_the_page_holds_for_the_very_next_need(hub: Hub) -> None:
    hub.hear(NODE.assist(1, 1))
    assert hub.nudges() == ()
    change(hub, level_from=1)
    hub.hear(NODE.assist(2, 1))
    assert [nudge.level for nudge in hub.nudges()] == [1]


def test_it_holds_after_a_restart_and_over_what_hub_toml_says(hub: Hub) -> None:
    change(hub, level_from=1, per_hour=3)
    hub.close()
    again = Hub(hub.folder, config=CONFIG)
    again.hear(NODE.birth(t_mono_s=100), NODE.assist(1, 1))
    assert len(again.nudges()) == 1
    sheet = book_of(again).sheet()
    assert (sheet.now.per_hour, sheet.now.learns, sheet.here) == (3, False, {"level_from", "per_hour"})
    hub.__post_init__()
    again.close()


def test_only_what_differs_from_hub_toml_is_set_here_and_going_back_leaves_nothing(hub: Hub) -> None:
    assert change(hub, level_from=2, rest_s=60.0).here == {"rest_s"}
    sheet = change(hub, rest_s=120.0)
    assert (sheet.here, sheet.now) == (frozenset(), CONFIG.nudges)
    assert in_force(CONFIG, hub.reads).rules() == CONFIG.rules()


def test_each_change_stands_in_the_history_and_in_the_ledger_without_a_name(hub: Hub) -> None:
    change(hub, 10, per_hour=5)
    sheet = change(hub, 20, per_hour=8, quiet=[{"from": "12:00", "to": "13:00"}])
    assert [(one.at_s - WALL_S, one.by, one.fields) for one in sheet.changes] == [
        (20, "owner", (("per_hour", 5, 8), ("quiet", [], [{"from": "12:00", "to": "13:00"}]))),
        (10, "owner", (("per_hour", 20, 5),)),
    ]
    extracts = Extracts()
    for position, entry in enumerate(entries(hub)):
        extracts.take(position, CHANGED_KIND, 0, "", json.dumps(entry).encode())
    assert len(extracts.files[HISTORY]) == 2
    first, second = entries(hub)
    assert set(first) == {"by", "nudges", "over_hub_toml"}
    assert (first["by"], first["nudges"]["per_hour"], second["over_hub_toml"]) == ("owner", 5, ["per_hour", "quiet"])


def test_saving_what_is_in_force_already_is_no_change(hub: Hub) -> None:
    change(hub, per_hour=5)
    change(hub, per_hour=5)
    assert (len(book_of(hub).sheet().changes), len(entries(hub))) == (1, 1)


def test_what_no_longer_is_a_rule_leaves_hub_toml_in_force(hub: Hub) -> None:
    change(hub, per_hour=5)
    hub.writer.write(lambda store: store.run("UPDATE own_rules SET said = ?", '{"gone": 1}'), WALL_S)
    assert in_force(CONFIG, hub.reads).nudges == CONFIG.nudges
    assert (book_of(hub).sheet().now, book_of(hub).sheet().here) == (CONFIG.nudges, frozenset())


def test_old_changes_are_forgotten_but_for_the_one_in_force(tmp_path: Path) -> None:
    store = Store(tmp_path / "hub.db")
    with store.batch():
        for at_s in (0, 10):
            store.run("INSERT INTO own_rules (at_s, by, said) VALUES (?, 'owner', '{}')", WALL_S + at_s)
    sweep(store, HubConfig().keep, WALL_S + 400 * 86_400)
    assert store.run("SELECT at_s FROM own_rules").fetchall() == [(WALL_S + 10,)]
    store.close()


# --- the form -------------------------------------------------------------------------------------------------------


def form_of(part: NudgePart) -> list[tuple[str, str]]:
    """What a browser sends of an untouched form."""
    sheet = RuleSheet(part, part, frozenset(), ())
    found = [
        (row.name, str(row.value)) for row in rows(sheet, {}, said_in(part), {}) if row.kind in ("number", "choice")
    ]
    for span in said_in(part)["quiet"]:
        found += [("quiet.from", span["from"]), ("quiet.to", span["to"])]
    found += [(name, letter) for name, _, letter in neighbour_choices(said_in(part), {})]
    return [*found, *((f"zone.{one.node}/{one.zone}", str(one.level_from)) for one in part.zones)]


@pytest.mark.parametrize(
    "part",
    [
        OWN,
        over(OWN, {"quiet": [{"from": "22:00", "to": "06:30"}], "precision": 0.35, "rest_s": 90.0, "learns": False}),
        over(OWN, {"neighbours": [{"zones": [{"node": "aisle", "zone": 0}, {"node": "window", "zone": 2}]}]}),
        over(OWN, {"zones": [{"node": "front-window", "zone": 3, "level_from": 4}], "hand_over_s": 12.5}),
    ],
)
def test_a_form_that_nobody_touched_says_the_rules_it_was_made_from(part: NudgePart) -> None:
    assert typed(form_of(part), OWN).part == part


def test_a_third_of_a_minute_is_not_taken_for_another_value_for_how_it_is_written() -> None:
    part = over(OWN, {"rest_s": 20.0, "busy_s": 100.0})
    assert typed(form_of(part), part).part == part


def test_every_setting_is_on_the_form_with_the_bounds_that_hub_toml_has() -> None:
    shown = {row.name: row for row in rows(RuleSheet(OWN, OWN, frozenset(), ()), {}, said_in(OWN), {})}
    assert set(shown) == set(NudgePart.model_fields)
    assert (shown["precision"].low, shown["precision"].high) == (pytest.approx(30), pytest.approx(95))
    assert (shown["rest_browsing_s"].value, shown["rest_browsing_s"].high) == ("10", 120)
    for row in shown.values():
        if row.kind == "number" and row.low is not None:
            assert not typed([(row.name, f"{row.low:g}")], OWN).wrong
            assert row.name in typed([(row.name, f"{row.low - 1:g}")], OWN).wrong


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ([("per_hour", "0")], {"per_hour": "From 1 to 240 an hour."}),
        ([("per_hour", "1.5")], {"per_hour": "From 1 to 240 an hour."}),
        ([("beside.aisle/0", "B")], {"neighbours": "A zone alone has no neighbours: B stands at one zone only."}),
        ([("hand_over_s", "soon")], {"hand_over_s": "Write a number."}),
        ([("hand_over_s", "nan")], {"hand_over_s": "From 10 to 600 s."}),
        ([("precision", "99")], {"precision": "From 30 to 95 %."}),
        ([("quiet.from", "12:00"), ("quiet.to", "")], {"quiet": QUIET}),
    ],
)  # fmt: skip
def test_what_cannot_be_used_says_what_the_field_takes(form: list[tuple[str, str]], wrong: dict[str, str]) -> None:
    assert typed(form, OWN).wrong == wrong


def test_a_form_that_no_browser_sends_is_refused_and_never_breaks_the_page(
    client_of: Callable[[Role | None], TestClient],
) -> None:
    client = client_of("owner")
    for name, text in (
        ("level_from", "9"),
        ("level_from", "high"),
        ("learns", "7"),
        ("zone.aisle/0", "5"),
        ("zone.aisle/x", "1"),
        ("beside.aisle/x", "A"),
        ("beside.", "A"),
        ("zone.", "1"),
        ("per_hour", "1e400"),
        ("per_hour", "\x00"),
    ):
        assert typed([(name, text)], OWN).part is None, (name, text)
        assert client.post("/owner/rules", data={name: text}).status_code == 400
        assert "cannot be used as they stand" in client.post("/owner/rules/try", data={name: text}).text


def test_a_field_that_the_table_does_not_know_is_called_by_its_own_name() -> None:
    assert (label("last_approach_s"), words("stairs", [1], {})) == ("Last approach", "[1]")


def test_going_back_to_a_field_that_is_none_is_not_found(client_of: Callable[[Role | None], TestClient]) -> None:
    assert client_of("owner").post("/owner/rules/back", data={"field": "shop_name"}).status_code == 404


def test_tact_and_fairness_go_from_the_page_to_the_engine() -> None:
    form = [("first_approach_s", "25"), ("person_per_hour", "6"), ("person_rest_s", "2"), ("busy_s", "15")]
    part = typed([*form, ("beside.aisle/0", "A"), ("beside.aisle/1", "A"), ("keep_distance", "false")], OWN).part
    assert part
    assert not part.keep_distance
    engine = FakeRules().rules_of(part)
    assert (engine.first_approach_s, engine.fair) == (25.0, Fairness(6, 120.0, 900.0))
    assert engine.beside(("aisle", 0)) == {("aisle", 0), ("aisle", 1)}
    assert words("neighbours", said_in(part)["neighbours"], {("aisle", 0): "Lamps"}) == "Lamps + Zone 1 of aisle"


def test_the_fake_says_what_the_store_says(hub: Hub) -> None:
    fake, part = FakeRules(CONFIG), over(CONFIG.nudges, {"per_hour": 4})
    fake.change(part, "owner", WALL_S)
    real = change(hub, per_hour=4)
    assert (fake.sheet().now, fake.sheet().here) == (real.now, real.here)
    assert fake.sheet().changes == real.changes
    assert fake.rules_of(part) == book_of(hub).rules_of(part)


def test_rules_that_are_none_are_not_taken() -> None:
    with pytest.raises(ValidationError):
        over(OWN, {"per_hour": 0})
