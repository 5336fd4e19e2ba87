"""uvicorn's WebSocket protocol, guarded against clients that want its memory, its descriptors or its logs.

The other half of it is in `app.ws.transport`, which writes.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

CLOSE_TIMEOUT_S: Final = 5.0
"""How long a client has to take the rest and answer the close, before the connection is cut."""

TOO_MANY_HEADERS: Final = 431


class GuardedProtocol(WebSocketsSansIOProtocol):
    """Whoever has been told that the connection ends has `CLOSE_TIMEOUT_S` to end it too."""

    _is_faulty = False

    def data_received(self, data: bytes) -> None:
        """asyncio's hook. What follows a fault is read and passed over: the kernel would answer it with a reset, and
        the client would never see the close code."""
        if self._is_faulty:
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # uvicorn leaves such a client without an answer, for ever.
            self.transport.write(
                self.conn.reject(TOO_MANY_HEADERS, "The headers are too many or too long.").serialize()
            )
            self.transport.close()

    def eof_received(self) -> None:
        """asyncio's hook: the client sends nothing more, and the transport closes once everything is sent. A client
        that takes nothing would put that off for ever."""
        super().eof_received()
        self._cut_if_stuck()

    async def send(self, message: Any) -> None:
        """uvicorn's hook. A refusal before the accept is an answer too; uvicorn logs that there was none."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """uvicorn's hook: a message is complete. uvicorn logs a traceback of one that is not UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(b"".join(self.frames)):
            self.conn.fail(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """uvicorn's hook: what the client sends is faulty. It is told the code, and that nothing more comes."""
        close = self.conn.close_sent
        assert close is not None
        self._is_faulty = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self._await_end()

    def handle_ping(self) -> None:
        """uvicorn's hook. A client that takes nothing gets no pongs: they would pile up."""
        pongs = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pongs)

    def handle_cont(self, event: Frame) -> None:
        """uvicorn's hook. Empty pieces of a message add nothing to it, and would pile up."""
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        """uvicorn's hook: the client closes. One that never takes what is still unsent would stay for ever."""
        super().handle_close(event)
        self._cut_if_stuck()

    def keepalive_timeout(self) -> None:
        """uvicorn's hook: the client has not answered a ping."""
        super().keepalive_timeout()
        self._cut_if_stuck()

    def shutdown(self) -> None:
        """uvicorn's hook: the server stops. A close that is under way is let finish: cut off, the client would lose it
        with whatever it has not read yet."""
        if self.close_timer is None:
            super().shutdown()
        self._cut_if_stuck()

    def _await_end(self) -> None:
        """The close is sent: read on, or the client's answer is never seen, and cut the connection after a while."""
        self.stop_keepalive()
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self._cut_later()

    def _cut_if_stuck(self) -> None:
        if self.transport.get_write_buffer_size():
            self._cut_later()

    def _cut_later(self) -> asyncio.TimerHandle:
        return self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
