"""An event of an older schema version, as an older release has stored it, beside what is written today."""

import msgspec
import pytest

from tests.support.poison import insert_event, then_rows_are_the_fold
from tests.support.rest import Rest, as_json, path, then_problem
from tests.support.server import RunningServer
from tests.support.waiting import until


def feedback_of_version_1(message_id: str, rating: int) -> bytes:
    """The bytes of then."""
    origin = {
        "command_id": "01980000-0000-7000-8000-000000000c10",
        "occurred_at": "2026-07-01T12:00:00.250000Z",
        "actor": {},
        "digest": "9f86d081884c7d65",
    }
    data = {"type": "feedback_recorded", "message_id": message_id, "rating": rating}
    return msgspec.json.encode({"event_id": "01980000-0000-7000-8000-000000000e10", "origin": origin, "data": data})


@pytest.mark.parametrize(("rating", "scale"), [(-1, "thumbs"), (4, "stars"), (1, None)])
async def test_what_an_older_release_stored_is_read_in_the_words_of_today(
    server: RunningServer, rest: Rest, rating: int, scale: str | None
) -> None:
    # given a rating that was stored when nobody said on which scale
    conversation_id = await rest.given_conversation()
    message = (await rest.given_message(conversation_id, content="Hello.", record_only=True))["message"]
    insert_event(server.dsn, conversation_id, 3, "feedback_recorded.v1", feedback_of_version_1(message["id"], rating))
    # when another is given today
    given = await rest.client.post(
        path(conversation_id, f"/messages/{message['id']}/feedback"), json={"rating": 1, "scale": "stars"}
    )
    # then both are read alike, each from the version it was written in
    assert as_json(given)["version"] == 4
    listed = await rest.get(path(conversation_id, "/events"), after=2)
    assert [(event["schema_version"], event["data"].get("scale")) for event in listed["data"]] == [
        (1, scale),
        (2, "stars"),
    ]
    # and the rows are the fold of them
    position = as_json(given)["position"]
    await until(lambda: server.parts.projection.status().position >= position, 10)
    await then_rows_are_the_fold(server.parts.store, server.parts.read_models, conversation_id)


async def test_a_rating_that_its_scale_does_not_have_is_refused(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    message = (await rest.given_message(conversation_id, content="Hello.", record_only=True))["message"]
    feedback = path(conversation_id, f"/messages/{message['id']}/feedback")

    problem = then_problem(
        await rest.client.post(feedback, json={"rating": 4, "scale": "thumbs"}), 400, "invalid_command", "rating"
    )

    assert "from -1 to 1 on the scale thumbs" in problem["detail"]
    then_problem(
        await rest.command(conversation_id, "record_feedback", message_id=message["id"], rating=0, scale="stars"),
        400,
        "invalid_command",
        "payload.rating",
    )
