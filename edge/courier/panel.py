"""What stands on the outside of a node: a switch that stops it, and a light that shows when it senses.

Rules:
- It senses only while the switch is closed: a wire that broke stops it.
- The light tells what the eye does, and not what it was told to do.
- Whoever turns the switch needs no network, no hub and no disk.

Left out: what follows from the switch (`edge.courier.pause`).
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from contract.errors import ConfigError
from edge.config import PanelPart


class Panel(Protocol):
    """``woken`` becomes readable when the switch was turned."""

    woken: socket.socket

    def closed(self) -> bool:
        """Whether the switch lets the node sense; True where there is no switch."""

    def light(self, *, on: bool) -> None:
        """Shows whether the node senses."""


def _pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def heard(panel: Panel) -> None:
    """Takes the nudges of the switch off its socket."""
    with suppress(BlockingIOError):
        while panel.woken.recv(64):
            pass


@dataclass(slots=True)
class NoPanel:
    """A node without switch and light; and, in tests, one whose switch is turned by `turn`."""

    lit: bool = False
    _closed: bool = True
    woken: socket.socket = field(init=False)
    _wake: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.woken, self._wake = _pair()

    def closed(self) -> bool:
        return self._closed

    def light(self, *, on: bool) -> None:
        self.lit = on

    def turn(self, *, closed: bool) -> None:
        """Somebody turns the switch."""
        self._closed = closed
        self._wake.send(b"!")


class GpioPanel:
    """Switch and light on the pins of a Raspberry Pi, through gpiozero: pins by their BCM numbers.

    The switch connects its pin to ground; the pin is pulled up, so that an open wire reads as open.

    Raises: ConfigError when gpiozero has no pins here, or a pin is in use.
    """

    def __init__(self, switch_pin: int | None, light_pin: int | None) -> None:
        self.woken, self._wake = _pair()
        try:
            from gpiozero import LED, Button
            from gpiozero.exc import GPIOZeroError
        except ImportError as error:
            raise ConfigError(f"[panel] names pins, and gpiozero is not installed ({error}): install it.") from error
        try:
            self._switch = None if switch_pin is None else Button(switch_pin, pull_up=True, bounce_time=0.02)
            self._light = None if light_pin is None else LED(light_pin, initial_value=False)
        except (GPIOZeroError, OSError) as error:
            raise ConfigError(
                f"The pins under [panel] cannot be used ({error}): mend them; the courier's user must be in group gpio."
            ) from error
        if self._switch is not None:
            self._switch.when_pressed = self._switch.when_released = self._turned

    def closed(self) -> bool:
        return self._switch is None or bool(self._switch.is_pressed)

    def light(self, *, on: bool) -> None:
        if self._light is not None and bool(self._light.is_lit) != on:
            self._light.value = on

    def _turned(self) -> None:
        with suppress(BlockingIOError):
            self._wake.send(b"!")


def open_panel(part: PanelPart) -> Panel:
    """The panel that a config names."""
    if part.switch_pin is None and part.light_pin is None:
        return NoPanel()
    return GpioPanel(part.switch_pin, part.light_pin)
