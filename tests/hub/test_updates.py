"""A release from a stick: verified, offered as it is, and refused as a whole."""

from __future__ import annotations

import io
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from contract.errors import ConfigError, StoreError, UpdateError
from deploy.keys import for_a_stick, sign_root
from deploy.keys import main as ceremony
from edge.update.slots import Slots
from hub import updates
from hub.__main__ import main
from hub.updates import FOLDER, bring, routes
from tests.edge.updating import Publisher, runs, served, update


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "publisher")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def stick(publisher: Publisher, software: str, life: dict[str, timedelta] | None = None) -> Path:
    publisher.release(software, life=life)
    out = publisher.folder / f"{software}.tar"
    for_a_stick(publisher.repository, out)
    return out


def taken(publisher: Publisher, data: Path, slots: Path) -> tuple[str, str]:
    """What a node runs after it took what the hub offers."""
    made = Slots(slots)
    with served(data / FOLDER) as hub:
        update(made, hub, publisher)
    return runs(made)


def offered(data: Path) -> dict[str, bytes]:
    kept = (data / FOLDER / kind for kind in ("metadata", "targets"))
    return {path.name: path.read_bytes() for folder in kept for path in folder.iterdir()}


def test_what_came_on_a_stick_is_offered_and_taken_and_the_next_takes_its_place(
    publisher: Publisher, data: Path, tmp_path: Path
) -> None:
    first = bring(stick(publisher, "v1"), data, publisher.pinned)
    assert [one.split()[0] for one in first] == ["software.tar", "models.tar"]
    assert taken(publisher, data, tmp_path / "slots") == ("v1", "m1")
    bring(stick(publisher, "v2"), data, publisher.pinned)
    assert sorted(name.partition(".")[2] for name in offered(data) if name.endswith(".tar")) == [
        "models.tar",
        "software.tar",
    ]
    assert taken(publisher, data, tmp_path / "slots") == ("v2", "m1")
    assert not list((data / FOLDER).glob("stick-*"))


def test_an_older_one_is_refused_and_the_newer_is_offered_on(publisher: Publisher, data: Path) -> None:
    old = stick(publisher, "v1")
    bring(stick(publisher, "v2"), data, publisher.pinned)
    before = offered(data)
    with pytest.raises(UpdateError, match="not to be trusted"):
        bring(old, data, publisher.pinned)
    assert offered(data) == before


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_one_that_is_out_of_date_is_refused(publisher: Publisher, data: Path, role: str) -> None:
    with pytest.raises(UpdateError, match="out of date"):
        bring(stick(publisher, "v1", {role: timedelta(days=-1)}), data, publisher.pinned)
    assert not (data / FOLDER / "metadata").exists()


def test_a_strangers_is_refused(publisher: Publisher, data: Path, tmp_path: Path) -> None:
    stick(publisher, "v1")
    with pytest.raises(UpdateError, match="not to be trusted"):
        bring(stick(Publisher(tmp_path / "stranger"), "v1"), data, publisher.pinned)


def with_entries(release: Path, without: str = "", *more: tarfile.TarInfo) -> Path:
    """The same release without an entry, or with some more."""
    out = release.with_name("bent.tar")
    with tarfile.open(release) as old, tarfile.open(out, "w") as new:
        for member in old:
            if not without or without not in member.name:
                new.addfile(member, old.extractfile(member))
        for member in more:
            new.addfile(member, io.BytesIO(b"x" * member.size))
    return out


def plain(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = 1
    return member


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "more", [plain("run-me.sh"), plain("targets/../../x"), plain("metadata/2.root.json.bak"), link("x")]
)
def test_a_stick_with_more_on_it_than_a_release_is_refused(
    publisher: Publisher, data: Path, more: tarfile.TarInfo
) -> None:
    with pytest.raises(UpdateError, match="The archive holds"):
        bring(with_entries(stick(publisher, "v1"), "", more), data, publisher.pinned)
    assert not (data / FOLDER / "metadata").exists()


@pytest.mark.parametrize("part", ["timestamp", "snapshot", "targets.json", "software", "models"])
def test_a_stick_that_lacks_a_part_is_refused(publisher: Publisher, data: Path, part: str) -> None:
    bring(stick(publisher, "v1"), data, publisher.pinned)
    before = offered(data)
    with pytest.raises(UpdateError):
        bring(with_entries(stick(publisher, "v2"), part), data, publisher.pinned)
    assert offered(data) == before


def test_half_a_file_is_refused(publisher: Publisher, data: Path) -> None:
    release = stick(publisher, "v1")
    content = release.read_bytes()
    release.write_bytes(content[: len(content) // 2])
    with pytest.raises(UpdateError):
        bring(release, data, publisher.pinned)


def test_power_that_goes_before_the_last_step_leaves_the_old_one_offered_whole(
    publisher: Publisher, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(stick(publisher, "v1"), data, publisher.pinned)
    second = stick(publisher, "v2")
    whole = updates.replace

    def cut(place: Path, content: bytes) -> None:
        if place.name == "timestamp.json":
            raise KeyboardInterrupt
        whole(place, content)

    (data / FOLDER / "stick-cut").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(updates, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            bring(second, data, publisher.pinned)
    assert taken(publisher, data, tmp_path / "slots") == ("v1", "m1")
    bring(second, data, publisher.pinned)  # the same stick, once more
    assert not list((data / FOLDER).glob("stick-*"))
    assert taken(publisher, data, tmp_path / "slots") == ("v2", "m1")


def test_a_new_root_on_the_stick_is_followed_and_handed_on(publisher: Publisher, data: Path, tmp_path: Path) -> None:
    first = publisher.pinned
    publisher.release("v1")
    (publisher.repository / "metadata/2.root.json").write_bytes(sign_root(publisher.keys, 2, ("root-2", "root-3")))
    bring(stick(publisher, "v2"), data, first)
    assert {"1.root.json", "2.root.json"} <= set(offered(data))
    assert taken(publisher, data, tmp_path / "slots") == ("v2", "m1")


@pytest.mark.parametrize(("missing", "error"), [("root", ConfigError), ("data", StoreError), ("release", ConfigError)])
def test_what_is_not_there_is_named(
    publisher: Publisher, data: Path, missing: str, error: type[Exception], tmp_path: Path
) -> None:
    release, nowhere = stick(publisher, "v1"), tmp_path / "nowhere"
    places = {"release": release, "data": data, "root": publisher.pinned, missing: nowhere}
    with pytest.raises(error, match="nowhere"):
        bring(places["release"], places["data"], places["root"])


def test_only_names_of_a_release_are_answered_and_only_plain_files(publisher: Publisher, data: Path) -> None:
    app = FastAPI()
    app.include_router(routes(data / FOLDER))
    client = TestClient(app)
    assert client.get("/updates/metadata/timestamp.json").status_code == 404
    bring(stick(publisher, "v1"), data, publisher.pinned)
    for name, content in offered(data).items():
        kind = "targets" if name.endswith(".tar") else "metadata"
        assert client.get(f"/updates/{kind}/{name}").content == content
    (data / FOLDER / "metadata/9.root.json").symlink_to("/etc/passwd")
    (data / FOLDER / "metadata/notes.txt").write_text("x")
    for path in (
        "metadata/9.root.json",
        "metadata/notes.txt",
        "metadata/..%2ftrusted%2froot.json",
        "trusted/root.json",
    ):
        assert client.get(f"/updates/{path}").status_code == 404


def test_the_ceremony_and_the_import_are_commands(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, wheels, release = tmp_path / "keys", tmp_path / "software", tmp_path / "release.tar"
    wheels.mkdir()
    (wheels / "part-0").write_text("v1 0\n")
    assert ceremony(["make", str(keys)]) == 0
    assert {path.stat().st_mode & 0o777 for path in keys.glob("*.pem")} == {0o600}
    assert ceremony(["make", str(keys)]) == 1  # never over keys that are there
    signed = ["release", str(keys), str(tmp_path / "repository"), "--software", str(wheels), "--out", str(release)]
    assert ceremony(signed) == 0
    brought = ["updates", "import", str(release), "--data", str(data), "--root", str(keys / "1.root.json")]
    assert main(brought) == 0
    assert main([*brought[:-1], str(tmp_path / "nowhere")]) != 0
    said = capsys.readouterr()
    assert "DEVELOPMENT KEYS, unprotected" in said.out
    assert "Verified and offered to the nodes: software.tar" in said.out
    assert "root of trust" in said.err
