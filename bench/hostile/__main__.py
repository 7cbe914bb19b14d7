"""``python -m bench.hostile``: sends what harms, counts what becomes of it, and writes docs/hostile.md."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.hostile import broker, decoder, files, pages, rogue
from bench.hostile.running import hub
from contract.errors import AttuneError

REPORT: Final = Path(__file__).parents[2] / "docs" / "hostile.md"
_BEGIN: Final = """\
# Hostile input

Written by `make hostile`, which sends all of this anew: {messages:,} mutated messages, {files:,} damaged files,
{slow:,} slow connections and one node that was taken over. Seed {seed}; {machine}; {took_min:.0f} minutes.
What is enforced where: [privacy](privacy.md). A short version of each part runs in `make test`
(`tests/bench/test_hostile.py`).
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="mutated messages to decode (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of 7,500 through the broker (%(default)s)")
    parser.add_argument("--files", type=int, default=1_000, help="damaged files of each kind (%(default)s)")
    parser.add_argument("--slow", type=int, default=1_000, help="slow or silent connections (%(default)s)")
    parser.add_argument("--flood", type=int, default=160_000, help="messages of a node taken over (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write docs/hostile.md, not only print it")
    options = parser.parse_args(arguments)
    try:
        text, held = _report(options)
    except AttuneError as error:
        print(f"bench.hostile: {error}", file=sys.stderr)
        return 1
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")
    return 0 if held else 1


def _report(options: argparse.Namespace) -> tuple[str, bool]:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            _decoded(options, _progress("decoded", options.messages)),
            _published(options, Path(folder)),
            _paged(options, Path(folder) / "pages"),
            _overrun(options, Path(folder) / "rogue"),
            _opened(options, Path(folder) / "files", _progress("opened", options.files * len(files.KINDS))),
        ]
    head = _BEGIN.format(
        messages=options.messages + options.rounds * broker.FITS,
        files=options.files * len(files.KINDS),
        slow=options.slow,
        seed=options.seed,
        machine=f"{platform.machine()}, Python {platform.python_version()}",
        took_min=max(1.0, (time.monotonic() - began_s) / 60),
    )
    return "\n".join([head, *(text for text, _ in parts)]), all(held for _, held in parts)


def _progress(what: str, of: int) -> Callable[[int], None]:
    def say(count: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{what} {count:,} of {of:,}", end="" if count < of else "\n", file=sys.stderr, flush=True)

    return say


def _verdict(held: bool) -> str:
    return "Held." if held else "**Did not hold.**"


def _decoded(options: argparse.Namespace, progress: Callable[[int], None]) -> tuple[str, bool]:
    found = decoder.read(options.messages, options.seed, progress)
    held = not found.crashes and not found.changed and found.grown_mb < 2
    return (
        f"""\
## Mutated messages through the decoder

{found.messages:,} payloads and topics: {found.taken:,} still in the contract and taken, the same from their own bytes
again but {found.changed}; {found.nobodys:,} of kinds that only a hub says; the rest refused, each by its reason.
{len(found.crashes)} crashes; over the second half memory grew by {found.grown_mb} MB. {_verdict(held)}

{_table(("reason", "refused"), found.refused.most_common())}
{_listed(found.crashes)}""",
        held,
    )


def _published(options: argparse.Namespace, folder: Path) -> tuple[str, bool]:
    rounds = []
    for number in range(options.rounds):
        rounds.append(broker.send(broker.FITS, options.seed + number, folder / f"broker {number}"))
        _progress("rounds", options.rounds)(number + 1)
    wrong = [f"round {number}: {', '.join(one.wrong)}" for number, one in enumerate(rounds) if one.wrong]
    refused = sum((one.refused for one in rounds), Counter[str]())
    held = not wrong and all(one.alive for one in rounds)
    return (
        f"""\
## Mutated messages through a real broker into a running hub

{sum(one.messages for one in rounds):,} in {len(rounds)} rounds; after each a message of the contract was stored. The
quarantine held {refused.total():,}, exactly those and for those reasons that were reckoned from what was sent; memory
grew by {max((one.grown_mb for one in rounds), default=0.0)} MB a round at most. {_verdict(held)}

{_table(("reason", "in the quarantine"), refused.most_common())}
{_listed(wrong)}""",
        held,
    )


def _paged(options: argparse.Namespace, folder: Path) -> tuple[str, bool]:
    with hub(folder) as running:
        found = pages.attack(running, options.slow, 200)
        alive = running.process.poll() is None and "Traceback" not in running.said
    held = alive and not (found.failed or found.told or found.broken) and found.p95_ms < 500
    return (
        f"""\
## Slow connections, and what no browser says

With {found.slow:,} connections that were silent, never ended their head or never ended their body, a byte every half
second, straight at the hub and no proxy before it: pages took {found.p50_ms:.0f} ms in the median and
{found.p95_ms:.0f} ms at the 95th percentile ({found.quiet_p95_ms:.0f} ms without them), {found.failed} failed. Then
{found.answers.total()} tricks with paths, headers and bodies: {len(found.broken)} answers from 500 up and
{len(found.told)} that told what they should not. {_verdict(held)}

{_table(("status", "answers"), sorted(found.answers.items()))}
{_listed(found.broken + found.told)}""",
        held,
    )


def _overrun(options: argparse.Namespace, folder: Path) -> tuple[str, bool]:
    found = rogue.flood(options.flood, folder)
    held = found.alive and found.nudges <= rogue.NUDGES_MAX and found.honest >= 3
    return (
        f"""\
## A node that was taken over

With a valid certificate it said {found.said:,} things of the contract as fast as it could, every second one a need of
the highest level: {found.stored:,} were stored, in a database of {found.database_mb} MB, and {found.nudges} nudges were
raised, where the rules allow {rogue.NUDGES_MAX} an hour. Another node's events were stored meanwhile, each within
{found.honest_ms / 1000:.1f} s. That it can neither speak nor listen as another node is tried with 50 times 50
certificates in `tests/hub/test_authority.py`. {_verdict(held)}
""",
        held,
    )


def _opened(options: argparse.Namespace, folder: Path, progress: Callable[[int], None]) -> tuple[str, bool]:
    found = files.damage(options.files, options.seed, folder, progress)
    rows = [
        (kind.name, *(found.outcomes[kind.name, outcome] for outcome in ("refused", "taken", "crashed")))
        for kind in files.KINDS
    ]
    held = not found.crashes
    return (
        f"""\
## Damaged files

{found.files:,} files with flipped, cut, planted or zeroed bytes, opened as the programs open them. Refused is in one
sentence; taken is what the damage did not touch, or what is put aside and begun anew, as an outbox is.
{len(found.crashes)} tracebacks. {_verdict(held)}

{_table(("file", "refused", "taken", "tracebacks"), rows)}
{_listed(found.crashes)}""",
        held,
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, int]] | list[tuple[int, int]] | list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _listed(lines: list[str]) -> str:
    return "".join(f"\n- `{line[:400]}`" for line in lines[:20]) + ("\n" if lines else "")


if __name__ == "__main__":
    sys.exit(main())
