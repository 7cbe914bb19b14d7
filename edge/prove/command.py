"""The command ``attune-edge prove``: options in, a report out."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from contract.errors import AttuneError, StoreError
from edge.config import NodeConfig
from edge.prove.report import Report, hand_over, signed
from edge.prove.run import prove


def run_prove(config: NodeConfig, options: argparse.Namespace) -> int:
    """``attune-edge prove``: 0 where all was proved, else 1.

    Raises: CameraError, ModelError or LinkError when it cannot be run; StoreError when ``--out`` cannot be written.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))  # so that what was started is ended
    report = prove(config, options.config, options.footage)
    body, why_not = _kept(report, config)
    if options.out:
        try:
            options.out.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"The report {options.out} cannot be written ({error.strerror}): choose another."
            ) from None
    sys.stdout.write(json.dumps(body, indent=2, ensure_ascii=False) + "\n" if options.json else table(report, why_not))
    return 0 if report.result == "passed" else 1


def _kept(report: Report, config: NodeConfig) -> tuple[dict[str, Any], str]:
    """The report with its signature, handed to the courier; and why not, where that could not be."""
    folder: Path = config.outbox.folder
    try:
        note = signed(report, folder)
        hand_over(note, folder)
    except AttuneError as error:
        return {"report": report.as_json(), "signed": None}, f"It is not in the ledger: {error}"
    return {"report": report.as_json(), "signed": note}, ""


def table(report: Report, why_not: str) -> str:
    """The report for a terminal."""
    lines = [report.sentence(), ""]
    for place in (report.shown, *report.places, *(report.planted)):
        planted = "planted in " if place in report.planted else ""
        said = place.why_not or f"{place.bytes / 2**20:8.1f} MB  {place.total} hits"
        lines.append(f"  {planted + place.place:<50} {said}")
    trace, channel = report.trace, report.channel
    if trace.how == "strace":
        lines.append(
            f"  system calls of the eye over {trace.seconds:.0f} s: {trace.opened_for_writing} files opened to write,"
            f" {trace.bytes_to_files} bytes to files, {trace.made} made, {trace.network} network ({trace.calls} seen)"
        )
    else:
        lines.append(f"  no strace here: the walls refuse {trace.refused} of {trace.calls} forbidden acts")
    lines += [
        f"  {kind.kind}: {kind.per_minute} a minute, {kind.bit_s} bit/s, {kind.entropy_bits} bits told"
        for kind in channel.kinds
    ]
    lines.append(
        f"  the eye in all: {channel.bit_s} of 256 bit/s; busiest kind and zone {channel.busiest_bit_s} of 25.6"
    )
    lines.append(f"  took {report.took_s:.0f} s. {why_not or 'Signed; the courier takes it into the ledger.'}")
    return "\n".join(lines) + "\n"
