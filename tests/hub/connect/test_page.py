"""The owner's page of other systems, the settings in ``hub.toml``, and the commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from contract.errors import ConfigError
from hub.__main__ import main
from hub.app import create_app
from hub.auth import Doors, Role
from hub.config import HubConfig, parse
from hub.connect.channels import channels
from hub.connect.connections import Connections
from hub.connect.keys import KEYS_MAX, Keys
from hub.connect.outbox import FILE, Outbox
from hub.connect.sender import Sender
from hub.connect.settings import ConnectPart
from hub.fakes import FakeShop
from hub.views import Settings
from tests.hub.conftest import ORIGIN, Clock
from tests.hub.connect.receiver import receiver

ClientOf = Callable[[Role | None], TestClient]
SECRET = "whsec_" + "A" * 43 + "="


def test_a_key_is_shown_once_and_is_good_for_what_was_ticked(client_of: ClientOf, api_keys: Keys) -> None:
    owner = client_of("owner")
    made = owner.post("/owner/connect/keys", data={"name": "<till>", "scope": ["today", "nodes"]})
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    (key,) = re.findall(r"attune_[\w-]{43}", made.text)
    shown = owner.get("/owner/connect").text
    assert key not in shown
    assert "&lt;till&gt;" in shown
    headers = {"authorization": f"Bearer {key}", "cookie": ""}
    assert owner.get("/api/v1/today", headers=headers).status_code == 200
    assert owner.get("/api/v1/hours", headers=headers).status_code == 403
    number = api_keys.all()[0].id
    assert owner.post("/owner/connect/keys/revoke", data={"key": number}).status_code == 303
    assert api_keys.all() == ()
    assert owner.post("/owner/connect/keys/revoke", data={"key": number}).status_code == 404


@pytest.mark.parametrize("form", [{"name": "x"}, {"scope": "today"}, {"name": "  ", "scope": "today"}])
def test_a_key_for_nothing_or_nobody_is_not_made(client_of: ClientOf, api_keys: Keys, form: dict[str, Any]) -> None:
    answer = client_of("owner").post("/owner/connect/keys", data=form)
    assert answer.status_code == 400
    assert "A key needs a name" in answer.text
    assert api_keys.all() == ()


def test_a_scope_that_there_is_not_is_refused(client_of: ClientOf, api_keys: Keys) -> None:
    form = {"name": "x", "scope": "everything"}
    assert client_of("owner").post("/owner/connect/keys", data=form).status_code == 400
    assert api_keys.all() == ()


def test_keys_are_not_made_without_end(api_keys: Keys) -> None:
    for number in range(KEYS_MAX):
        api_keys.make(f"key {number}", ("today",))
    with pytest.raises(ConfigError, match="revoke one"):
        api_keys.make("one more", ("today",))


def test_a_shop_that_connects_nothing_says_so_and_starts_nothing(client_of: ClientOf, tmp_path: Path) -> None:
    text = client_of("owner").get("/owner/connect").text
    assert "Nobody. Receivers of webhooks" in text
    assert "<dd>off</dd>" in text
    assert channels(HubConfig().connect) == ()
    assert not (tmp_path / FILE).exists()
    assert client_of("owner").post("/owner/connect/test", data={"channel": "till"}).status_code == 404


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox.open(tmp_path / FILE)
    yield outbox
    outbox.close()


def test_the_owner_sends_a_test_and_reads_how_it_went_without_the_address_s_path(
    fake_shop: FakeShop, doors: Doors, api_keys: Keys, page_clock: Clock, tmp_path: Path, outbox: Outbox
) -> None:
    with receiver(204, 500) as there:
        hook = {"name": "till", "url": f"{there.url}/hook-s3cret", "secret": SECRET, "lan": True}
        part = ConnectPart.model_validate_json(f'{{"webhooks": [{json.dumps(hook)}]}}')
        sender = Sender(tmp_path / "hub.db", outbox, channels(part), fake_shop.changes, page_clock)
        app = create_app(
            reads=fake_shop,
            desk=fake_shop,
            doors=doors,
            changes=fake_shop.changes,
            settings=Settings(),
            clock=page_clock,
            connections=Connections(api_keys, part, sender),
        )
        owner = TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN, "accept": "text/html"})
        owner.post("/enter", data={"key": doors.mint("owner")})
        assert "never tried" in owner.get("/owner/connect").text
        assert "A test: It answered 204." in owner.post("/owner/connect/test", data={"channel": "till"}).text
        shown = owner.post("/owner/connect/test", data={"channel": "till"}).text
    assert "did not arrive" in shown
    assert "A test: It answered 500." in shown
    assert "s3cret" not in shown
    assert SECRET not in shown


# --- settings -------------------------------------------------------------------------------------------------------


def hooked(**more: Any) -> dict[str, Any]:
    return {"connect": {"webhooks": [{"name": "till", "url": "https://till.example/x", "secret": SECRET, **more}]}}


@pytest.mark.parametrize(
    ("url", "lan"),
    [
        ("https://till.example/x", False),
        ("https://192.168.1.4:8443/x", False),
        ("http://127.0.0.1:9000/x", True),
        ("http://[::1]:9000/x", True),
        ("http://192.168.1.4/x", True),
        ("http://till.local/x", True),
        ("http://till/x", True),
    ],
)
def test_an_address_that_may_be_sent_to_is_taken(url: str, lan: bool) -> None:
    assert parse(hooked(url=url, lan=lan), "hub.toml").connect.webhooks[0].url == url


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"url": "http://127.0.0.1:9000/x"}, "plain http is for this machine"),
        ({"url": "http://till.example/x", "lan": True}, "plain http is for this machine"),
        ({"url": "http://8.8.8.8/x", "lan": True}, "plain http is for this machine"),
        ({"url": "http://169.254.169.254/latest", "lan": True}, "plain http is for this machine"),
        ({"url": "http://0.0.0.0/x", "lan": True}, "plain http is for this machine"),
        ({"url": "ftp://till.example/x"}, "no address to send to"),
        ({"url": "https://me:pass@till.example/x"}, "without a password"),
        ({"url": "https:///x"}, "no address to send to"),
        ({"secret": "hunter2"}, "attune-hub secret prints one"),
        ({"secret": "whsec_AAAA"}, "at least 24 random bytes"),
        ({"name": "ntfy"}, "none is called ntfy"),
        ({"events": ["opened", "sold"]}, "events"),
        ({"sekret": "x"}, "did you mean 'secret'"),
    ],
)
def test_what_may_not_be_sent_to_is_refused_in_a_sentence(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(hooked(**more), "hub.toml")
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_everything_is_off_by_default() -> None:
    part = HubConfig().connect
    assert part.webhooks == ()
    assert part.ntfy is None
    assert not part.metrics.loopback
    assert not part.home_assistant.enabled


def test_whom_the_owner_connected_stands_in_the_papers_by_host_alone() -> None:
    body = hooked(url="https://till.example/s3cret")
    body["connect"] |= {"ntfy": {"url": "https://ntfy.example/topic"}, "home_assistant": {"enabled": True}}
    assert HubConfig().settings().recipients == ()
    assert parse(body, "hub.toml").settings().recipients == (
        "webhook till at till.example",
        "phones by ntfy at ntfy.example",
        "Home Assistant, over the shop's broker",
    )


# --- commands -------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


def test_a_key_is_made_listed_and_revoked_at_the_command_line(hub: Callable[..., Any], tmp_path: Path) -> None:
    _, key, _ = hub("key", "make", "till", "--scope", "today", "--scope", "metrics", "--data", tmp_path)
    assert re.fullmatch(r"attune_[\w-]{43}\n", key)
    _, line, _ = hub("key", "list", "--data", tmp_path)
    assert line.endswith("today+metrics  till\n")
    assert key.strip() not in line
    number = line.split()[0]
    assert hub("key", "revoke", number, "--data", tmp_path)[0] == 0
    code, said, wrong = hub("key", "revoke", number, "--data", tmp_path)
    assert (code, said) == (1, "")
    assert "attune-hub key list says which there are" in wrong


def test_a_key_for_a_hub_that_never_was_is_refused(hub: Callable[..., Any], tmp_path: Path) -> None:
    assert "There is no folder" in hub("key", "list", "--data", tmp_path / "none")[2]


def test_a_secret_from_the_command_line_is_one_that_settings_take(hub: Callable[..., Any]) -> None:
    _, secret, _ = hub("secret")
    assert parse(hooked(secret=secret.strip()), "hub.toml").connect.webhooks[0].secret == secret.strip()
    assert secret != hub("secret")[1]
