"""Posting messages means what protocol says it means, and the list shows what was answered."""

import pytest

from tests.support.rest import NOBODYS_ID, Rest, new_id, path, then_problem

ANSWER = {"role": "assistant", "content": "At seven."}


async def test_a_user_message_begins_a_turn(rest: Rest) -> None:
    conversation_id = await rest.given_conversation(user_id="user-1")

    response = await rest.post_message(conversation_id, content="A table for two?", metadata={"lang": "en"})

    answer = response.json()
    message = answer["message"]
    assert response.status_code == 201
    assert response.headers["etag"] == '"2"'
    assert set(answer) == {"message", "conversation", "version", "position"}
    assert (message["role"], message["content"], message["turn"]) == ("user", "A table for two?", 1)
    assert (message["user_id"], message["session_id"]) == ("user-1", conversation_id)
    assert message["metadata"] == {"lang": "en"}
    assert answer["conversation"]["state"] == "PROCESSING"
    assert await rest.event_types(conversation_id) == ["conversation_started", "user_message_received"]


@pytest.mark.parametrize("role", ["assistant", "agent", "bot"])
async def test_an_assistant_message_answers_the_open_turn(rest: Rest, role: str) -> None:
    conversation_id = await rest.given_speaking()
    usage = {"input_tokens": 3, "output_tokens": 4}

    answer = await rest.given_message(conversation_id, role=role, content="At seven.", usage=usage)

    assert (answer["message"]["role"], answer["message"]["turn"]) == ("assistant", 1)
    assert answer["message"]["usage"]["output_tokens"] == 4
    assert answer["conversation"]["status"] == "WAITING_FOR_USER"
    assert (await rest.event_types(conversation_id))[-1] == "response_completed"


@pytest.mark.parametrize("role", ["assistant", "system", "developer", "tool"])
async def test_other_messages_are_recorded(rest: Rest, role: str) -> None:
    conversation_id = await rest.given_conversation()

    answer = await rest.given_message(conversation_id, role=role, content="For the record.")

    assert (answer["message"]["role"], answer["message"]["turn"]) == (role, None)
    assert answer["conversation"]["state"] == "IDLE"
    assert await rest.event_types(conversation_id) == ["conversation_started", "message_recorded"]


async def test_record_only_takes_no_turn(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    mine = await rest.given_message(conversation_id, content="Said elsewhere.", record_only=True)
    agents = await rest.given_message(conversation_id, record_only=True, **ANSWER)

    assert mine["message"]["role"] == "user"
    assert agents["conversation"]["state"] == "SPEAKING"


async def test_a_user_message_while_the_agent_has_the_turn(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    problem = then_problem(await rest.post_message(conversation_id, content="And?"), 409, "busy")

    assert (problem["state"], problem["version"]) == ("SPEAKING", 3)
    assert "complete_response" in problem["allowed"]


async def test_a_user_message_that_interrupts(rest: Rest) -> None:
    conversation_id = await rest.given_speaking(policies={"on_busy": "interrupt"})

    answer = await rest.given_message(conversation_id, content="No, for three!")

    assert (answer["message"]["content"], answer["message"]["turn"]) == ("No, for three!", 2)
    assert (await rest.event_types(conversation_id))[-2:] == ["response_interrupted", "user_message_received"]


async def test_a_user_message_that_waits_and_is_taken(rest: Rest) -> None:
    conversation_id = await rest.given_speaking(policies={"on_busy": "enqueue"})

    waiting = await rest.given_message(conversation_id, content="And outside, please.")
    answered = await rest.given_message(conversation_id, **ANSWER)
    listed = await rest.get(path(conversation_id, "/messages"), min_position=answered["position"])

    assert waiting["message"]["turn"] is None
    assert (answered["message"]["content"], answered["message"]["turn"]) == ("At seven.", 1)
    assert answered["conversation"]["turn"] == 2
    assert [(message["content"], message["turn"]) for message in listed["data"]] == [
        ("A table for two?", 1),
        ("And outside, please.", 2),
        ("At seven.", 1),
    ]


async def test_an_answer_that_went_on_after_a_false_interruption(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()
    interrupted = await rest.given_command(conversation_id, "start_listening", source="voice")
    await rest.given_command(conversation_id, "resume_speech")

    answered = await rest.given_message(conversation_id, **ANSWER)
    listed = await rest.get(path(conversation_id, "/messages"), min_position=answered["position"])

    assert answered["message"]["version"] == interrupted["version"]
    assert answered["message"]["interrupted"] is False
    assert listed["data"][-1] == answered["message"]


async def test_the_list_shows_what_was_answered(rest: Rest) -> None:
    conversation_id = await rest.given_conversation(user_id="user-1")
    posted = [await rest.given_message(conversation_id, content="A table?", audio_url="s3://a/1")]
    posted.append(await rest.given_message(conversation_id, metadata={"model": "m"}, **ANSWER))
    posted.append(await rest.given_message(conversation_id, role="tool", content="{}"))

    listed = await rest.get(path(conversation_id, "/messages"), min_position=posted[-1]["position"])

    assert listed["data"] == [answer["message"] for answer in posted]
    assert (listed["first_id"], listed["last_id"]) == (posted[0]["message"]["id"], posted[-1]["message"]["id"])
    assert listed["has_more"] is False


async def test_a_late_message_and_no_more_after_the_end_for_turns(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    await rest.client.put(path(conversation_id, "/end"))

    late = await rest.post_message(conversation_id, role="assistant", content="Goodbye.")
    refused = await rest.post_message(conversation_id, content="Hello?")

    assert late.status_code == 201
    then_problem(refused, 409, "invalid_transition")


async def test_an_own_message_id_that_is_then_taken(rest: Rest) -> None:
    conversation_id, own_id = await rest.given_conversation(), new_id()

    answer = await rest.given_message(conversation_id, role="system", content="Be brief.", message_id=own_id)
    again = await rest.post_message(conversation_id, role="system", content="Be brief.", message_id=own_id)

    assert answer["message"]["id"] == own_id
    then_problem(again, 409, "message_exists")


async def test_usage_of_a_user_message_is_refused(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    response = await rest.post_message(conversation_id, content="Hello?", usage={"input_tokens": 1})

    then_problem(response, 400, "invalid_command", "usage")


async def test_feedback(rest: Rest) -> None:
    conversation_id = await rest.given_speaking()
    message_id = (await rest.given_message(conversation_id, **ANSWER))["message"]["id"]
    url = path(conversation_id, f"/messages/{message_id}/feedback")

    response = await rest.client.post(url, json={"rating": -1, "comment": "Too late."})
    listed = await rest.get(path(conversation_id, "/messages"), min_position=response.json()["position"])

    assert response.status_code == 200
    assert set(response.json()) == {"conversation", "version", "position"}
    assert listed["data"][-1]["feedback"] == {"rating": -1, "comment": "Too late."}


async def test_messages_and_feedback_of_nothing(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    feedback = {"rating": 1}

    of_nothing = f"/messages/{NOBODYS_ID}/feedback"
    then_problem(await rest.client.post(path(conversation_id, of_nothing), json=feedback), 404, "unknown_message")
    then_problem(await rest.client.post(path(NOBODYS_ID, of_nothing), json=feedback), 404, "not_found")
    then_problem(await rest.post_message(NOBODYS_ID, content="Hello?"), 404, "not_found")
    then_problem(await rest.client.get(path(NOBODYS_ID, "/messages")), 404, "not_found")
    cursor = {"after": new_id()}
    then_problem(await rest.client.get(path(NOBODYS_ID, "/messages"), params=cursor), 404, "not_found")
