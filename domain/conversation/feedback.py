"""On which scale a rating was given. A rating of 1 alone may be a thumb up or one star."""

from typing import Final

from domain.conversation.commands import RecordFeedback
from domain.conversation.errors import InvalidCommand
from domain.conversation.values import FeedbackScale

RATINGS: Final[dict[FeedbackScale, range]] = {"thumbs": range(-1, 2), "stars": range(1, 6)}


def check_feedback(command: RecordFeedback) -> None:
    """Refuse a rating that is not on its scale."""
    if command.scale is None:
        return
    ratings = RATINGS[command.scale]
    if command.rating not in ratings:
        raise InvalidCommand("rating", f"is from {ratings[0]} to {ratings[-1]} on the scale {command.scale}.")


def scale_of(rating: int) -> FeedbackScale | None:
    """The only scale that has the rating; None where both do."""
    having: list[FeedbackScale] = [scale for scale, ratings in RATINGS.items() if rating in ratings]
    return having[0] if len(having) == 1 else None
