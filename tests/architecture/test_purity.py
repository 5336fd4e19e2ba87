"""Domain and projections are pure, also where imports cannot tell: `datetime` has a clock in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE_FOLDERS = ("domain", "projections")
FORBIDDEN_CALLS = frozenset(
    {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter", "uuid1", "uuid4", "uuid7", "urandom"}
    | {"random", "randint", "choice", "shuffle", "token_hex", "getenv", "print", "open", "input"}
)


def source_files() -> list[Path]:
    """Every Python file that must be pure."""
    return [path for folder in PURE_FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def called_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The last name of everything that is called or handed on as a function of a module or class, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


def impure_calls(source: str) -> list[tuple[str, int]]:
    """The forbidden names in this source, with their lines."""
    return [(name, line) for name, line in called_names(ast.parse(source)) if name in FORBIDDEN_CALLS]


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_clock_no_chance_no_input(path: Path) -> None:
    assert impure_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "impure", ["datetime.now(UTC)", "datetime.utcnow()", "clock = datetime.now", "time()", "uuid4()", "open('x')"]
)
def test_the_search_finds_what_it_searches(impure: str) -> None:
    assert len(impure_calls(impure)) == 1


def test_there_is_something_to_search() -> None:
    assert len(source_files()) > 10
