"""Sales by the hour: files as tills make them, rows that are joined to the lot, and the ways in."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as some

from contract.errors import ConfigError
from hub import experiment_rows, retention, sales
from hub.__main__ import main
from hub.auth import Role
from hub.config import KeepPart
from hub.connect.keys import Keys
from hub.connect.sales_in import PATH
from hub.erase import delete_everything
from hub.experiment import HOUR_S, HoldOut, Sequence
from hub.experiment_rows import Trial
from hub.experiment_sim import simulate_sales
from hub.housekeeping import alone
from hub.sales_csv import example, parse
from hub.store import FILE, Store
from tests.hub.conftest import NOW_S, ORIGIN

ZONE = ZoneInfo("Europe/Berlin")
ClientOf = Callable[[Role | None], TestClient]
START_S = int(NOW_S) // HOUR_S * HOUR_S - 100 * HOUR_S


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("content", "amount"),
    [
        (b"hour;sales\n04.05.2026 09:00;1.182,50 \xe2\x82\xac\n", 1182.5),
        (b"2026-05-04 09:00,1182.50\n", 1182.5),
        (b'2026-05-04 09:00,"1,182.50"\n', 1182.5),
        (b"time\ttaken\n2026-05-04T09:00\t1182,5\n", 1182.5),
        (b"\xef\xbb\xbfStunde;Umsatz\r\n04.05.2026 09:00-10:00;CHF 1'182.50;x\r\n", 1182.5),
        ("hour;sales\n2026-05-04 09:00;1182,50 Ft\n".encode("utf-16"), 1182.5),
        (b"heure;\xe9\n2026-05-04 09:00;1 182,50\n", 1182.5),
        (b"2026-05-04T07:00:00Z;12\n", 12),
        (b"2026-05-04 09:00;-12.25\n", -12.25),
    ],
)
def test_a_file_is_read_as_tills_and_spreadsheets_write_it(content: bytes, amount: float) -> None:
    sheet = parse(content, ZONE, NOW_S)
    assert sheet.hours == {at("2026-05-04T09:00+02:00"): amount}
    assert not sheet.refused


def test_lines_that_cannot_be_used_are_told_by_number_and_the_others_count() -> None:
    lines = (
        "hour;sales", "2026-05-04 09:00;10,50", "", "yesterday;3", "2026-05-04 10:30;3", "2026-05-04;3",
        "05/04/2026 10:00;3",
        "2026-03-29 02:00;3", "2126-05-04 09:00;3", "2026-05-04 11:00;much", "2026-05-04 12:00",
        "2026-05-04 09:00;11,00",
    )  # fmt: skip
    sheet = parse("\n".join(lines).encode(), ZONE, NOW_S)
    assert sheet.hours == {at("2026-05-04T09:00+02:00"): 11.0}
    assert sheet.twice == 1
    assert [refused.line for refused in sheet.refused] == [4, 5, 6, 7, 8, 9, 10, 11]
    assert "forward" in sheet.refused[4].why


def test_a_number_that_can_be_read_in_two_ways_is_refused_unless_the_file_says_which() -> None:
    assert not parse(b"2026-05-04 09:00;1,182\n", ZONE, NOW_S).hours
    both = parse(b"2026-05-04 09:00;1,182\n2026-05-04 10:00;2.50\n", ZONE, NOW_S)
    assert sorted(both.hours.values()) == [2.5, 1182.0]


def test_the_hour_that_the_clocks_go_back_over_counts_twice() -> None:
    sheet = parse(b"2025-10-26 02:00;1\n2025-10-26 02:00;2\n2025-10-26 03:00;3\n", ZONE, NOW_S)
    first = at("2025-10-26T02:00+02:00")
    assert sheet.hours == {first: 1, first + HOUR_S: 2, first + 2 * HOUR_S: 3}
    assert sheet.twice == 0


@pytest.mark.parametrize("content", [b"", b"hour;sales\n", b"PK\x03\x04\x00\x00", b"one\n2\n", b"1;2\n" * 30_000])
def test_what_is_no_file_of_sales_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"\.$"):
        parse(content, ZONE, NOW_S)


@given(some.one_of(some.binary(max_size=400), some.text("0123456789;,.:-/ T\n\t\"'Z+", max_size=400).map(str.encode)))
def test_no_file_whatever_makes_anything_but_hours_and_a_sentence(content: bytes) -> None:
    try:
        sheet = parse(content, ZONE, NOW_S)
    except ConfigError:
        return
    assert all(hour_s % HOUR_S == 0 and hour_s + HOUR_S <= NOW_S for hour_s in sheet.hours)


def test_the_example_is_read_whole() -> None:
    sheet = parse(example(NOW_S, ZONE).encode(), ZONE, NOW_S)
    assert list(sheet.hours.values()) == [182.5, 240.0, 0.0]
    assert not sheet.refused


def begun(store: Store, zones: int = 2) -> Trial:
    """An experiment whose zones each had a measured need in its first hour."""
    with store.batch():
        experiment_rows.begin(store.run, 0.5, 30, START_S, b"k" * 32)
        for zone in range(zones):
            store.run(
                "INSERT INTO experiment_hours (experiment, node, zone, hour_s, held) VALUES (1, 'a', ?, ?, 0)",
                zone, START_S,
            )  # fmt: skip
    return Trial(1, 0.5, 30, START_S, None)


def test_an_hour_is_joined_to_the_part_of_its_zones_that_was_held(tmp_path: Path) -> None:
    store = Store(tmp_path / FILE)
    trial, drawn = begun(store), HoldOut(b"k" * 32, 0.5, START_S)
    hours = {START_S + number * HOUR_S: 100.0 * number for number in range(-1, 12)}
    with store.batch():
        assert sales.keep(store.run, hours) == 0
        assert sales.keep(store.run, hours) == len(hours)
        sales.keep_most(store.run, 1, 1_000)
        sales.keep_most(store.run, 1, 5)  # what was said first stays
    told = sales.told(lambda sql, *values: store.run(sql, *values).fetchall(), trial)
    assert (told.told, told.most) == (12, 1_000)
    assert [unit.hour_s for unit in told.units] == list(hours)[2:]  # the zones are known after the first hour
    assert [unit.outcome for unit in told.units] == [min(1.0, number / 10) for number in range(1, 12)]
    assert [unit.held for unit in told.units] == [
        sum(drawn.holds(("a", zone), unit.hour_s) for zone in (0, 1)) / 2 for unit in told.units
    ]
    store.close()


def test_sales_go_with_age_and_with_everything(tmp_path: Path) -> None:
    store = Store(tmp_path / FILE)
    for way in ("age", "everything"):
        with store.batch():
            experiment_rows.begin(store.run, 0.5, 30, START_S)
            number = store.run("SELECT max(id) FROM experiments").fetchone()[0]
            sales.keep(store.run, {START_S: 1.0})
            sales.keep_most(store.run, number, 10)
            experiment_rows.end(store.run, START_S + HOUR_S)
            if way == "everything":
                delete_everything(store, NOW_S)
        if way == "age":
            retention.sweep(store, KeepPart(), NOW_S + 500 * 86_400)
        left = [store.run(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("sales", "sales_most")]
        assert left == [0, 0], way
    store.close()


def test_a_part_of_a_zone_scores_as_the_mean_of_its_zones() -> None:
    whole, none, half = (Sequence(0.2) for _ in range(3))
    for sequence, held in ((whole, 1.0), (none, 0.0), (half, 0.5)):
        sequence.take(held, 0.6)
    assert half.sure().effect == pytest.approx((whole.sure().effect + none.sure().effect) / 2)


@pytest.mark.parametrize("effect", [0.0, 0.05])
def test_the_bounds_of_sales_hold_at_every_look(effect: float) -> None:
    assert simulate_sales(effect, 0.2, runs=60, units=250).coverage >= 0.95


def test_a_verdict_speaks_of_money_an_hour() -> None:
    few = Sequence(0.2)
    assert "No sales" in sales.verdict(sales.Sales(), few.sure())
    assert "at most" in sales.verdict(sales.Sales(3), few.sure())
    assert "Not enough" in sales.verdict(sales.Sales(3, 10.0), few.sure())
    sure = Sequence(0.2)
    for number in range(4_000):
        sure.take(number % 5 == 0, 0.2 if number % 5 == 0 else 0.8)
    assert "more in an hour" in sales.verdict(sales.Sales(4_000, 500.0), sure.sure())


def upload(owner: TestClient, content: bytes, most: str = "800") -> str:
    answer = owner.post(
        "/owner/experiment/sales", data={"most": most}, files={"file": ("s.csv", io.BytesIO(content), "text/csv")}
    )
    assert answer.status_code in (200, 400)
    return answer.text


def test_the_owner_uploads_a_file_and_reads_what_became_of_it(client_of: ClientOf) -> None:
    owner = client_of("owner")
    owner.post("/owner/experiment/start")
    content = example(NOW_S, UTC).encode() + b"rubbish;1\n"
    page = upload(owner, content)
    assert "3 hours are taken in." in page
    assert "Line 5: its first column" in page
    assert "3 of them in place of what was told before" in upload(owner, content)
    assert "at most 800" in owner.get("/owner/experiment").text
    assert "no file of sales" in upload(owner, b"hello")
    assert owner.post("/owner/experiment/sales", data={"most": "1"}).status_code == 400
    assert owner.get("/owner/experiment/sales-example.csv").text.startswith("hour;sales\n")


def program(app: FastAPI, key: str) -> TestClient:
    return TestClient(app, base_url=ORIGIN, headers={"authorization": f"Bearer {key}"}, client=("127.0.0.1", 50_000))


def hours_of(*starts_s: float) -> dict[str, object]:
    return {"hours": [{"start": datetime.fromtimestamp(at_s, UTC).isoformat(), "amount": 5} for at_s in starts_s]}


def test_a_till_tells_sales_with_a_key_of_its_own_that_reads_nothing(pages_app: FastAPI, api_keys: Keys) -> None:
    till = program(pages_app, api_keys.make("till", ("sales",)))
    assert till.post(PATH, json=hours_of(START_S, START_S + HOUR_S)).json() == {"taken": 2, "replaced": 0}
    assert till.post(PATH, json=hours_of(START_S)).json() == {"taken": 1, "replaced": 1}
    assert till.get("/api/v1/today").status_code == 403
    assert program(pages_app, api_keys.make("else", ("today",))).post(PATH, json=hours_of(START_S)).status_code == 403
    assert program(pages_app, "").post(PATH, json=hours_of(START_S)).status_code == 401


@pytest.mark.parametrize("starts_s", [(), (START_S + 60,), (NOW_S // HOUR_S * HOUR_S,), (START_S, START_S + 0.5)])
def test_hours_that_are_none_or_not_over_are_refused_whole(
    pages_app: FastAPI, api_keys: Keys, starts_s: tuple[float, ...]
) -> None:
    till = program(pages_app, api_keys.make("till", ("sales",)))
    assert till.post(PATH, json=hours_of(*starts_s)).status_code == 400
    assert till.post(PATH, json=hours_of(START_S)).json()["replaced"] == 0


def test_the_command_writes_to_a_hub_that_rests_and_says_what_it_did_not_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path / FILE).close()
    file = tmp_path / "sales.csv"
    file.write_text("2025-05-04 09:00;12,50\nrubbish;1\n")
    assert main(["sales", str(file), "--data", str(tmp_path)]) == 0
    assert "1 hours are taken in, 0 of them" in (said := capsys.readouterr().out)
    assert "line 2 was not used" in said
    store = Store(tmp_path / FILE)
    assert store.run("SELECT count(*) FROM sales").fetchone() == (1,)
    store.close()
    with alone(tmp_path, "http://127.0.0.1:9"):
        assert main(["sales", str(file), "--data", str(tmp_path)]) == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert not Keys.open(tmp_path / "doors.db").all()
