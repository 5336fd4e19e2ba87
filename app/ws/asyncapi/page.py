"""The document as a page: semantic HTML and a little CSS.

The viewer that the AsyncAPI initiative publishes is 2.5 MB of script for a page on which there is nothing to try. This
one is found through by the browser's own search and printed as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Final

from app.ws.asyncapi.tables import field_rows, summary_of, type_of

_CODE: Final = re.compile(r"`([^`]*)`")

_HEAD: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Turnlog WebSocket</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 64rem; margin: 0 auto; padding: 1rem }
nav a { margin-right: 1.2em }
h2 { margin-top: 2.5em; border-bottom: 1px solid #8886 }
h3 { margin-top: 2em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25em .75em .25em 0; border-bottom: 1px solid #8884 }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { background: #8882; padding: .75em; overflow-x: auto }
summary { cursor: pointer }
.kind { border: 1px solid #8888; border-radius: 1em; padding: 0 .6em; font-size: .8em; font-weight: normal }
</style>
</head>
<body>
<nav><a href="/docs">REST</a> <a href="/asyncapi.json">AsyncAPI document</a> <a href="#messages">Messages</a>
<a href="#frames">Client frames</a> <a href="#close-codes">Close codes</a> <a href="#schemas">Schemas</a></nav>
"""

_KINDS: Final = """\
<p>A <em>durable</em> message has a <code>seq</code> and is replayed. An <em>interim</em> one is broadcast only, until
something replaces it. A message to the <em>connection</em> is for this client alone.</p>
"""


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    messages = document["components"]["messages"]
    told = {name: message for name, message in messages.items() if message["tags"] != [{"name": "client"}]}
    frames = {name: message for name, message in messages.items() if name not in told}
    parts = [
        _HEAD,
        f"<h1>{escape(info['title'])} WebSocket <small>{escape(info['version'])}</small></h1>\n",
        *(f"<p>{_text(paragraph)}</p>\n" for paragraph in info["description"].split("\n\n")),
        "<h2>Addresses</h2>\n",
        *(part for channel in document["channels"].values() for part in _channel(channel)),
        '<h2 id="messages">Messages from the server</h2>\n',
        _KINDS,
        *(part for message in told.values() for part in _message(message)),
        '<h2 id="frames">Frames from the client</h2>\n',
        *(part for message in frames.values() for part in _message(message)),
        '<h2 id="close-codes">Close codes</h2>\n',
        *_close_codes(document["x-close-codes"]),
        '<h2 id="schemas">Schemas</h2>\n',
        *(part for name, schema in document["components"]["schemas"].items() for part in _schema(name, schema)),
        "</body>\n</html>\n",
    ]
    return _linked("".join(parts), document["components"]["schemas"])


def _channel(channel: dict[str, Any]) -> Iterator[str]:
    yield f"<h3><code>{escape(channel['address'])}</code></h3>\n<p>{_text(channel['description'])}</p>\n"
    bound = channel["bindings"]["ws"]
    rows = [(name, "path", parameter["description"]) for name, parameter in channel.get("parameters", {}).items()]
    rows += [(name, "query", summary_of(schema)) for name, schema in bound["query"]["properties"].items()]
    rows += [(name, "header", summary_of(schema)) for name, schema in bound["headers"]["properties"].items()]
    yield _table(("name", "in", ""), [(f"`{name}`", place, words) for name, place, words in rows])


def _message(message: dict[str, Any]) -> Iterator[str]:
    kind = message["tags"][0]["name"]
    badge = "" if kind == "client" else f' <span class="kind">{escape(kind)}</span>'
    yield f"<h3><code>{escape(message['name'])}</code> {escape(message['title'].replace('_', ' '))}{badge}</h3>\n"
    parts = message["payload"].get("allOf", [{}, {}])
    payload = parts[1].get("properties", {}).get("payload", message["payload"])
    yield f"<p>{_text(message['summary'])} Payload: {_text(type_of(payload))}.</p>\n"
    example = json.dumps(message["examples"][0]["payload"], indent=2)
    yield f"<details><summary>Example</summary><pre>{escape(example)}</pre></details>\n"


def _close_codes(rows: list[dict[str, Any]]) -> Iterator[str]:
    told = [(f"{row['code']}", f"`{row['name']}`", row["action"].replace("_", " "), row["meaning"]) for row in rows]
    yield _table(("code", "reason", "the client", ""), told)
    yield "<p>Any other code from 4400 to 4499 means stop, and everything else resume.</p>\n"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}">{_text(schema.get("title", name))}</h3>\n'
    if summary := summary_of(schema):
        yield f"<p>{_text(summary)}</p>\n"
    if rows := field_rows(schema):
        yield _table(("field", "type", ""), [(f"`{row.name}`", row.kind, row.words) for row in rows])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = ("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>\n<tr>{heads}</tr>\n{''.join(lines)}</table>\n"


def _text(words: str) -> str:
    """Escaped; what stands in backquotes is code."""
    return _CODE.sub(r"<code>\1</code>", escape(words))


def _linked(html: str, names: Iterable[str]) -> str:
    """The same, where the name of a schema leads to it."""
    return re.sub(rf"<code>({'|'.join(names)})</code>", r'<a href="#\1"><code>\1</code></a>', html)
