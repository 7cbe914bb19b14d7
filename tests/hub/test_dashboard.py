"""The owner's page: what it counts, what it leaves out, and what it says where it cannot say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from contract.events import Trouble
from hub.app import create_app
from hub.auth import Doors, Role
from hub.dashboard import mood_series, noise_within, nudge_series, today_of, told_sum
from hub.fakes import FakeShop
from hub.views import HourView, LessonView, NudgeView, Reads, Settings
from hub.words import _ADVICE, how_it_went, node_title, owner_line, span
from tests.hub.conftest import NOW_S, ORIGIN, Clock, node_view

ClientOf = Callable[[Role | None], TestClient]
HOUR = int(NOW_S) // 3600 * 3600


def answered(number: int, outcome: str | None = "helped", wait_s: float = 20.0) -> NudgeView:
    opened_s = NOW_S - 100 - number
    state = "answered" if outcome else "expired"
    taken_s = opened_s + wait_s if outcome else None
    return NudgeView(number, "floor-1", 0, "Ceramics", 2, (), state, opened_s, taken_s, NOW_S, outcome)  # type: ignore[arg-type]


def test_a_suppressed_hour_has_no_number_and_is_no_zero() -> None:
    hours = (
        HourView("floor-1", 0, "Ceramics", HOUR, suppressed=True, epsilon=0.5),
        HourView("floor-1", 0, "Ceramics", HOUR + 3600, suppressed=False, epsilon=0.5, neutral=12),
    )
    assert mood_series(hours)[0]["hours"] == [[HOUR, None], [HOUR + 3600, [0, 12, 0, 0]]]


counts = st.integers(0, 200)
hour_views = st.builds(
    HourView, st.just("floor-1"), st.integers(0, 2), st.just("Zone"), st.integers(0, 40).map(lambda h: 3600 * h),
    st.booleans(), st.just(0.5), counts, counts, counts, counts,
)  # fmt: skip


@given(st.lists(hour_views, max_size=40), counts)
def test_no_sum_and_no_row_depends_on_a_suppressed_hour(hours: list[HourView], anything: int) -> None:
    others = tuple(
        replace(hour, negative=anything, neutral=anything, positive=anything, unknown=anything)
        if hour.suppressed
        else hour
        for hour in hours
    )
    assert mood_series(others) == mood_series(tuple(hours))


@given(st.lists(st.none() | st.lists(counts, min_size=4, max_size=4), max_size=20))
def test_a_sum_is_of_told_hours_and_says_of_how_many(hours: list[list[int] | None]) -> None:
    told = [one for one in hours if one is not None]
    found = told_sum(hours)
    assert (found is None) == (len(told) < 2)
    if found is not None:
        assert found["told"] + found["withheld"] == len(hours)
        assert sum(found["counts"]) == sum(map(sum, told))


def test_zones_of_the_same_number_on_two_nodes_stay_apart() -> None:
    hours = tuple(HourView(node, 0, node, HOUR, True, 0.5) for node in ("floor-1", "window-1"))
    assert [zone["node"] for zone in mood_series(hours)] == ["floor-1", "window-1"]


def test_nudges_are_counted_by_zone_hour_and_outcome() -> None:
    outcomes = ("helped", "helped", "browsing", "nobody", None)
    series = nudge_series(tuple(answered(number, outcome) for number, outcome in enumerate(outcomes)))
    assert [sum(column) for column in zip(*(counts for _, counts in series[0]["hours"]), strict=True)] == [2, 1, 1, 1]


def test_today_says_nothing_of_help_before_five_answers(client_of: ClientOf, fake_shop: FakeShop) -> None:
    for number in range(4):
        fake_shop.put(answered(number))
    owner = client_of("owner")
    assert "Too few answers to say" in owner.get("/owner").text
    fake_shop.put(answered(4, "browsing"))
    assert "4 of 5" in owner.get("/owner").text


def test_the_typical_wait_is_the_median_of_those_whom_somebody_went_to() -> None:
    nudges = tuple(answered(number, wait_s=wait_s) for number, wait_s in enumerate((5.0, 20.0, 90.0)))
    assert today_of((*nudges, answered(9, None))).answer_s == 20.0


def test_yesterdays_nudges_are_not_todays(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(replace(answered(1), opened_s=NOW_S - 2 * 86_400, zone_name="Yesterday"))
    assert "Yesterday" not in client_of("owner").get("/owner").text


def test_the_series_holds_the_span_asked_for(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.hours = [
        HourView("floor-1", 0, "Ceramics", HOUR - day * 86_400, False, 0.5, 1, 2, 3, 4) for day in (0, 3, 20)
    ]
    owner = client_of("owner")
    for days, held in ((1, 1), (7, 2), (28, 3)):
        series = owner.get(f"/owner/series?days={days}").json()
        assert len(series["mood"][0]["hours"]) == held
        assert series["until"] - series["since"] == days * 86_400


def test_no_query_tells_the_owner_who_of_the_staff_did_what(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(replace(answered(1), state="taken", outcome=None, closed_s=None, taken_by="5e55104d"))
    owner = client_of("owner")
    for path in ("/owner", "/owner/series?days=28", "/audit"):
        assert "5e55104d" not in owner.get(path).text
    assert not [name for name in vars(Reads) if "staff" in name or "person" in name or "who" in name]


def test_live_moods_are_not_for_the_owners_page(client_of: ClientOf, fake_shop: FakeShop, monkeypatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the owner's page read the released events")

    monkeypatch.setattr(FakeShop, "events", forbidden)
    owner = client_of("owner")
    assert owner.get("/owner").status_code == 200
    assert owner.get("/owner/series").status_code == 200


def test_the_noise_is_stated(client_of: ClientOf) -> None:
    html = client_of("owner").get("/owner").text
    assert "ε = 0.5" in html
    assert f"within {noise_within(0.5)} of the true count" in html
    assert "fewer than 11 visits are hatched, never zero" in html


@given(st.floats(0.05, 10))
def test_noise_stays_within_its_bound_19_times_in_20_and_no_smaller_bound_would_do(epsilon: float) -> None:
    alpha = math.exp(-epsilon)

    def beyond(bound: int) -> float:
        return 2 * alpha ** (bound + 1) / (1 + alpha)

    bound = noise_within(epsilon)
    assert beyond(bound) <= 0.05 + 1e-9
    assert bound == 0 or beyond(bound - 1) > 0.05 - 1e-9


def test_empty_states_say_what_will_appear_and_when(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.node_views.clear()
    html = client_of("owner").get("/owner").text
    assert "No camera has joined yet" in html
    assert "appears after the first full hour in which a zone had at least 11 visits" in html
    assert "No nudge today" in html


def test_a_silent_node_comes_with_advice() -> None:
    node = replace(node_view("window-1"), heard_s=NOW_S - 180)
    line = owner_line(node, NOW_S)
    assert line.sentence == "Node window-1 has not been heard for 3 min: check its power and its network cable."
    assert (line.tone, line.sees) == ("look", False)


@pytest.mark.parametrize("reason", _ADVICE)
def test_every_trouble_comes_with_advice(reason: Trouble) -> None:
    state = "offline" if reason in ("link_lost", "stopped") else "paused" if reason == "switch" else "degraded"
    line = owner_line(replace(node_view("floor-1"), state=state, reason=reason), NOW_S)
    assert line.sentence.startswith("Node floor-1: ")
    assert line.tone != "well"


def test_throttling_and_lost_records_are_seen_in_health() -> None:
    node = node_view("window-2")
    assert node.health
    hot = replace(node, health=node.health.model_copy(update={"throttled": True}))
    assert owner_line(hot, NOW_S).sentence == "Node window-2 is throttling: check its fan and its power supply."
    full = replace(node, health=node.health.model_copy(update={"outbox_dropped": 12}))
    assert "drop 12 old mood records" in owner_line(full, NOW_S).sentence
    assert owner_line(full, NOW_S).tone == "look"
    moved = replace(node, health=node.health.model_copy(update={"drift": True}))
    sentence = "Node window-2: The picture has changed: check the camera's aim and the light."
    assert owner_line(moved, NOW_S).sentence == sentence
    assert owner_line(moved, NOW_S).tone == "look"


def test_a_well_node_is_well() -> None:
    line = owner_line(node_view("floor-1", "Ceramics"), NOW_S)
    assert (line.sentence, line.tone, line.zones) == ("Node floor-1 is well.", "well", ("Ceramics",))


def test_a_visit_that_was_never_answered_has_no_answer() -> None:
    assert how_it_went(replace(answered(1), outcome=None, state="expired")) == "no answer"
    assert how_it_went(replace(answered(1, None))) == "nobody was free"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")]
)
def test_spans_read_as_one_says_them(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_node_names_read_as_titles() -> None:
    assert node_title("window-1") == "Window 1"


def test_the_owner_sees_what_answers_taught_and_resets_it_with_one_click(
    client_of: ClientOf, fake_shop: FakeShop
) -> None:
    owner = client_of("owner")
    assert "Nothing yet. After a nudge" in owner.get("/owner").text
    fake_shop.lesson_views = [LessonView("floor-1", 0, "Ceramics", 3, 40, 0.58, 0.44, 0.71, attained=False)]
    page = owner.get("/owner").text
    for words in ("strong signs", "58 %", "between 44 and 71 %", "less than you ask for"):
        assert words in page
    assert owner.post("/owner/lessons/forget", data={"node": "floor-1", "zone": "0"}).status_code == 303
    assert fake_shop.lesson_views == []


def test_the_owner_reads_why_nothing_runs_where_express_consent_is_the_law(
    fake_shop: FakeShop, doors: Doors, page_clock: Clock
) -> None:
    def page(settings: Settings) -> str:
        app = create_app(
            reads=fake_shop, desk=fake_shop, doors=doors, changes=fake_shop.changes, settings=settings, clock=page_clock
        )
        client = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}, client=("127.0.0.1", 50_000))
        client.post("/enter", data={"key": doors.mint("owner")})
        return client.get("/owner").text

    assert "Illinois (BIPA" in page(Settings(jurisdiction="us-il"))
    assert "Illinois" not in page(Settings(jurisdiction="us-il", express_consent="signed form at the door"))
    assert "D-7" in page(Settings(dpia_reference="D-7"))
