"""Start, get, end, metadata: what a caller gets who does everything right."""

from tests.support.rest import CONVERSATIONS, NOBODYS_ID, Rest, as_json, is_uuid7, key, new_id, path, then_problem

FIELDS = {
    "user_id": "user-1",
    "agent": "concierge",
    "channel": "voice",
    "language": "de-AT",
    "metadata": {"plan": "gold"},
    "policies": {"on_busy": "interrupt", "on_disconnect": "keep", "idle_timeout_s": 60, "max_duration_s": 600},
}


async def test_start(rest: Rest) -> None:
    response = await rest.client.post(CONVERSATIONS, json=FIELDS)

    answer = as_json(response)
    conversation = answer["conversation"]
    assert response.status_code == 201
    assert response.headers["location"] == path(conversation["id"])
    assert response.headers["etag"] == '"1"'
    assert "idempotent-replayed" not in response.headers
    assert set(answer) == {"conversation", "version", "position"}
    assert answer["version"] == conversation["version"] == 1
    assert is_uuid7(conversation["id"])
    assert {name: conversation[name] for name in FIELDS} == FIELDS
    assert (conversation["state"], conversation["status"], conversation["turn"]) == ("IDLE", "IDLE", 0)
    assert conversation["session_id"] == conversation["id"]
    assert conversation["is_active"] is True
    assert "start_listening" in conversation["allowed"]
    assert conversation["fault"] is None
    assert conversation["started_at"].endswith("Z")


async def test_start_without_a_body(rest: Rest) -> None:
    response = await rest.client.post(CONVERSATIONS)

    assert response.status_code == 201
    assert response.json()["conversation"]["user_id"] is None


async def test_start_with_an_own_id_that_is_then_taken(rest: Rest) -> None:
    own_id = new_id()

    first = await rest.client.post(CONVERSATIONS, json={"id": own_id})
    second = await rest.client.post(CONVERSATIONS, json={"id": own_id})

    assert first.json()["conversation"]["id"] == own_id
    problem = then_problem(second, 409, "already_exists")
    assert (problem["state"], problem["version"]) == ("IDLE", 1)


async def test_start_within_another(rest: Rest) -> None:
    parent_id = await rest.given_conversation()

    child_id = await rest.given_conversation(parent_id=parent_id)

    assert (await rest.conversation(child_id))["parent_id"] == parent_id


async def test_get_is_what_the_write_answered(rest: Rest) -> None:
    started = await rest.client.post(CONVERSATIONS, json=FIELDS)

    conversation = await rest.conversation(started.json()["conversation"]["id"])

    assert conversation == started.json()["conversation"]


async def test_get_of_nothing(rest: Rest) -> None:
    then_problem(await rest.client.get(path(NOBODYS_ID)), 404, "not_found")


async def test_an_id_in_capitals_is_the_same_id(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    assert (await rest.conversation(conversation_id.upper()))["id"] == conversation_id


async def test_end(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    response = await rest.client.put(
        path(conversation_id, "/end"), json={"ended_reason": "agent_ended", "detail": "all said"}
    )

    conversation = response.json()["conversation"]
    assert response.status_code == 200
    assert (conversation["state"], conversation["ended_reason"]) == ("ENDED", "agent_ended")
    assert conversation["is_active"] is False
    assert conversation["duration_seconds"] >= 0


async def test_end_again_is_the_same_answer(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    first = await rest.client.put(path(conversation_id, "/end"), headers=key())

    second = await rest.client.put(path(conversation_id, "/end"), headers=key())

    assert second.content == first.content
    assert await rest.event_types(conversation_id) == ["conversation_started", "conversation_ended"]


async def test_end_in_the_middle_of_an_answer_closes_the_turn(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    await rest.client.put(path(conversation_id, "/end"))

    assert (await rest.event_types(conversation_id))[-2:] == ["response_interrupted", "conversation_ended"]


async def test_metadata_is_merged_and_null_takes_away(rest: Rest) -> None:
    conversation_id = await rest.given_conversation(metadata={"plan": "gold", "trial": "yes"})

    response = await rest.client.patch(path(conversation_id), json={"metadata": {"trial": None, "region": "eu"}})

    assert response.status_code == 200
    assert response.json()["conversation"]["metadata"] == {"plan": "gold", "region": "eu"}
    assert response.headers["etag"] == '"2"'


async def test_metadata_of_what_has_ended(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    await rest.client.put(path(conversation_id, "/end"))

    response = await rest.client.patch(path(conversation_id), json={"metadata": {"plan": "gold"}})

    problem = then_problem(response, 409, "invalid_transition")
    assert (problem["state"], problem["version"]) == ("ENDED", 2)
    assert "change_metadata" not in problem["allowed"]


async def test_the_client_that_acts_stands_in_the_history(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    await rest.command(conversation_id, "start_listening", headers={"Turnlog-Client-Id": "tab-2"})

    events = await rest.get(path(conversation_id, "/events"))

    assert [event["actor"]["client_id"] for event in events["data"]] == [None, "tab-2"]
