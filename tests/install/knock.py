"""Runs on the installed node, with the node's own Python: knocks at the installed hub's pages and broker.

Says one JSON object. It is fed to ``python -c``, so it imports nothing of the checks.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import sys
import time
import urllib.parse
from pathlib import Path

HOST = "attune.local"
TLS = Path("/var/lib/attune/tls")
WAIT_S = 60.0
PATIENCE_S = 8.0


def fetched_ca() -> str:
    """As a tablet gets it: from the hub, unchecked, to be compared with what the hub's own machine says."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    link = http.client.HTTPSConnection(HOST, timeout=WAIT_S, context=unchecked)
    link.request("GET", "/attune-ca.crt")
    return link.getresponse().read().decode()


def page(ca: str, key: str, path: str) -> tuple[int, str]:
    """A page behind a door, over HTTPS that is checked against the hub's authority."""
    link = http.client.HTTPSConnection(HOST, timeout=WAIT_S, context=ssl.create_default_context(cadata=ca))
    form = urllib.parse.urlencode({"key": key})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{HOST}"}
    link.request("POST", "/enter", form, headers)
    answer = link.getresponse()
    answer.read()
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    link.request("GET", path, headers={"Cookie": cookie})
    answer = link.getresponse()
    return answer.status, answer.read().decode()


def answers(port: int) -> bool:
    """Whether anybody takes connections there."""
    try:
        socket.create_connection((HOST, port), timeout=3).close()
    except OSError:
        return False
    return True


def drop_by_drop(ca: str) -> float:
    """After how many seconds a request that never ends is cut off."""
    context = ssl.create_default_context(cadata=ca)
    with (
        socket.create_connection((HOST, 443), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as link,
    ):
        began = time.monotonic()
        link.send(b"GET / HTTP/1.1\r\nHost: attune.local\r\nX: ")
        with contextlib.suppress(OSError):
            link.recv(1)
        return time.monotonic() - began


def broker(own: bool, tls: bool = True, topic: str = "", hears: str = "") -> dict[str, bool]:
    """Whether the broker lets somebody in, and what it then lets through."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    said = {"in": False, "heard": False}
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="knock")
    if tls:
        context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
        if own:
            context.load_cert_chain(TLS / "node.pem")
        client.tls_set_context(context)
    client.on_connect = lambda _, __, ___, reason, ____: said.update({"in": not reason.is_failure})
    client.on_message = lambda *_: said.update(heard=True)
    try:
        client.connect(HOST, 8883)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and not (said["heard"] or (said["in"] and not hears)):
            if client.loop(timeout=0.2) != mqtt.MQTT_ERR_SUCCESS:
                break
            if said["in"] and hears:
                client.subscribe(hears, 1)
                client.publish(topic, b"{}", qos=1)
    except (OSError, ValueError):
        said["in"] = False
    return said


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "page":
        told: object = page(fetched_ca(), *words)
    elif what == "ca":
        told = fetched_ca()
    elif what == "ports":
        told = {str(port): answers(port) for port in (80, 443, 1883, 2019, 8080, 8883)}
    elif what == "slow":
        told = drop_by_drop(fetched_ca())
    else:
        told = broker(
            own=words[0] == "own", tls=words[1] == "tls", topic="".join(words[2:3]), hears="".join(words[3:4])
        )
    print(json.dumps(told))
