"""Sales by the hour, which the owner may add to an experiment: their rows, and what they are joined to.

Rules:
- Sales are of the whole shop, the lot is by zone: the unit is an hour of the shop, and what counts is which part of
  its zones was held in it. The zones of an hour are those that had a measured need before it: that was known before
  the lot of the hour.
- Only whole hours within the experiment count, and only those that were told: no line is no outcome, not 0.
- An hour counts as at most what the owner said that an hour takes, said once an experiment, and as at least 0.
- An hour is one sum. No receipt, goods, till or person is in it.

Left out: files (`hub.sales_csv`), the bounds (`hub.experiment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hub.experiment import FEWEST, HOUR_S, HoldOut, Sure, Unit
from hub.experiment_rows import Rows, Run, Trial

TABLES: Final = (
    "CREATE TABLE sales (hour_s INTEGER PRIMARY KEY, amount REAL NOT NULL) STRICT",
    "CREATE TABLE sales_most (experiment INTEGER PRIMARY KEY, most REAL NOT NULL) STRICT",
)
OF_AGE: Final = {
    "sales": "DELETE FROM sales WHERE hour_s IN (SELECT hour_s FROM sales WHERE hour_s < ? LIMIT ?)",
    "most of sales": (  # before the experiments go
        "DELETE FROM sales_most WHERE experiment IN (SELECT id FROM experiments WHERE ended_s < ?1"
        " AND id IN (SELECT experiment FROM sales_most) LIMIT ?2)"
    ),
}
MOST_MAX: Final = 1e9


@dataclass(frozen=True, slots=True)
class Sales:
    """What was told and how it is joined: ``told`` hours in all, ``most`` of an hour where the owner said it."""

    told: int = 0
    most: float | None = None
    units: tuple[Unit, ...] = ()


def keep(run: Run, hours: Mapping[int, float]) -> int:
    """Inside a batch: hours and what they took; how many of them had been told before."""
    before = 0
    for hour_s, amount in hours.items():
        before += run("SELECT count(*) FROM sales WHERE hour_s = ?", hour_s).fetchone()[0]
        run("INSERT OR REPLACE INTO sales (hour_s, amount) VALUES (?, ?)", hour_s, amount)
    return before


def keep_most(run: Run, experiment: int, most: float) -> None:
    """Inside a batch: what an hour takes at most. What was said first stays, so that nobody fits it to what is seen."""
    run("INSERT OR IGNORE INTO sales_most (experiment, most) VALUES (?, ?)", experiment, most)


def told(rows: Rows, trial: Trial) -> Sales:
    """The sales of an experiment's hours, in order of time."""
    most = next((row[0] for row in rows("SELECT most FROM sales_most WHERE experiment = ?", trial.id)), None)
    until_s = 2**62 if trial.ended_s is None else trial.ended_s - HOUR_S
    found = rows(
        "SELECT hour_s, amount FROM sales WHERE hour_s >= ? AND hour_s <= ? ORDER BY hour_s", trial.began_s, until_s
    )
    keys = rows("SELECT key FROM experiments WHERE id = ?", trial.id)
    if not found or not keys or most is None:
        return Sales(len(found), most)
    drawn = HoldOut(keys[0][0], trial.share, trial.began_s)
    known = rows("SELECT node, zone, min(hour_s) FROM experiment_hours WHERE experiment = ? GROUP BY 1, 2", trial.id)
    units = []
    for hour_s, amount in found:
        held = [drawn.holds((node, zone), hour_s) for node, zone, first_s in known if first_s < hour_s]
        if held:
            units.append(Unit(hour_s, sum(held) / len(held), min(max(amount / most, 0.0), 1.0)))
    return Sales(len(found), most, tuple(units))


def verdict(sales: Sales, sure: Sure) -> str:
    """One plain sentence."""
    if not sales.told:
        return "No sales of this experiment's hours are known."
    if sales.most is None:
        return f"Sales of {sales.told} hours are here. Say what an hour takes at most, and they are compared."
    if min(sure.nudged, sure.held) < FEWEST:
        return f"Not enough sales yet: the hours need to come to {FEWEST} with nudges and {FEWEST} without."
    low, high = sure.low * sales.most, sure.high * sales.most
    if sure.low > 0:
        return f"Sales: with nudges in a zone the shop takes between {low:,.0f} and {high:,.0f} more in an hour."
    if sure.high < 0:
        return f"Sales: with nudges in a zone the shop takes between {-high:,.0f} and {-low:,.0f} less in an hour."
    return (
        f"Sales: not known yet. With nudges in a zone the shop takes up to {high:,.0f} more in an hour, or up to"
        f" {-low:,.0f} less."
    )
