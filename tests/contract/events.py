"""Every event of the wire, drawn at random within its bounds."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st

from contract.events import (
    Assist,
    Birth,
    Command,
    Config,
    GateSpec,
    Health,
    HourReleased,
    HourSuppressed,
    Kind,
    MoodReleased,
    MoodSuppressed,
    OpenHours,
    SelfTest,
    Shares,
    Status,
    Stored,
    Thresholds,
    ZoneSpec,
)
from contract.fields import LEVEL_FLOOR
from contract.ledger_events import Checkpoint, Cosignature
from contract.walk import Walk

STORE = "shop"
NODE = "front"
names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
boots = st.from_regex(r"[0-9a-f]{8}-[0-9]{6}", fullmatch=True)
hashes = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
seconds = st.integers(0, 2**53)
counts = st.integers(0, 2**31)
units = st.floats(0, 1)
levels = st.floats(LEVEL_FLOOR, 1)
tenths = st.integers(-10, 10).map(lambda tenth: tenth / 10)
lines = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)
tree_hashes = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
verifiers = st.binary(min_size=33, max_size=33).map(
    lambda raw: f"attune-node/shop/front+{raw[:4].hex()}+{base64.b64encode(raw).decode()}"
)
node: dict[str, Any] = {"node": st.just(NODE), "boot": boots}
zone_event = node | {
    "zone": st.integers(0, 11),
    "seq": st.integers(1, 2**53),
    "t_mono_s": seconds,
    "t_wall": seconds,
    "model": hashes,
    "config": counts,
}
hour_starts = st.integers(0, 2**40).map(lambda hour: hour * 3600)
shares = st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda two: sum(two) <= 9).map(
    lambda two: Shares(negative=two[0], neutral=two[1], positive=10 - sum(two))
)  # fmt: skip
reasons = st.sampled_from(["long_dwell", "searching", "returning", "unattended", "mood_low"])
zones = st.builds(
    ZoneSpec,
    id=st.integers(0, 11),
    name=lines,
    polygon=st.lists(st.tuples(units, units), min_size=3, max_size=8).map(tuple),
)
gates = st.builds(
    GateSpec,
    k=st.integers(1, 255),
    window_s=st.integers(60, 3600),
    window_max_s=st.integers(60, 3600),
    hour_min=st.integers(1, 255),
    epsilon=st.floats(0.001, 10),
    profile=st.sampled_from(["dwell-only", "aggregate", "consented"]),
)
hours = st.builds(
    OpenHours,
    day=st.sampled_from(["mon", "sun"]),
    opens=st.from_regex(r"([01][0-9]|2[0-3]):[0-5][0-9]", fullmatch=True),
    closes=st.from_regex(r"(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)", fullmatch=True),
)
assists = st.builds(
    Assist,
    **zone_event,
    level=st.integers(1, 3),
    reasons=st.lists(reasons, unique=True).map(tuple),
    ttl_s=st.integers(5, 600),
) | st.builds(Assist, **zone_event, level=st.just(0), reasons=st.just(()), ttl_s=st.integers(5, 600))
walked: dict[str, Any] = zone_event | {
    "steps": st.just(240),
    "seen": st.integers(0, 120),
    "crowded": st.integers(0, 120),
    "face_px": st.sampled_from([0, 12, 32, 128]),
    "frontal": st.integers(0, 10),
    "light": st.sampled_from(["dark", "good", "bright"]),
}
EVENTS: dict[Kind, st.SearchStrategy[Any]] = {
    "mood": st.builds(MoodSuppressed, **zone_event)
    | st.builds(
        MoodReleased,
        **zone_event,
        window_s=st.integers(1, 3600),
        people=st.sampled_from(["5-9", "10-19", "20+"]),
        shares=shares,
        valence=tenths,
        arousal=tenths,
        dwell_s=st.sampled_from(["0-30", "30-60", "60-120", "120-300", "300+"]),
        abstained=st.integers(0, 10),
    ),
    "hour": st.builds(HourSuppressed, **zone_event, hour_start=hour_starts, epsilon=st.floats(0, 10))
    | st.builds(
        HourReleased,
        **zone_event,
        hour_start=hour_starts,
        negative=counts,
        neutral=counts,
        positive=counts,
        unknown=counts,
        epsilon=st.floats(0.001, 10),
    ),
    "assist": assists,
    "walk": st.one_of(
        st.builds(Walk, **walked, over=st.just(False)),
        st.builds(
            Walk,
            **walked,
            over=st.just(True),
            cells=st.sets(st.integers(0, 143)).map(lambda cells: tuple(sorted(cells))),
        ),
    ),
    "status": st.builds(
        Status,
        **node,
        state=st.sampled_from(["online", "paused", "degraded", "offline"]),
        reason=st.none() | st.sampled_from(["camera_lost", "hot", "switch", "stopped"]),
    ),
    "birth": st.builds(
        Birth,
        **node,
        minor=counts,
        t_mono_s=seconds,
        t_wall=seconds,
        model=hashes,
        model_type=lines,
        runtime=lines,
        accelerator=st.sampled_from(["cpu", "edgetpu"]),
        zones=st.lists(zones, max_size=4).map(tuple),
        gate=gates,
        hours=st.lists(hours, max_size=7).map(tuple),
        notice_acknowledged=st.booleans(),
        jurisdiction=st.sampled_from([None, "eu", "us-il", "ca-qc"]),
        config=counts,
    ),
    "health": st.builds(
        Health,
        **node,
        t_mono_s=seconds,
        t_wall=seconds,
        fps=st.none() | st.floats(0, 1000),
        accelerator=st.sampled_from([None, "cpu", "edgetpu"]),
        stage_ms=st.dictionaries(st.sampled_from(["detect", "track", "badge", "affect", "rest"]), st.floats(0, 1e6)),
        temp_c=st.none() | st.floats(-60, 200),
        throttled=st.none() | st.booleans(),
        eye_mb=st.none() | counts,
        courier_mb=counts,
        outbox_depth=counts,
        outbox_dropped=counts,
        model=hashes,
        version=st.none() | st.from_regex(r"[0-9A-Za-z.+-]{1,40}", fullmatch=True),
        update=st.sampled_from([None, "on_trial", "rolled_back", "failed"]),
    ),
    "self-test": st.builds(
        SelfTest,
        **node,
        t_wall=seconds,
        result=st.sampled_from(["passed", "failed", "void", "partial"]),
        windows=counts,
        hits=counts,
        searched_mb=counts,
        note=lines,
    ),
    "config": st.builds(
        Config,
        version=st.integers(1, 65_535),
        zones=st.none() | st.lists(zones, max_size=4).map(tuple),
        thresholds=st.lists(
            st.builds(
                Thresholds,
                zone=st.integers(0, 11),
                levels=st.tuples(levels, levels, levels).map(lambda three: tuple(sorted(three))),
            ),
            max_size=4,
        ).map(tuple),
    ),
    "command": st.one_of(
        st.builds(
            Command,
            command=st.sampled_from(["pause", "resume", "identify", "self-test"]),
            by=st.sampled_from([None, "staff", "owner", "auditor"]),
        ),
        st.builds(Command, command=st.just("accept-ledger"), log=names),
        st.builds(Command, command=st.just("walk"), zone=st.integers(0, 11), seconds=st.integers(20, 240)),
    ),
    "checkpoint": st.builds(
        Checkpoint, **node, key=verifiers, note=lines, old=seconds, proof=st.lists(tree_hashes, max_size=64).map(tuple)
    ),
    "cosignature": st.one_of(
        st.builds(Cosignature, **node, log=names, word=st.just("cosigned"), size=seconds, key=verifiers, line=lines),
        st.builds(
            Cosignature,
            **node,
            log=names,
            word=st.sampled_from(["behind", "forked"]),
            size=seconds,
            key=st.none(),
            line=st.none(),
        ),
    ),
    "stored": st.tuples(boots, st.integers(1, 2**52), st.integers(0, 1000)).map(
        lambda run: Stored(boot=run[0], since=run[1], seq=run[1] + run[2])
    ),
}
