"""What a client does when a connection ends: what the table of the protocol says, and what the service said last."""

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from app.client.frames import Frame
from app.client.losses import MAX_WAIT_MS, LastWords, Loss
from app.ws.protocol import CLOSE_CODES, CloseCode


def loss_after(code: int | None, *said: Frame) -> Loss:
    last_words = LastWords()
    for frame in said:
        last_words.hear(frame)
    received = None if code is None else Close(code, "")
    return last_words.loss_of(ConnectionClosedError(received, None))


def status(name: str, **fields: object) -> Frame:
    return Frame("connection_status", {"status": name, **fields}, "e-1")


def error(**fields: object) -> Frame:
    return Frame("error", {"code": "rate_limited", "message": "Too much.", "fatal": False, **fields}, "e-1")


@pytest.mark.parametrize("row", CLOSE_CODES, ids=lambda row: row.name)
def test_a_code_of_the_table_is_obeyed(row: CloseCode) -> None:
    assert loss_after(row.code).may_return == (row.action in ("resume", "reconnect"))


@pytest.mark.parametrize(("code", "may_return"), [(4400 + 77, False), (4600, True), (3000, True), (None, True)])
def test_an_unknown_44xx_stops_and_anything_else_resumes(code: int | None, may_return: bool) -> None:
    assert loss_after(code).may_return == may_return


def test_what_the_service_says_before_it_closes_counts_more_than_the_table() -> None:
    assert loss_after(4477, status("closing", code=4477, action="resume", after_ms=250)).after_ms == 250
    assert loss_after(4477, status("closing", code=4477, action="resume")).may_return
    assert not loss_after(1011, status("closing", code=1011, action="stop")).may_return


def test_a_draining_service_is_left_alone_for_as_long_as_it_asks() -> None:
    assert loss_after(1012, status("draining", after_ms=1_500)).after_ms == 1_500


def test_a_service_that_has_too_much_to_do_is_given_five_seconds() -> None:
    assert loss_after(1013).after_ms == 5_000


def test_after_too_many_frames_the_announced_time_passes() -> None:
    assert loss_after(4429, error(retry_after_ms=700)).after_ms == 700
    assert loss_after(1006, error(retry_after_ms=700)).after_ms == 0, "that was about a frame, not the connection"


@pytest.mark.parametrize("wait", ["soon", None, -5, 10**18, [], True])
def test_a_wait_that_makes_no_sense_is_bounded(wait: object) -> None:
    assert 0 <= loss_after(1012, status("draining", after_ms=wait)).after_ms <= MAX_WAIT_MS


def test_the_reason_of_a_refusal_is_told() -> None:
    refusal = Frame("error", {"code": "bad_message", "message": "after must be a number.", "fatal": True}, "e-1")

    assert "after must be a number." in loss_after(4400, refusal).reason
