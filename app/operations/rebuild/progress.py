"""What somebody who waits for a rebuild is told."""

from typing import Protocol

from projections.rebuilding import RebuildState, TableComparison


class Watcher(Protocol):
    """Told of each step as it is taken."""

    def going_on(self, state: RebuildState) -> None:
        """This rebuild was begun before, and goes on."""
        ...

    def step(self, name: str, done: int, total: int | None) -> None:
        """`name` says what is done; events or indexes are counted. Without a total nobody knows how long it takes."""
        ...

    def compared(self, comparison: TableComparison) -> None:
        """A table and its successor."""
        ...

    def waiting(self, reason: str) -> None:
        """It goes on by itself."""
        ...
