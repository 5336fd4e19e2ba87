"""Follows a conversation over every interruption, and prints what is said. Needs `pip install websockets`.

python client.py ws://127.0.0.1:8000/api/ws/conversations/CONVERSATION_ID
"""

import asyncio
import json
import random
import sys
import time
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

STOP = {1000, 1003, 1007, 1009}
RESUME = {4408, 4412, 4429, 4499, 4500}  # of 4400 to 4499; 4401 and 4419 want a new token, and there is none here
AT_LEAST_MS = {1013: 5_000, 4429: 1_000}
FIRST_JITTER_MS = {4412: 100, 4499: 100}
MAX_JITTER_MS, STEADY_S, BROKEN_OFF, FORBIDDEN = 30_000, 10, 1006, 4403


class Hole(Exception):
    """Something durable is missing: give the connection up, and resume."""


class Follower:
    def __init__(self, url: str) -> None:
        self.url = url
        self.after: int | None = None  # shown up to this `seq`: keep it, and the epoch, with what you made of it
        self.epoch = ""

    async def follow(self) -> int:
        """Until the server says stop; its close code."""
        attempt = 0
        while True:
            began = time.monotonic()
            code = await self.connection()
            if code in STOP or (4400 <= code <= 4499 and code not in RESUME):
                return code
            attempt = 0 if time.monotonic() - began > STEADY_S else attempt
            jitter_ms = random.uniform(0, min(MAX_JITTER_MS, FIRST_JITTER_MS.get(code, 500) * 2.0**attempt))
            await asyncio.sleep((max(self.wait_ms, AT_LEAST_MS.get(code, 0)) + jitter_ms) / 1_000)
            attempt = min(attempt + 1, 10)

    async def connection(self) -> int:
        """One connection, to its end; the close code."""
        self.wait_ms, self.parts, self.silence_ms = 0, list[Any](), 10_000
        cursor = "" if self.after is None else f"?after={self.after}&epoch={self.epoch}"
        try:
            protocols = [Subprotocol("conv.v1")]
            async with connect(self.url + cursor, subprotocols=protocols) as socket:
                while True:
                    self.take(json.loads(await asyncio.wait_for(socket.recv(), self.silence_ms / 1_000)))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else BROKEN_OFF
        except InvalidStatus as refused:  # an answer over HTTP, before there is a socket
            self.wait_ms = 1_000 * int(refused.response.headers.get("Retry-After", 0))
            return BROKEN_OFF if refused.response.status_code in (429, 503) else FORBIDDEN
        except (Hole, OSError, TimeoutError, InvalidHandshake):
            return BROKEN_OFF

    def take(self, frame: dict[str, Any]) -> None:
        """Any message. Whatever is not known is ignored."""
        payload, status = frame["payload"], frame["payload"].get("status")
        if frame["seq"] is not None:
            self.take_durable(frame)
        elif frame["type"] == "state_update":  # the snapshot: forget what was shown, and begin with this
            for message in payload["messages"]:
                self.show(message["role"], message["text"])
            self.after = payload["as_of_seq"]
        elif frame["type"] == "connection_status" and status == "ready":
            self.epoch, self.seq = payload["resume"]["epoch"], payload["resume"]["after"]
            self.silence_ms = payload["heartbeat_timeout_ms"]
        elif frame["type"] == "connection_status" and status in ("live", "heartbeat"):
            if payload["head"] > self.seq:
                raise Hole
        elif frame["type"] == "connection_status":  # draining, closing
            self.wait_ms = payload.get("after_ms", self.wait_ms)

    def take_durable(self, frame: dict[str, Any]) -> None:
        """Hold the parts of an event until all are there."""
        if frame["prev"] != self.seq:
            raise Hole
        self.seq = frame["seq"]
        self.parts.append(frame)
        part, of_parts = frame.get("part", (1, 1))
        if part == of_parts:
            for message in self.parts:
                if message["type"] in ("transcript_update", "ai_response"):
                    self.show(message["payload"].get("speaker", message["type"]), message["payload"]["text"])
            self.after, self.parts = self.seq, []

    def show(self, speaker: str, text: str) -> None:
        print(f"{speaker}: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(f"closed with {asyncio.run(Follower(sys.argv[1]).follow())}")
