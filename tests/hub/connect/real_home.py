"""The real Home Assistant, for a Python in which it is installed: its MQTT integration and nothing more of a house.

    PYTHON real_home.py schema < configs.json   # its own schemas over {topic: config}
    PYTHON real_home.py live PORT               # its entities at a broker, a line of JSON after every change

Source: Home Assistant's own start (``homeassistant.bootstrap``), of which this is the least that MQTT needs.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def schema() -> None:
    """Prints which configs Home Assistant took; ends with an error for one that it refuses or takes in part."""
    from homeassistant.components.mqtt.discovery import TOPIC_MATCHER  # type: ignore[import-not-found]

    taken = []
    for topic, config in json.load(sys.stdin).items():
        found = TOPIC_MATCHER.fullmatch(topic.split("/", 1)[1])
        assert found, f"Home Assistant does not look at {topic}"
        component = importlib.import_module(f"homeassistant.components.mqtt.{found['component']}")
        became = component.DISCOVERY_SCHEMA({"platform": "mqtt", **config})
        lost = [key for key in config if key not in became]  # it drops what it does not know
        assert not lost, f"Home Assistant knows no {lost} of {topic}"
        taken.append(topic)
    print(json.dumps(taken))


async def live(port: int) -> None:
    """Runs until it is killed."""
    from homeassistant import bootstrap, loader  # type: ignore[import-not-found]
    from homeassistant.config_entries import ConfigEntries, ConfigEntry  # type: ignore[import-not-found]
    from homeassistant.core import CoreState, HomeAssistant, callback  # type: ignore[import-not-found]
    from homeassistant.helpers import device_registry  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "configuration.yaml").write_text("")
        home = HomeAssistant(folder)
        home.config.skip_pip = True
        home.config_entries = ConfigEntries(home, {})
        loader.async_setup(home)
        await bootstrap.async_load_base_functionality(home)
        for unneeded in ("http", "file_upload"):
            home.config.components.add(unneeded)
        home.set_state(CoreState.running)

        @callback  # type: ignore[untyped-decorator]
        def tell(_: Any = None) -> None:
            devices = device_registry.async_get(home).devices.values()
            states = {state.entity_id: state.state for state in home.states.async_all()}
            print(json.dumps({"devices": sorted(str(one.name) for one in devices), "states": states}), flush=True)

        home.bus.async_listen("state_changed", tell)
        entry = ConfigEntry(
            data={"broker": "127.0.0.1", "port": port},
            discovery_keys={},
            domain="mqtt",
            minor_version=2,
            options={},
            source="user",
            subentries_data=(),
            title="mqtt",
            unique_id=None,
            version=1,
        )
        await home.config_entries.async_add(entry)
        tell()
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "schema":
        schema()
    else:
        asyncio.run(live(int(sys.argv[2])))
