"""A node takes a signed release or none: attacks, accidents, and going back."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from contract import release as releases
from contract.errors import ConfigError, UpdateError
from contract.events import OpenHours
from contract.release import unpack
from deploy.keys import publish, sign_root
from edge.__main__ import main
from edge.config import NodeConfig
from edge.update import flow, ways
from edge.update.command import times
from edge.update.fetch import Source
from edge.update.slots import Slots, alone
from edge.update.ways import NodeWays
from tests.edge.update_kills import kills
from tests.edge.updating import FakeWays, Publisher, Serving, runs, served, update


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    one = Publisher(tmp_path / "publisher")
    one.release("v1")
    return one


@pytest.fixture
def hub(publisher: Publisher) -> Iterator[Serving]:
    with served(publisher.repository) as serving:
        yield serving


@pytest.fixture
def slots(tmp_path: Path, publisher: Publisher, hub: Serving) -> Slots:
    """A node on which v1 runs, confirmed."""
    made = Slots(tmp_path / "slots")
    update(made, hub, publisher)
    assert (runs(made), made.current(), made.good()) == (("v1", "m1"), "a", "a")
    return made


def frozen(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(slots: Slots, hub: Serving, publisher: Publisher, why: str) -> None:
    """The update is refused with a sentence, and nothing that runs was touched."""
    with pytest.raises(UpdateError, match=why):
        update(slots, hub, publisher)
    assert (runs(slots), slots.pending()) == (("v1", "m1"), False)


def test_a_new_release_goes_into_the_other_slot_and_is_kept_when_it_does_well(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    publisher.release("v2")
    real = FakeWays()
    assert "kept" in update(slots, hub, publisher, real)
    assert (runs(slots), slots.current(), slots.good()) == (("v2", "m1"), "b", "b")
    assert real.did == ["prepare b", "restart", "wait 120"]
    assert "newest" in update(slots, hub, publisher)


def test_models_alone_are_fetched_where_only_they_are_new(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v1", "m2")
    hub.asked.clear()
    update(slots, hub, publisher)
    assert runs(slots) == ("v1", "m2")
    assert [path.rpartition(".models")[1] for path in hub.asked if "/targets/" in path] == [".models"]


def test_what_is_taken_over_from_a_damaged_slot_is_fetched_anew(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    (slots.path("a") / "software/part-0").write_text("rot")
    publisher.release("v1", "m2")
    update(slots, hub, publisher)
    assert runs(slots) == ("v1", "m2")


def test_a_version_that_does_not_do_well_is_rolled_back_and_not_taken_again(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    publisher.release("v2")
    real = FakeWays("no eye")
    with pytest.raises(UpdateError, match="rolled back to slot a: no eye"):
        update(slots, hub, publisher, real)
    assert (runs(slots), slots.pending(), real.did.count("restart")) == (("v1", "m1"), False, 2)
    assert "waits for another" in update(slots, hub, publisher)
    publisher.release("v3")
    update(slots, hub, publisher)
    assert runs(slots) == ("v3", "m1")


def test_a_release_that_cannot_be_made_ready_is_never_switched_to(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    publisher.release("v2")
    real = FakeWays()
    real.spoilt = "The release cannot install its wheels"
    with pytest.raises(UpdateError, match="wheels"):
        update(slots, hub, publisher, real)
    assert (runs(slots), slots.pending()) == (("v1", "m1"), False)


def test_an_older_release_rightly_signed_is_refused(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    old = publisher.folder / "old"
    shutil.copytree(publisher.repository, old)
    publisher.release("v2")
    update(slots, hub, publisher)
    hub.folder = old
    with pytest.raises(UpdateError, match="not to be trusted"):
        update(slots, hub, publisher)
    assert runs(slots) == ("v2", "m1")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_release_whose_time_is_over_is_refused(slots: Slots, hub: Serving, publisher: Publisher, role: str) -> None:
    publisher.release("v2", life={role: timedelta(days=-1)})
    refused(slots, hub, publisher, "out of date")
    assert flow.settle(slots) == "Slot a runs, and was confirmed."  # for ever, where no newer one comes


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_parts_of_two_releases_do_not_make_one(slots: Slots, hub: Serving, publisher: Publisher, role: str) -> None:
    publisher.release("v2")
    publisher.release("v3")
    metadata = publisher.repository / "metadata"
    (metadata / f"3.{role}.json").write_bytes((metadata / f"2.{role}.json").read_bytes())
    refused(slots, hub, publisher, "not to be trusted")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_one_stolen_name_without_its_key_is_not_enough(
    slots: Slots, hub: Serving, publisher: Publisher, role: str, tmp_path: Path
) -> None:
    stranger = Publisher(tmp_path / "stranger")
    (publisher.keys / f"{role}.pem").write_bytes((stranger.keys / f"{role}.pem").read_bytes())
    publisher.release("v2")
    refused(slots, hub, publisher, "not to be trusted")


def test_a_strangers_whole_repository_is_refused(
    slots: Slots, hub: Serving, publisher: Publisher, tmp_path: Path
) -> None:
    stranger = Publisher(tmp_path / "stranger")
    for version in ("v1", "v2", "v3"):
        stranger.release(version)
    hub.folder = stranger.repository
    refused(slots, hub, publisher, "not to be trusted")


@pytest.mark.parametrize(("signers", "taken"), [(("root-1",), False), (("root-3", "root-1"), True)])
def test_a_new_root_needs_two_of_the_three_old_keys(
    slots: Slots, hub: Serving, publisher: Publisher, tmp_path: Path, signers: tuple[str, ...], taken: bool
) -> None:
    heirs = Publisher(tmp_path / "heirs")
    root = sign_root(heirs.keys, 2, ("root-1", "root-2"), also=None)
    signed = json.loads(root)
    both = json.loads(sign_root(heirs.keys, 2, ("root-1", "root-3"), also=publisher.keys))
    old = json.loads(publisher.pinned.read_bytes())["signed"]["roles"]["root"]["keyids"]
    mine = [old[int(name[-1]) - 1] for name in signers]
    assert set(old) >= set(mine)
    if taken:
        root = json.dumps(both).encode()
    else:  # two of the new keys sign, and one old one
        lone = [one for one in both["signatures"] if one["keyid"] in mine]
        new = [one for one in both["signatures"] if one["keyid"] not in old]
        root = json.dumps({"signed": both["signed"], "signatures": [*new, *lone]}).encode()
    assert signed["signed"]["version"] == 2
    (publisher.repository / "metadata/2.root.json").write_bytes(root)
    for key in heirs.keys.iterdir():
        (publisher.keys / key.name).write_bytes(key.read_bytes())
    publisher.release("v2")
    if taken:
        update(slots, hub, publisher)
        assert runs(slots) == ("v2", "m1")
    else:
        refused(slots, hub, publisher, "not to be trusted")


def test_a_download_that_ends_early_is_refused(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    hub.bend = lambda path, content: (content[: len(content) // 2], len(content))
    hub.bend = lambda path, content: (content[:999] if "/targets/" in path else content, len(content))
    refused(slots, hub, publisher, "could not be had whole")


def test_a_short_answer_that_claims_to_be_all_is_refused(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    hub.bend = lambda path, content: (content[:999],) * 1 + (999,) if "/targets/" in path else (content, len(content))
    refused(slots, hub, publisher, "not to be trusted")


def test_an_answer_without_end_is_cut_off(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    more = b"x" * 2**20
    hub.bend = lambda path, content: (
        (content + more, len(content + more)) if "/targets/" in path else (content, len(content))
    )
    refused(slots, hub, publisher, "could not be had whole")


@pytest.mark.parametrize("name", ["timestamp", "2.root", "2.snapshot", "2.targets"])
def test_metadata_without_end_is_cut_off(slots: Slots, hub: Serving, publisher: Publisher, name: str) -> None:
    if name == "2.root":
        (publisher.repository / "metadata/2.root.json").write_bytes(b"{}")
    publisher.release("v2")
    more = b" " * 2**20
    hub.bend = lambda path, content: (content + more, len(content + more)) if name in path else (content, len(content))
    refused(slots, hub, publisher, "could not be had whole")


def test_bytes_that_were_changed_on_the_way_are_refused(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    hub.bend = lambda path, content: (content.replace(b"v2", b"v6") if "/targets/" in path else content, len(content))
    refused(slots, hub, publisher, "not to be trusted")


def test_a_hub_that_is_not_there_changes_nothing(slots: Slots, publisher: Publisher) -> None:
    nobody = Serving(publisher.repository, url="http://127.0.0.1:9")
    refused(slots, nobody, publisher, "could not be had")


def entry(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x", link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for told in ("fine", name):
            member = tarfile.TarInfo(told)
            member.type, member.linkname = (kind, link) if told == name else (tarfile.REGTYPE, "")
            member.size = len(content) if member.type == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


TRICKS = {
    "up": entry("../../outside"),
    "up inside": entry("wheels/../../../outside"),
    "absolute": entry("/tmp/outside"),
    "link": entry("away", tarfile.SYMTYPE, link="/etc"),
    "hard link": entry("away", tarfile.LNKTYPE, link="../../lock"),
    "device": entry("null", tarfile.CHRTYPE),
    "pipe": entry("pipe", tarfile.FIFOTYPE),
    "sparse": entry("sparse", tarfile.GNUTYPE_SPARSE),
    "twice": entry("fine"),
    "twice by another name": entry("./fine"),
    "a file as a folder": entry("fine/below"),
    "a strange name": entry("a\nb"),
    "no archive": b"not a tar at all" * 100,
}


@pytest.mark.parametrize("trick", TRICKS)
def test_even_a_signed_archive_writes_nowhere_but_into_its_slot(
    slots: Slots, hub: Serving, publisher: Publisher, trick: str, tmp_path: Path
) -> None:
    publish(publisher.keys, publisher.repository, {"software": TRICKS[trick], "models": TRICKS[trick]})
    before = frozen(slots.path("a"))
    with pytest.raises(UpdateError):
        update(slots, hub, publisher)
    assert (runs(slots), slots.pending()) == (("v1", "m1"), False)
    assert frozen(slots.path("a")) == before
    assert not list(tmp_path.rglob("outside"))
    assert not [path for path in slots.path("b").rglob("*") if path.is_symlink()]


def test_an_archive_may_hold_so_many_files_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = tmp_path / "big.tar"
    big.write_bytes(entry("also", content=b"x" * 100))
    unpack(big, tmp_path / "fits")
    for name, most in (("FILES_MAX", 1), ("ARCHIVE_BYTES_MAX", 150)):
        with monkeypatch.context() as patch:
            patch.setattr(releases, name, most)
            with pytest.raises(UpdateError, match="more than a release may"):
                unpack(big, tmp_path / name)


def test_a_pending_slot_that_was_started_three_times_is_rolled_back(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    pend(slots, hub, publisher)
    assert [flow.settle(slots).split(":")[0] for _ in range(3)] == [
        f"Slot b is pending, start {start} of 3." for start in (1, 2, 3)
    ]
    assert slots.pending()
    assert "rolled back to slot a" in flow.settle(slots)
    assert (runs(slots), flow.settle(slots)) == (("v1", "m1"), "Slot a runs, and was confirmed.")


def test_a_damaged_pending_slot_is_rolled_back_at_once(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    pend(slots, hub, publisher)
    (slots.path("b") / "software/part-1").unlink()
    assert "damaged" in flow.settle(slots)
    assert runs(slots) == ("v1", "m1")


def test_a_watch_that_was_cut_short_goes_on_at_the_next_run(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    pend(slots, hub, publisher)
    assert "kept" in update(slots, hub, publisher)
    assert (runs(slots), slots.good()) == (("v2", "m1"), "b")


def pend(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    class Cut(FakeWays):
        def wait(self, seconds: float) -> None:
            raise KeyboardInterrupt

    publisher.release("v2")
    with pytest.raises(KeyboardInterrupt):
        update(slots, hub, publisher, Cut())
    assert slots.pending()


CLOSED, OPEN = flow.When(keep=False), flow.When(begin=False)


def test_a_release_is_taken_while_the_shop_is_closed_and_kept_once_the_eye_has_looked(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    publisher.release("v2")
    real = FakeWays()
    assert "taken when the shop is closed" in update(slots, hub, publisher, real, OPEN)
    assert (runs(slots), real.did) == (("v1", "m1"), [])
    real.position = 7
    for _ in range(2):
        assert "kept once the shop is open" in update(slots, hub, publisher, real, CLOSED)
        real.position += 50
    assert (runs(slots), slots.pending()) == (("v2", "m1"), True)
    flow.settle(slots)
    assert "kept" in update(slots, hub, publisher, real, OPEN)
    assert (runs(slots), slots.good()) == (("v2", "m1"), "b")
    assert real.judged_since == [7, 7, 7]  # since the switch, however often it was looked at


def test_a_version_that_sees_nothing_in_the_morning_is_rolled_back_then(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    publisher.release("v2")
    update(slots, hub, publisher, FakeWays(), CLOSED)
    with pytest.raises(UpdateError, match="rolled back to slot a: the node says camera_lost"):
        update(slots, hub, publisher, FakeWays("the node says camera_lost"), OPEN)
    assert runs(slots) == ("v1", "m1")


MONDAY_NOON = 1_767_614_400.0  # 2026-01-05 12:00 UTC
DAYS = get_args(OpenHours.model_fields["day"].annotation)


@pytest.mark.parametrize(
    ("hours", "begin", "keep"),
    [
        ((OpenHours(day="mon", opens="09:00", closes="18:00"),), False, True),
        ((OpenHours(day="tue", opens="09:00", closes="18:00"),), True, False),
        ((), True, True),  # it never opens: there is nothing to wait for
        (tuple(OpenHours(day=day, opens="00:00", closes="24:00") for day in DAYS), True, True),  # nor does it close
    ],
)
def test_closing_and_opening_time_say_when(hours: tuple[OpenHours, ...], begin: bool, keep: bool) -> None:
    config = NodeConfig(node="n1", hours=hours, timezone="UTC")
    assert times(config, MONDAY_NOON, now=False) == flow.When(begin, keep)
    assert times(config, MONDAY_NOON, now=True) == flow.When(True, keep)


def test_the_command_confirms_settles_and_checks(
    slots: Slots, hub: Serving, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "node.toml"
    config.write_text('node = "door"\n')
    base = ["update", "--config", str(config), "--slots", str(slots.folder), "--trust", str(publisher.pinned)]
    publisher.release("v2")
    assert main([*base, "--from", hub.url, "--check"]) == 0
    assert runs(slots) == ("v1", "m1")
    pend(slots, hub, publisher)
    assert main([*base, "--settle"]) == 0
    assert main([*base, "--confirm"]) == 0
    assert main([*base, "--watch"]) == 0
    assert main([*base, "--check"]) == 78  # it has joined no hub
    with alone(slots.folder):
        assert main([*base, "--settle"]) == 1
    said = capsys.readouterr()
    assert "another release" in said.out
    assert "start 1 of 3" in said.out
    assert "no update to watch" in said.out
    assert "has joined no hub" in said.err
    assert "Another update is at work" in said.err


def test_a_missing_root_of_trust_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="root of trust"):
        Source("http://127.0.0.1:9", tmp_path / "none.json", tmp_path)


def wheel(place: Path, tag: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    code = "import sys\ndef main():\n    print('[]' if '--json' in sys.argv else 'help')\n"
    with zipfile.ZipFile(place, "w") as made:
        made.writestr("told.py", code)
        about = "attune-9.0.dist-info"
        made.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: attune\nVersion: 9.0\n")
        made.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        made.writestr(f"{about}/entry_points.txt", "[console_scripts]\nattune-edge = told:main\n")
        made.writestr(f"{about}/RECORD", "")


@dataclass
class Judged:
    """A slot whose doctor finds what a test says, a node's ledger, and units that are as a test says."""

    folder: Path
    position: int = 0

    @property
    def ways(self) -> NodeWays:
        return NodeWays(self.folder / "node.toml", self.folder / "outbox.db")

    def doctor(self, *findings: tuple[str, bool, str]) -> None:
        found = [dict(zip(("what", "passed", "says"), one, strict=True)) for one in findings]
        self.program(self.folder / ways.PROGRAM, f"print({json.dumps(json.dumps(found))})")

    def units(self, active: str = "active", starts: int = 0, enabled: str = "enabled") -> None:
        said = f"ActiveState={active}\nUnitFileState={enabled}\nNRestarts={starts}"
        self.program(self.folder / "bin" / "systemctl", f"print({said!r})")

    def program(self, place: Path, code: str) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!{sys.executable}\n{code}\n")
        place.chmod(0o755)

    def says(self, state: str, reason: str | None = None) -> None:
        payload = json.dumps({"state": state, "reason": reason}).encode()
        with closing(sqlite3.connect(self.folder / "outbox.db")) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS ledger_entries (position INTEGER PRIMARY KEY, kind, payload)")
            db.execute("INSERT INTO ledger_entries VALUES (?, 'status', ?)", (self.position, payload))
        self.position += 1


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """A node that was well, and is."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(ways, "STEADY_S", 0.0)
    one = Judged(tmp_path)
    one.doctor()
    one.units()
    one.says("online")
    one.says("offline", "stopped")
    return one


@pytest.mark.parametrize(
    ("finding", "ails"),
    [
        (("face model", False, "The face model is damaged."), "face model is damaged"),
        (("broker", False, "No broker answers."), ""),
        (("outbox", False, "Only 3 MB are free."), ""),
        (("notice and hours", False, "The shop is closed."), ""),
    ],
)
def test_a_version_is_judged_by_what_it_can_break(judged: Judged, finding: tuple[str, bool, str], ails: str) -> None:
    judged.doctor(finding)
    found = judged.ways.ails(judged.folder, judged.ways.mark())
    assert ails in found if ails else not found


@pytest.mark.parametrize(
    ("before", "now", "ails"),
    [
        (("online", None), ("online", None), ""),
        (("online", None), ("degraded", "camera_lost"), "the node says camera_lost"),
        (("online", None), ("degraded", "eye_stopped"), "the node says eye_stopped"),
        (("degraded", "camera_lost"), ("degraded", "camera_lost"), ""),
        (("paused", "closed"), ("degraded", "camera_lost"), "the node says camera_lost"),
        (("online", None), ("degraded", "disk_full"), ""),
        (("online", None), ("paused", "closed"), ""),
        (("online", None), ("offline", "link_lost"), ""),
    ],
)
def test_a_version_is_blamed_for_what_the_node_says_since_and_did_not_say_before(
    judged: Judged, before: tuple[str, str | None], now: tuple[str, str | None], ails: str
) -> None:
    judged.says(*before)
    judged.says("offline", "stopped")
    mark = judged.ways.mark()
    judged.says(*now)
    found = judged.ways.ails(judged.folder, mark)
    assert ails in found if ails else not found


@pytest.mark.parametrize(
    ("unit", "stays"),
    [
        ({}, True),
        ({"starts": 2}, True),
        ({"starts": 3}, False),
        ({"active": "failed"}, False),
        ({"active": "activating"}, False),
        ({"active": "inactive", "enabled": "disabled"}, True),
    ],
)
def test_eye_and_courier_must_stay_up(judged: Judged, unit: dict[str, Any], stays: bool) -> None:
    mark = judged.ways.mark()
    judged.units(**unit)
    found = judged.ways.ails(judged.folder, mark)
    assert not found if stays else "attune-courier.service does not stay up" in found


def test_what_ailed_a_node_by_day_is_not_blamed_on_the_version_that_came_by_night(judged: Judged) -> None:
    judged.says("degraded", "camera_lost")
    judged.says("paused", "closed")
    mark = judged.ways.mark()
    judged.says("degraded", "camera_lost")
    assert not judged.ways.ails(judged.folder, mark)


def test_an_eye_whose_camera_was_lost_before_may_end_often(judged: Judged) -> None:
    judged.says("degraded", "camera_lost")
    mark = judged.ways.mark()
    judged.program(
        judged.folder / "bin" / "systemctl",
        "import sys\nprint('ActiveState=active\\nNRestarts=' + ('9' if 'eye' in sys.argv[-1] else '0'))",
    )
    assert not judged.ways.ails(judged.folder, mark)


def test_where_neither_doctor_nor_systemd_answers_nothing_is_well(judged: Judged) -> None:
    mark = judged.ways.mark()
    judged.ways.restart()
    (judged.folder / "bin" / "systemctl").unlink()
    judged.ways.restart()  # is no error: it is judged
    assert "does not stay up" in judged.ways.ails(judged.folder, mark)
    (judged.folder / ways.PROGRAM).unlink()
    assert "does not answer" in judged.ways.ails(judged.folder, mark)


def test_a_hub_without_a_release_is_said_and_no_failure(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    (publisher.repository / "metadata/timestamp.json").unlink()
    assert "offers no release" in update(slots, hub, publisher)
    assert runs(slots) == ("v1", "m1")


def test_a_name_that_points_nowhere_is_set_back_to_what_was_confirmed(slots: Slots) -> None:
    (slots.folder / "current").unlink()
    assert "slot a, which was confirmed" in flow.settle(slots)
    assert runs(slots) == ("v1", "m1")
    assert not slots.refused()


def test_a_real_slot_is_an_environment_made_of_its_wheels_which_may_be_for_several_pythons(tmp_path: Path) -> None:
    folder = tmp_path / "b" / "software" / "wheels"
    wheel(folder / "attune-9.0-py3-none-any.whl", "py3-none-any")
    wheel(folder / "attune-9.0-cp35-cp35m-manylinux1_x86_64.whl", "cp35-cp35m-manylinux1_x86_64")
    NodeWays(tmp_path / "node.toml", tmp_path / "outbox.db").prepare(tmp_path / "b")
    assert "help" in subprocess.run((str(tmp_path / "b" / ways.PROGRAM),), capture_output=True, text=True).stdout


def test_wherever_the_power_goes_one_whole_version_comes_up_and_the_outbox_survives(tmp_path: Path) -> None:
    found = kills(tmp_path, 8, seed=1)
    assert found.points == 8
    assert found.before + found.after == 8
