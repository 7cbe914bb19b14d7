"""How long one must wait after wrong tries of a secret, told by the disk and so over restarts.

Rules:
- `FREE` wrong tries are free; each further one doubles the wait, from `FIRST_S` up to the longest.
- A try is counted before it is judged, so that many at once are no way around the count; a right one takes back
  what its own subject had counted, from the hub's count too.
- A try during the wait is not judged and not counted.
- What nobody tried for a day is forgotten, and a clock set back makes no wait longer.

Left out: the judging (`hub.doors_secrets`), and how often an address may ask at all (`hub.limits`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hub.doors_db import DoorsDb

FREE: Final = 5
FREE_IN_ALL: Final = 20
FIRST_S: Final = 30.0
LONGEST_S: Final = 3_600.0
LONGEST_IN_ALL_S: Final = 900.0
FORGOTTEN_S: Final = 86_400.0
SUBJECTS_MAX: Final = 2_048


def wait_after(count: int, free: int, longest_s: float) -> float:
    """How long to wait after so many wrong tries. Units: seconds."""
    return 0.0 if count < free else min(longest_s, FIRST_S * 2.0 ** min(count - free, 60))


@dataclass(frozen=True, slots=True)
class Backoff:
    """The counts of one kind of secret, by subject (a tablet, an address) and for the hub as a whole."""

    db: DoorsDb
    kind: str
    clock: Callable[[], float]

    def begin(self, subject: str) -> float:
        """Count a try that is about to be judged, and answer 0; or, uncounted, for how many seconds to wait."""
        now_s, own, hub = self.clock(), f"{self.kind}:{subject}", self.kind
        with self.db.at_once():
            self.db.run("UPDATE failures SET last_s = ? WHERE last_s > ?", now_s, now_s)
            self.db.run("DELETE FROM failures WHERE last_s < ?", now_s - FORGOTTEN_S)
            wait_s = max(
                self._left_s(own, now_s, FREE, LONGEST_S), self._left_s(hub, now_s, FREE_IN_ALL, LONGEST_IN_ALL_S)
            )
            if wait_s > 0:
                return wait_s
            for one in (own, hub):
                self.db.run(
                    "INSERT INTO failures VALUES (?, 1, ?)"
                    " ON CONFLICT (subject) DO UPDATE SET count = count + 1, last_s = excluded.last_s",
                    one,
                    now_s,
                )
            self.db.run(
                "DELETE FROM failures WHERE subject IN (SELECT subject FROM failures WHERE subject GLOB ?"
                " ORDER BY last_s DESC LIMIT -1 OFFSET ?)",
                f"{self.kind}:*",
                SUBJECTS_MAX,
            )
        return 0.0

    def right(self, subject: str) -> None:
        """The try was right: take back what its subject had counted."""
        own = f"{self.kind}:{subject}"
        with self.db.at_once():
            rows = self.db.run("DELETE FROM failures WHERE subject = ? RETURNING count", own)
            taken = rows[0][0] if rows else 0
            self.db.run("UPDATE failures SET count = max(0, count - ?) WHERE subject = ?", taken, self.kind)

    def _left_s(self, subject: str, now_s: float, free: int, longest_s: float) -> float:
        rows = self.db.run("SELECT count, last_s FROM failures WHERE subject = ?", subject)
        if not rows:
            return 0.0
        count, last_s = rows[0]
        return float(max(0.0, wait_after(count, free, longest_s) - (now_s - last_s)))
