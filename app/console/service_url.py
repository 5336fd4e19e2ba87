"""The address of a running service, as an option."""

from typing import Any
from urllib.parse import urlsplit

import click


class ServiceUrl(click.ParamType[str]):
    """Where its REST is: http or https, a host, no query."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parts = urlsplit(str(value))
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable, parts = False, urlsplit("")
        if not is_usable or parts.query or parts.fragment:
            self.fail(f"{value!r} is not an address such as http://127.0.0.1:8000.", param, ctx)
        return str(value)


url_option = click.option(
    "--url", type=ServiceUrl(), default="http://127.0.0.1:8000", show_default=True, help="Where the service is."
)
