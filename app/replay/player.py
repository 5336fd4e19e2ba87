"""Plays one dialogue as a conversation, and then compares the two."""

from typing import Any, Final

import anyio

from app.client.addresses import conversation_socket_url
from app.client.losses import Stopped
from app.client.patience import ServiceAway
from app.replay.checker import Checker, differences_of
from app.replay.dialogues import Dialogue
from app.replay.options import Options
from app.replay.rest import Refused, RestClient
from app.replay.script import Script, Step, script_of
from app.replay.socket import CommandRefused, ConversationSocket
from app.replay.tally import Difference, Tally

TAIL_TIMEOUT_S: Final = 10.0
FAREWELL_TIMEOUT_S: Final = 2.0

_GIVEN_UP: Final = (Refused, CommandRefused, Stopped, TimeoutError)


class Player:
    """Plays any number of dialogues, also at once."""

    def __init__(self, rest: RestClient, tally: Tally, options: Options) -> None:
        self._rest = rest
        self._tally = tally
        self._options = options
        self._pace = options.pace

    async def play(self, dialogue: Dialogue) -> None:
        """Start, play, end, compare. Whatever goes wrong is counted as a difference; a service that stays away also
        stops the run: the next dialogue would fare no better."""
        conversation_id = None
        faults: list[str] = []
        try:
            started = await self._rest.start(_start_of(dialogue))
            conversation_id = started["conversation"]["id"]
            await self._play(script_of(dialogue), conversation_id, started["version"], faults)
        except* ServiceAway as failures:
            self._tally.is_stopped = True
            faults.extend(_sentences(failures))
        except* _GIVEN_UP as failures:
            faults.extend(_sentences(failures))
        for fault in faults:
            self._tally.differ(Difference(dialogue.dialogue_id, conversation_id, fault))
        self._tally.conversations += 1

    async def _play(self, script: Script, conversation_id: str, version: int, faults: list[str]) -> None:
        checker = Checker(version)
        url = conversation_socket_url(self._options.url, conversation_id)
        socket = ConversationSocket(url, checker, self._tally, self._options.patience_s)
        has_ended = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(socket.run)
                for step in script.steps:
                    await self._step(step, checker, socket)
                ended = await self._end(script, conversation_id, checker)
                has_ended = True
                with anyio.fail_after(TAIL_TIMEOUT_S):
                    await socket.reached(ended["version"])
                tasks.cancel_scope.cancel()
            faults += await self._compare(script, ended)
        finally:
            faults += checker.faults
            self._tally.events += checker.version
            if not has_ended:
                await self._give_up(conversation_id)

    async def _step(self, step: Step, checker: Checker, socket: ConversationSocket) -> None:
        if step.begins_turn:
            await self._pace.pause()
            self._tally.turns += 1
        checker.expect(step.events)
        if step.interims:
            checker.speak(step)
        for interim in step.interims:
            await socket.interim(interim.payload)
            await self._pace.say(interim.word_count)
        checker.acknowledged(await socket.command(step.command, step.payload))

    async def _end(self, script: Script, conversation_id: str, checker: Checker) -> dict[str, Any]:
        due = checker.expect(script.ending)
        ended = await self._rest.end(conversation_id, {"ended_reason": "user_ended"})
        if ended["version"] != due:
            checker.note(f"ended as version {ended['version']} where {due} is due")
        return ended

    async def _compare(self, script: Script, ended: dict[str, Any]) -> list[str]:
        """What REST tells of the conversation now, against the dialogue."""
        conversation_id = ended["conversation"]["id"]
        messages = await self._rest.messages(conversation_id, ended["position"])
        self._tally.messages += len(messages)
        faults = differences_of(script.messages, messages)
        conversation = await self._rest.conversation(conversation_id)
        if conversation["state"] != "ENDED" or conversation["is_active"]:
            faults.append(f"the conversation is {conversation['state']}, active: {conversation['is_active']}")
        if conversation["version"] != ended["version"]:
            faults.append(f"the conversation is at {conversation['version']} where {ended['version']} is due")
        if conversation["message_count"] != len(script.messages):
            faults.append(f"the conversation counts {conversation['message_count']} messages")
        return faults

    async def _give_up(self, conversation_id: str) -> None:
        """Leave no conversation open, if the service lets itself be told."""
        with anyio.move_on_after(FAREWELL_TIMEOUT_S, shield=True):
            try:
                await self._rest.end(conversation_id, {"ended_reason": "client_disconnected"})
            except (Refused, ServiceAway):
                return


def _start_of(dialogue: Dialogue) -> dict[str, Any]:
    return {
        "user_id": f"user-of-{dialogue.dialogue_id}",
        "agent": "replay",
        "channel": "voice",
        "metadata": {"dialogue_id": dialogue.dialogue_id},
        "policies": {"on_disconnect": "keep"},
    }


def _sentences(failures: BaseExceptionGroup[BaseException]) -> list[str]:
    """What went wrong, without what went wrong because of it."""
    sentences: list[str] = []
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            sentences += _sentences(failure)
        elif isinstance(failure, TimeoutError):
            sentences.append(f"the last messages did not come within {TAIL_TIMEOUT_S:.0f} s")
        else:
            sentences.append(str(failure))
    return sentences
