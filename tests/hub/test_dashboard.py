"""The owner's page: what it counts, what it leaves out, and what it says where it cannot say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from hub.app import create_app
from hub.auth import Doors, Role
from hub.dashboard import noise_within, nudge_series, today_of
from hub.fakes import FakeShop
from hub.views import HourView, LessonView, NudgeView, Reads, Settings
from hub.words import how_it_went, node_title, span
from tests.hub.conftest import NOW_S, ORIGIN, Clock

ClientOf = Callable[[Role | None], TestClient]
HOUR = int(NOW_S) // 3600 * 3600


def answered(number: int, outcome: str | None = "helped", wait_s: float = 20.0) -> NudgeView:
    opened_s = NOW_S - 100 - number
    state = "answered" if outcome else "expired"
    taken_s = opened_s + wait_s if outcome else None
    return NudgeView(number, "floor-1", 0, "Ceramics", 2, (), state, opened_s, taken_s, NOW_S, outcome)  # type: ignore[arg-type]


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


def test_no_query_tells_the_owner_who_of_the_staff_did_what(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.put(replace(answered(1), state="taken", outcome=None, closed_s=None, taken_by="5e55104d"))
    owner = client_of("owner")
    for path in ("/owner", "/owner/history", "/owner/history?by=hour", "/audit"):
        assert "5e55104d" not in owner.get(path).text
    assert not [name for name in vars(Reads) if "staff" in name or "person" in name or "who" in name]


def test_live_moods_are_not_for_the_owners_page(client_of: ClientOf, fake_shop: FakeShop, monkeypatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the owner's page read the released events")

    monkeypatch.setattr(FakeShop, "events", forbidden)
    owner = client_of("owner")
    assert owner.get("/owner").status_code == 200
    assert owner.get("/owner/history?by=hour").status_code == 200


def test_the_noise_is_stated(client_of: ClientOf, fake_shop: FakeShop) -> None:
    fake_shop.hours = [HourView("floor-1", 0, "Ceramics", HOUR, False, 0.5, 3, 12, 6, 2)]
    html = client_of("owner").get("/owner").text
    assert f"± {noise_within(0.5)}" in html
    assert "fewer than 11 visits are in no bar" in html


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


def test_the_owner_reads_what_runs_on_a_node_and_what_to_do_about_an_update_that_failed(
    client_of: ClientOf, fake_shop: FakeShop
) -> None:
    owner, node = client_of("owner"), fake_shop.node_views[0]
    assert node.health
    for update, said in (
        (None, "version 0.2.0+c0ffee123456</span>"),
        ("on_trial", "version 0.2.0+c0ffee123456, on trial</span>"),
        ("rolled_back", "went back by itself to what it had: tell whoever publishes it"),
        ("failed", "import the newest one (attune-hub updates import)"),
    ):
        told = node.health.model_copy(update={"version": "0.2.0+c0ffee123456", "update": update})
        fake_shop.say(replace(node, health=told))
        assert said in owner.get("/owner").text
    fake_shop.say(replace(node, health=node.health.model_copy(update={"version": None})))
    assert "version " not in owner.get("/owner").text


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
