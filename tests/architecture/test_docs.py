"""What the docs name is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)`")
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)")


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_test_that_the_docs_name_exists() -> None:
    named = [match for page in pages() for match in NAMED_TEST.finditer(page.read_text(encoding="utf-8"))]
    assert named
    missing = [match[0] for match in named if f"def {match['name']}(" not in (ROOT / match["file"]).read_text()]
    assert missing == []


def test_every_page_that_the_docs_link_exists() -> None:
    links = [(page, match["target"]) for page in pages() for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    inner = [(page, target) for page, target in links if not target.startswith(("http:", "https:"))]
    assert inner
    assert [(page.name, target) for page, target in inner if not (page.parent / target).exists()] == []
