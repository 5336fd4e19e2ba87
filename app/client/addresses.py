"""Where things are in a service whose REST is at a given address."""

from urllib.parse import quote

FEED_PATH = "/api/ws/feed"


class NoService(Exception):
    """Nothing answers at the address."""

    def __init__(self, url: str) -> None:
        super().__init__(f"No Turnlog answers at {url}. Start one with `turnlog serve`, or name another with --url.")


def conversation_socket_url(base_url: str, conversation_id: str) -> str:
    """The socket of a conversation."""
    return f"{_socket_base(base_url)}/api/ws/conversations/{quote(conversation_id, safe='')}"


def feed_url(base_url: str) -> str:
    """The socket of all conversations of the tenant."""
    return f"{_socket_base(base_url)}{FEED_PATH}"


def _socket_base(base_url: str) -> str:
    return base_url.rstrip("/").replace("http", "ws", 1)
