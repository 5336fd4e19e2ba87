"""An interim that has to wait loses nothing: deltas stay without a hole, a transcript is its newest revision."""

from hypothesis import given
from hypothesis import strategies as st

from app.replay.waiting_interim import WaitingInterim


@given(pieces=st.lists(st.tuples(st.text(min_size=1, max_size=5), st.booleans()), max_size=30))
def test_deltas_that_wait_are_joined_so_that_offsets_have_no_hole(pieces: list[tuple[str, bool]]) -> None:
    waiting, said, coalesced = WaitingInterim(), "", 0
    sent, text = [], ""
    for piece, has_room in pieces:
        coalesced += waiting.add({"response_id": "r", "offset": len(text), "delta": piece})
        text += piece
        if has_room:
            sent.append(waiting.take())
    coalesced += waiting.drop()

    for delta in sent:
        assert delta["offset"] == len(said)
        said += delta["delta"]
    assert text.startswith(said)
    assert len(sent) + coalesced == len(pieces)


def test_a_transcript_is_replaced_by_its_next_revision() -> None:
    waiting = WaitingInterim()
    first = {"segment_id": "s", "revision": 1, "text": "A"}
    second = {"segment_id": "s", "revision": 2, "text": "A table"}

    assert (waiting.add(first), waiting.add(second)) == (False, True)
    assert waiting.take() == second


def test_deltas_of_two_answers_are_not_joined() -> None:
    waiting = WaitingInterim()
    waiting.add({"response_id": "r-1", "offset": 0, "delta": "At"})
    other = {"response_id": "r-2", "offset": 2, "delta": "seven"}

    waiting.add(other)

    assert waiting.take() == other
