"""``python -m bench.faults``: plays the faults, remembers each round, and writes docs/faults.md.

What was played is kept in a file, so that a long run goes on where it was cut off: ``--times`` is how often in all.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.faults import away, clocks, count, full, kills, network, power, replays
from contract.errors import AttuneError
from deploy.bench_chart import bars

REPORT: Final = Path(__file__).parents[2] / "docs" / "faults.md"
CHART: Final = REPORT.parent / "pictures" / "faults.svg"
STATE: Final = Path("bench-out") / "faults.json"
Round = Mapping[str, float]
Rounds = dict[str, list[Round]]
_COUNTED: Final = ("tried", "released", "stored", "lost", "twice", "due", "nudges")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: ``play(times, seed, folder)`` is a round, ``full`` how often a long run asks for it."""

    name: str
    title: str
    full: int
    round: int
    play: Callable[[int, int, Path], Round]


def _kills(target: str) -> Fault:
    return Fault(
        f"kill-{target}",
        f"kill -9 of the {target.replace('-', ' ')}",
        kills.FULL.get(target, 300),
        kills.ROUND,
        lambda times, seed, folder: kills.kills(target, times, seed, folder),
    )


def _power(what: str, title: str) -> Fault:
    return Fault(
        f"power-{what}",
        f"power cut: {title}",
        2_000,
        1_000,
        lambda times, seed, folder: power.cuts(what, times, seed, folder),
    )


FAULTS: Final = (
    *(_kills(target) for target in kills.TARGETS),
    _power("outbox", "a node's outbox"),
    _power("hub", "the hub's database"),
    Fault("replays", "duplicates, other orders and old boots", 100_000, replays.ROUND, replays.replayed),
    Fault("away", "nodes whose broker was gone for a day", 200, away.NODES, away.away),
    Fault("full-node", "disk full on a node", 30, full.ROUND, lambda *of: full.filled("node", *of)),
    Fault("full-hub", "disk full on the hub", 30, full.ROUND, lambda *of: full.filled("hub", *of)),
    Fault("clock", "wall clocks that jump", 240, clocks.ROUND, clocks.jumped),
    Fault("network", "latency, loss, partitions, resets", 250, network.ROUND, network.disturbed),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(names)} (all)")
    parser.add_argument("--times", type=int, help="how often in all (as many as stand in docs/faults.md under goal)")
    parser.add_argument("--state", type=Path, default=STATE, help="what was played so far (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write docs/faults.md, not only print it")
    options = parser.parse_args(arguments)
    if wrong := set(options.faults) - set(names):
        parser.error(f"no such fault: {', '.join(sorted(wrong))}")
    rounds = read(options.state)
    for fault in FAULTS:
        if not options.faults or fault.name in options.faults:
            try:
                _played(fault, options.times or fault.full, rounds, options.state)
            except AttuneError as error:
                print(f"bench.faults: {fault.name}: {error}", file=sys.stderr)
                return 1
    text = report(rounds)
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
        CHART.write_text(chart(rounds), encoding="utf-8")
    return 0 if all(one["well"] for played in rounds.values() for one in played) else 1


def _played(fault: Fault, times: int, rounds: Rounds, state: Path) -> None:
    """Rounds of one fault until it was tried so often, each written down as it ends."""
    played = rounds.setdefault(fault.name, [])
    while (tried := int(_sum(played, "tried"))) < times:
        print(f"{fault.name}: {tried:,} of {times:,}", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="attune-faults-") as folder:
            found = fault.play(min(fault.round, times - tried), len(played) + 1, Path(folder))
        played.append({**found, "took_s": round(time.monotonic() - began_s, 1)})
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps(rounds, indent=1), encoding="utf-8")


def read(state: Path) -> Rounds:
    """What was played. Raises: ValueError when the file is damaged: delete it, and begin anew."""
    return dict(json.loads(state.read_text(encoding="utf-8"))) if state.exists() else {}


def _sum(played: Sequence[Round], what: str) -> float:
    return sum(one.get(what, 0) for one in played)


def report(rounds: Rounds) -> str:
    """The page."""
    head = f"""\
# Faults

Written by `make faults`, which plays all of this anew and goes on where it was cut off; a short version of each runs
in `make test` (`tests/bench/test_faults.py`). Real mosquitto, hub and couriers; their eyes are processes with the real
link that say real records as fast as a courier takes them, since the real one, which has a row of its own and sees the
simulated scene, says a few a minute. A record counts as released once it is in the node's ledger, which it enters in
the transaction that puts it into the outbox. What was run here, and how often, stands in each row; the goal is what
`make faults` runs; a row may be of several states of the code, since a run goes on where the last one was cut off.
{_machine()}.

![How long it took](pictures/faults.svg)
"""
    return head + "\n".join(part for part in (_killed(rounds), _cut(rounds), _others(rounds)))


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}, a shared machine of two cores"


def _killed(rounds: Rounds) -> str:
    lines = []
    for fault in FAULTS:
        played = rounds.get(fault.name, [])
        if fault.name.startswith("kill-") and played:
            sums = [f"{_sum(played, key):,.0f}" for key in _COUNTED]
            wrong = f"{_sum(played, 'repeated'):,.0f} / {_sum(played, 'forgotten'):,.0f}"
            lines.append((fault.title, f"{fault.full:,}", *sums, wrong, _held(played)))
    head = (
        "what",
        "goal",
        "kills",
        "released",
        "stored",
        "lost",
        "twice",
        "needs due",
        "nudges",
        "repeated / forgotten",
        "held",
    )
    return f"""
## kill -9 at random moments

Also while what was killed before is still starting. Two nodes; after each round all is left in peace until every outbox
is empty. A need is due that came in time and stood when the hub wrote anything down at least {count.DUE_S:.0f} s later;
it is forgotten where there was no nudge for it then (`bench/faults/count.py`).

{table(head, lines)}
"""


def _cut(rounds: Rounds) -> str:
    lines = []
    for fault in FAULTS:
        played = rounds.get(fault.name, [])
        if fault.name.startswith("power-") and played:
            sums = [f"{_sum(played, key):,.0f}" for key in ("tried", "lost", "damaged", "refused")]
            longest = f"{max(one['longest_s'] for one in played):.2f} s"
            lines.append((fault.title, f"{fault.full:,}", *sums, longest, _held(played)))
    head = ("what", "goal", "cuts", "events lost", "not whole", "not opened", "longest opening", "held")
    return f"""
## Power cuts

Every write, sync and rename that the outbox and the hub's writer made for {power.EVENTS} events was recorded with
strace. A cut leaves what was synced, and of the rest any part in any order, torn at sectors of 512 bytes or with
rubbish in them; every second cut comes right before a sync. Then the files are opened as the programs open them: lost
is an event that was vouched for and is not in events and ledger byte for byte.

{table(head, lines)}
"""


def _others(rounds: Rounds) -> str:
    lines = []
    for fault in FAULTS:
        played = rounds.get(fault.name, [])
        if not played or fault.name.startswith(("kill-", "power-")):
            continue
        sums = [f"{_sum(played, key):,.0f}" for key in ("tried", "released", "stored", "lost", "twice")]
        if fault.name == "replays":  # another count: the same bytes, or not
            sums[1:] = ["–"] * 4
        lines.append((fault.title, f"{fault.full:,}", *sums, _note(fault.name, played), _held(played)))
    head = ("what", "goal", "times", "released", "stored", "lost", "twice", "", "held")
    return f"""
## Everything else

- Replays: everything that four nodes said in four boots each is said again at random through the broker; the hub's
  tables of events, hours, refusals, nudges and its ledger must be the same bytes. Another hub hears all of it in
  another order, some of it two or three times, and must hold the same events and hours.
- Gone for a day: real couriers, {away.AT_ONCE} to a process, whose outboxes hold what three zones say in
  {away.HOURS} hours, half of them open, and that look for the broker as seldom as after a day. Times are from the
  broker's start. Nothing of it may raise a nudge.
- Disk full: a tmpfs of {full.SIZE} and a file that takes all that is left, then goes.
- Clocks: each round begins {clocks.BEFORE_S:.0f} s before a border (summer time's two, into and out of a leap day), is
  set forth and back by up to {clocks.FAR_S / 86400:.0f} days, and stands at 1970 once while courier and hub begin. What
  nudges do then is not judged. Found by such jumps: a hub that forgot by its wall clock
  ([decision 0057](decisions/0057-a-hub-does-not-believe-a-clock-that-jumped.md)).
- Network: a proxy between everybody and the broker. After each round the connections carry nothing any more without
  being closed; found is how long until all had new ones. Found by it: after many short connections a node noticed the
  half-open one and then still paused for up to a minute (84 s in all); now it looks at once.

{table(head, lines)}
"""


def _note(name: str, played: Sequence[Round]) -> str:
    match name:
        case "replays":
            same = all(one["same"] for one in played)
            return f"{'the same' if same else 'other'} bytes; {_sum(played, 'mixed'):,.0f} in another order"
        case "away":
            longest = max(one["drained_s"] for one in played)
            hub, grown, node = (max(one[key] for one in played) for key in ("hub_mb", "grown_mb", "node_grown_mb"))
            return (
                f"drained in {longest:.0f} s; {_sum(played, 'nudges'):,.0f} nudges; hub {hub:.0f} MB, grown by"
                f" {grown:.0f}, a node by {node:.1f}"
            )
        case "full-node" | "full-hub":
            return f"said within {max(one['said_s'] for one in played):.1f} s"
        case "clock":
            return f"{_sum(played, 'disordered'):,.0f} out of order"
        case _:
            return f"half open found within {max(one.get('found_s', 0) for one in played):.0f} s"


def _held(played: Sequence[Round]) -> str:
    return "yes" if all(one["well"] for one in played) else "**no**"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))


def chart(rounds: Rounds) -> str:
    """Minutes that each fault was played."""
    rows = [(fault.title, [_sum(rounds[fault.name], "took_s") / 60]) for fault in FAULTS if rounds.get(fault.name)]
    return bars("How long each fault was played, minutes", rows, ("minutes",))


if __name__ == "__main__":
    sys.exit(main())
