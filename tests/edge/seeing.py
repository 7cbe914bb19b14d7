"""An eye in small, run by `test_walls`: opens camera and model, raises its walls, then does all that an eye does."""

from __future__ import annotations

import json
import socket
import sys
import threading
from itertools import islice
from pathlib import Path

from edge.eye.link import Link
from edge.eye.walls import probe, raise_early, raise_late

descriptor, source, model = sys.argv[1:]
raise_early()

import numpy as np  # noqa: E402  after the early walls, as in the eye

from edge.eye.affect import TfliteAffect  # noqa: E402
from edge.eye.camera import open_camera  # noqa: E402
from edge.eye.meter import resident_mb  # noqa: E402
from edge.record import Head, PulseRecord  # noqa: E402

link = Link(socket.socket(fileno=int(descriptor)))
camera = open_camera(source, realtime=False)
affect = TfliteAffect(Path(model), threads=2)
raise_late()

frames = list(islice(camera.frames(), 20))
affect_sum = sum(affect.read(np.ascontiguousarray(frames[-1].luma[:48, :48])))
busy = [threading.Thread(target=lambda: np.ones((400, 400)) @ np.ones((400, 400))) for _ in range(4)]
for thread in busy:
    thread.start()
for thread in busy:
    thread.join()
large = np.ones(16 << 20, np.uint8)

import zoneinfo  # noqa: E402  modules may still be loaded

link.send(PulseRecord(Head(0, 1, 2), 10.0, 1.0, 0.0, 0.0, 0.0, 0.0, memory_mb=1))
print("a word for the log", file=sys.stderr)
print(
    json.dumps(
        {
            "frames": len(frames),
            "affect_sum": affect_sum,
            "threads": len(busy),
            "order": repr(link.orders(5.0)[0]),
            "zone": zoneinfo.ZoneInfo("Europe/Berlin").key,
            "memory_mb": resident_mb(),
            "refused": [act for act, refused in probe().items() if not refused],
        }
    )
)
