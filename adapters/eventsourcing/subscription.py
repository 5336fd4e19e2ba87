"""A subscription that misses nothing: it looks whenever it is told to, and now and then without being told."""

from eventsourcing.persistence import InterfaceError, OperationalError
from eventsourcing.postgres import PostgresSubscription
from psycopg.sql import SQL, Identifier

WAIT_S = 0.1
POLL_INTERVAL_S = 1.0
_WAITS_PER_POLL = round(POLL_INTERVAL_S / WAIT_S)


class PollingSubscription(PostgresSubscription):
    """The library's begins to listen after it has looked, so what is stored in between waits for the next event.

    This one looks again when it listens, and once a second in any case; it listens again on a new connection when it
    lost the old one. A database that is away for seconds ends it with an error, as it does the library's.
    """

    def _listen(self) -> None:
        while self._is_wanted():
            try:
                self._listen_on_one_connection()
            except (InterfaceError, OperationalError):
                self._has_been_notified.set()
            except BaseException as error:  # noqa: BLE001 - whoever iterates gets it, as the library does
                self._thread_error = self._thread_error or error
                self.stop()

    def _listen_on_one_connection(self) -> None:
        with self._recorder.datastore.get_connection() as connection:
            connection.execute(SQL("LISTEN {}").format(Identifier(self._recorder.channel_name)))
            self._has_been_notified.set()
            waits = 0
            while self._is_wanted():
                waits += 1
                # Short waits, so that the thread ends soon after it is told to.
                hints = list(connection.notifies(timeout=WAIT_S, stop_after=1))
                if hints or waits % _WAITS_PER_POLL == 0:
                    self._has_been_notified.set()

    def _is_wanted(self) -> bool:
        return not self._has_been_stopped and not self._thread_error
