"""The bytes of a frame are those of the RFC."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.ws.frames import frames_of, text_frame

EDGES = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)


@given(st.one_of(st.sampled_from(EDGES), st.integers(0, 70_000)))
def test_a_text_frame_is_what_the_library_makes_of_it(size_bytes: int) -> None:
    text = b"x" * size_bytes

    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_what_is_sent_together_is_one_frame_after_the_other(texts: list[bytes]) -> None:
    assert frames_of(*texts).wire == b"".join(map(text_frame, texts))
