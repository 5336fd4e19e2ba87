"""The reference says what is there: every route, every field, every refusal; and it is read with the network off."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute

from app.http.application import ROUTES, create_application
from app.http.openapi.document import document
from app.http.openapi.operation import OPTION, Operation
from app.problems import KIND_OF_CODE
from domain.conversation.commands import COMMAND_TYPES, name_of
from tests.support.rest import Rest
from tests.support.server import RunningServer

WRITTEN = msgspec.json.decode(msgspec.json.encode(document(ROUTES)))
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, item in WRITTEN["paths"].items()
    for method, operation in item.items()
}
OF_THE_REFERENCE_ITSELF = {"/openapi.json", "/docs", "/docs/assets/{name}", "/asyncapi.json", "/docs/websocket"}


def all_dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON value."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from all_dicts(child)


async def test_it_is_served(rest: Rest) -> None:
    response = await rest.client.get("/openapi.json")

    assert response.headers["content-type"] == "application/vnd.oai.openapi+json"
    assert response.json() == WRITTEN


async def test_every_route_is_described(server: RunningServer) -> None:
    application = create_application(server.parts.service, event_streams=server.parts.event_streams)

    there = {
        f"{method} {re.sub(r':[a-z]+}', '}', route.path)}"
        for route in application.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS"
    }
    assert {name for name in there if name.split()[1] not in OF_THE_REFERENCE_ITSELF} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_what_it_does(name: str) -> None:
    operation = OPERATIONS[name]

    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert "500" in operation["responses"]
    assert any(status.startswith("2") for status in operation["responses"])
    for parameter in operation.get("parameters", ()):
        assert parameter["schema"]
    if "requestBody" in operation:
        assert operation["requestBody"]["content"]["application/json"]["examples"]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    references = {found["$ref"] for found in all_dicts(WRITTEN) if "$ref" in found}

    names = {reference.removeprefix("#/components/schemas/") for reference in references}
    assert names <= set(WRITTEN["components"]["schemas"])


@pytest.mark.parametrize("handler", ROUTES, ids=lambda handler: handler.handler_name)
def test_all_but_original_bodies_refuse_unknown_fields_and_examples_are_bodies(handler: Any) -> None:
    operation: Operation = handler.opt[OPTION]
    if operation.body is None:
        return

    schema = WRITTEN["components"]["schemas"][operation.body.__name__]
    assert schema.get("additionalProperties", True) is (operation.tag == "Original clients")
    for example in operation.examples.values():
        msgspec.json.decode(msgspec.json.encode(example), type=operation.body)


def test_every_command_is_described() -> None:
    schemas = WRITTEN["components"]["schemas"]

    assert schemas["CommandBody"]["properties"]["name"]["enum"] == [name_of(command) for command in COMMAND_TYPES]
    for command in COMMAND_TYPES:
        assert set(schemas[command.__name__]["properties"]) == set(command.__struct_fields__)
        assert schemas[command.__name__]["additionalProperties"] is False


def test_every_problem_that_is_promised_is_in_the_table() -> None:
    for handler in ROUTES:
        operation: Operation = handler.opt[OPTION]
        assert set(operation.problems) <= set(KIND_OF_CODE), operation.summary


async def test_the_page_needs_nothing_from_outside(rest: Rest) -> None:
    page = await rest.client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    resources = re.findall(r'(?:src|href)="([^"]*)"', page.text)

    for resource in resources:
        assert resource.startswith(("/docs/", "data:")), resource
    for asset in (resource for resource in resources if resource.startswith("/")):
        response = await rest.client.get(asset)
        assert response.status_code == 200
        assert response.content
        assert "url(http" not in response.text
    assert "://" not in (await rest.client.get("/docs/assets/docs.js")).text
