"""What a node says of its own version, and of an update that did not go well."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from contract.errors import UnreachedError, UpdateError
from edge.update import flow
from edge.update.slots import Slots
from edge.update.told import DIGITS, TOLD, Running
from tests.edge.test_update import hub as hub
from tests.edge.test_update import publisher as publisher
from tests.edge.test_update import slots as slots
from tests.edge.updating import FakeWays, Publisher, Serving, update

VERSION = metadata.version("attune")


def running(slots: Slots) -> Running:
    """The program that runs from the current slot."""
    return Running.of(slots.folder / "current" / "venv")


def test_what_runs_from_a_slot_is_named_by_its_release(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    before = running(slots)
    assert before.version == f"{VERSION}+{slots.installed()['software'][:DIGITS]}"
    assert (before.slots, before.update()) == (slots.folder, None)
    publisher.release("v2")
    update(slots, hub, publisher)
    assert running(slots).version not in (None, before.version)


def test_what_was_installed_otherwise_says_its_version_alone(tmp_path: Path) -> None:
    assert Running.of(tmp_path / "venv") == Running(VERSION)
    assert Running.of(tmp_path / "venv").told() == {"version": VERSION, "update": None}


def test_a_program_beneath_which_a_slot_was_switched_is_still_what_it_was(
    slots: Slots, hub: Serving, publisher: Publisher
) -> None:
    old = running(slots)
    publisher.release("v2")
    update(slots, hub, publisher, when=flow.When(keep=False))
    assert old.update() == running(slots).update() == "on_trial"
    assert old.version != running(slots).version
    update(slots, hub, publisher)
    assert running(slots).update() is None


def test_a_rolled_back_update_is_told_until_another_is_kept(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    with pytest.raises(UpdateError):
        update(slots, hub, publisher, FakeWays("no eye"))
    assert running(slots).update() == "rolled_back"
    update(slots, hub, publisher)  # the same release is offered still
    assert running(slots).update() == "rolled_back"
    publisher.release("v3")
    update(slots, hub, publisher)
    assert running(slots).update() is None


def test_what_a_start_rolled_back_is_told_too(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    update(slots, hub, publisher, when=flow.When(keep=False))
    for _ in range(flow.STARTS_MAX + 1):
        flow.settle(slots)
    assert running(slots).update() == "rolled_back"


def test_a_release_that_is_refused_is_told_until_one_is_not(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    publisher.release("v2")
    spoilt = FakeWays()
    spoilt.spoilt = "The release cannot install its wheels"
    with pytest.raises(UpdateError):
        update(slots, hub, publisher, spoilt)
    assert running(slots).update() == "failed"
    update(slots, hub, publisher)
    assert running(slots).update() is None


def test_a_hub_that_is_off_is_no_failed_update(slots: Slots, publisher: Publisher) -> None:
    with pytest.raises(UnreachedError):
        update(slots, Serving(slots.folder, url="http://127.0.0.1:9"), publisher)
    assert running(slots).update() is None


def test_nothing_is_written_where_there_is_no_news(slots: Slots, hub: Serving, publisher: Publisher) -> None:
    place = slots.folder / TOLD
    before = place.stat()
    update(slots, hub, publisher)
    assert place.stat() == before


def test_damaged_files_are_no_word(slots: Slots) -> None:
    (slots.folder / TOLD).write_text("[")
    (slots.path("a") / "slot.json").write_text("[1]")
    assert running(slots).told() == {"version": VERSION, "update": None}
