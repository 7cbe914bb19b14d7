from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import ConfigError
from hub import config
from hub.config import HubConfig, load
from hub.nudge_types import Quiet


def write(folder: Path, text: str) -> Path:
    (folder / config.FILE).write_text(text)
    return folder


def test_a_shop_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == HubConfig()
    rules = load(tmp_path).rules()
    assert (rules.hand_over_s, rules.expires_s) == (45.0, 120.0)


def test_every_key_is_taken(tmp_path: Path) -> None:
    text = """
        store = "north"
        shop_name = "Clay & Co"
        contact = "privacy@clay.example"
        hosts = ["hub.clay.example"]
        timezone = "Europe/Berlin"
        [nudges]
        level_from = 2
        per_hour = 6
        quiet = [{ from = "22:00", to = "06:30" }]
        zones = [{ node = "aisle", zone = 1, level_from = 3 }]
        [keep]
        events_days = 30
        """
    shop = load(write(tmp_path, text))
    rules = shop.rules()
    assert (shop.store, shop.shop_name, shop.keep.events_days) == ("north", "Clay & Co", 30)
    assert rules.quiet == (Quiet(22 * 60, 6 * 60 + 30),)
    assert rules.zone_level_from == {("aisle", 1): 3}
    assert (rules.level_from, rules.per_hour, str(rules.timezone)) == (2, 6, "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shop_nme = 'x'", "unknown key 'shop_nme'; did you mean 'shop_name'?"),
        ("[nudges]\nper_hours = 3", "unknown key 'nudges.per_hours'; did you mean 'per_hour'?"),
        ("[nudges]\nquiet = [{ form = '22:00', to = '23:00' }]", "did you mean 'from'?"),
        ("[nudges]\nexpires_s = 5", "'nudges.expires_s' cannot be used"),
        ("[nudges]\nquiet = [{ from = '25:00', to = '23:00' }]", "'nudges.quiet.0.from' cannot be used"),
        ("timezone = 'Mars/Olympus'", "there is no time zone 'Mars/Olympus'"),
        ("store = 'Not A Name'", "'store' cannot be used"),
        ("store = ", "cannot be read as TOML"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(write(tmp_path, text))
    assert says in str(refused.value)
    assert "hub.toml" in str(refused.value)
