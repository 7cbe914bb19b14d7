from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import schema, wire
from contract.errors import WireError
from contract.events import KINDS, Kind
from contract.wire import Topic
from tests.contract.events import EVENTS, NODE, STORE

DOCS = Path(__file__).parents[2] / "docs" / "protocol"


def validator(kind: Kind) -> Any:
    described = json.loads(schema.files()[f"{kind}.schema.json"])
    jsonschema.Draft202012Validator.check_schema(described)
    return jsonschema.Draft202012Validator(described)


VALIDATORS = {kind: validator(kind) for kind in KINDS}


def test_the_description_in_the_docs_is_the_one_that_the_code_gives(tmp_path: Path) -> None:
    schema.main(["--out", str(tmp_path)])
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in DOCS.iterdir() if path.suffix == ".json"}
    assert written == kept, "run: python -m contract.schema --out docs/protocol"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_the_schema_takes_every_event(kind: Kind, data: st.DataObject) -> None:
    VALIDATORS[kind].validate(json.loads(wire.encode(data.draw(EVENTS[kind]))))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_the_schema_refuses_a_field_more_and_a_field_less_as_the_code_does(kind: Kind, data: st.DataObject) -> None:
    body = json.loads(wire.encode(data.draw(EVENTS[kind])))
    topic = str(Topic(store=STORE, node=NODE, kind=kind))
    assert not VALIDATORS[kind].is_valid(body | {"face": 1})
    del body[data.draw(st.sampled_from(sorted(body)))]
    try:
        wire.decode(topic, json.dumps(body).encode())
    except WireError:
        assert not VALIDATORS[kind].is_valid(body)
    else:
        VALIDATORS[kind].validate(body)


def test_every_kind_is_a_channel_and_an_operation_with_its_direction_and_quality() -> None:
    document = schema.asyncapi()
    assert tuple(document["channels"]) == tuple(document["operations"]) == KINDS
    for kind in KINDS:
        operation = document["operations"][kind]
        assert operation["action"] == ("receive" if kind in wire.FROM_HUB else "send")
        mqtt = operation["bindings"]["mqtt"]
        assert (mqtt["qos"], mqtt["retain"]) == (wire.qos(kind), kind in wire.RETAINED)
        address = document["channels"][kind]["address"].format(store=STORE, node=NODE)
        assert wire.parse_topic(address).kind == kind


def test_every_reference_leads_somewhere() -> None:
    document = schema.asyncapi()

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [value for key, value in part.items() if key == "$ref"] + [
                found for value in part.values() for found in references(value)
            ]
        return []

    for reference in references(document):
        if reference.startswith("#/"):
            part = document
            for step in reference[2:].split("/"):
                part = part[step]
        else:
            assert (DOCS / reference).is_file()
