"""The API, written down for others: its OpenAPI, and ``docs/api.md`` made of it.

    python -m hub.connect.apidoc --out docs

Left out: nothing is decided here. What is answered is said in `hub.connect.api`, what is told in
`hub.connect.happened`, and the text around both stands in ``api_text.md``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast

from fastapi.openapi.utils import get_openapi
from prometheus_client.core import Metric

from hub.connect import api, metrics, sales_in
from hub.connect.happened import Nudge
from hub.experiment_desk import FakeExperiment
from hub.fakes import FakeShop

TEXT: Final = Path(__file__).with_name("api_text.md")
_ABOUT: Final = (
    "What other programs may read of a shop's hub, and tell it: sales by the hour. Nothing in it is about a person."
)
Schema = dict[str, Any]


def openapi() -> Schema:
    """The OpenAPI 3.1 document of ``/api/v1``."""
    routes = [
        *api.routes(FakeShop(), lambda: 0.0).routes,
        *sales_in.routes(FakeExperiment(), lambda: 0.0).routes,
    ]
    document = get_openapi(title="Attune hub", version=version("attune"), description=_ABOUT, routes=routes)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # said as 400
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key of the owner's."}
    }
    return document


def files() -> dict[str, str]:
    """Every file of the description, by name."""
    document = openapi()
    text = TEXT.read_text(encoding="utf-8")
    for mark, lines in (
        ("routes", _routes(document)),
        ("models", _models(document["components"]["schemas"])),
        ("nudge", _fields(Nudge.model_json_schema())),
        ("metrics", _metrics()),
    ):
        text = text.replace(f"<!-- {mark} -->", "\n".join(lines).strip())
    return {"api.md": text, "api.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"}


def _routes(document: Schema) -> Iterator[str]:
    yield "| address | scope | answers | parameters |"
    yield "|---|---|---|---|"
    for path, operations in document["paths"].items():
        ((method, operation),) = operations.items()
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        given = ", ".join(f"`{one['name']}`" for one in operation.get("parameters", ())) or "—"
        if "requestBody" in operation:
            given = _kind(operation["requestBody"]["content"]["application/json"]["schema"])
        says = f"{operation['description']} → {_kind(answer)}"
        yield f"| `{method.upper()} {path}` | `{operation['x-scope']}` | {says} | {given} |"


def _models(schemas: Schema) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f"\n### {name}\n"
        yield " ".join(schema.get("description", "").split())
        yield ""
        yield from _fields(schema)


def _fields(schema: Schema) -> Iterator[str]:
    yield "| field | is | |"
    yield "|---|---|---|"
    required = set(schema.get("required", ()))
    for name, part in schema["properties"].items():
        maybe = "" if name in required or "const" in part else "may be absent"
        words = part.get("description", "")
        yield f"| `{name}` | {_kind(part)} | {'; '.join(filter(None, (words, maybe)))} |"


def _kind(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if schema.get("format") == "date-time":
        return "time, ISO 8601 in UTC, whole seconds"
    return cast(str, schema["type"])


def _metrics() -> Iterator[str]:
    yield "| metric | labels | |"
    yield "|---|---|---|"
    for metric in metrics.described():
        labels = ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ())) or "—"
        yield f"| `{_exposed(metric)}` | {labels} | {metric.documentation} |"


def _exposed(metric: Metric) -> str:
    return metric.name + ("_total" if metric.type == "counter" else "")


def main(arguments: list[str] | None = None) -> None:
    """The command ``python -m hub.connect.apidoc``."""
    parser = argparse.ArgumentParser(prog="python -m hub.connect.apidoc", description="Write the API's description.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
