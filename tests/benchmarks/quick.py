"""A quick benchmark in a process of its own: the shape of its output, never its speed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
KEYS: Final = ["name", "value", "unit", "against", "ratio", "goal", "met"]


def run_quick(name: str, *arguments: str, timeout_s: int = 300) -> str:
    """What it prints."""
    command = [sys.executable, "-c", "from app.console.bench import bench; bench()", name, "--quick", *arguments]
    # On a server of its own: somebody else's may be slow, or far away, and only its own settings are known.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def quick_rows(name: str, *arguments: str) -> list[dict[str, Any]]:
    """Its rows, each with all the keys."""
    rows = [json.loads(line) for line in run_quick(name, "--json", *arguments).splitlines()]
    assert rows
    assert all(list(row) == KEYS for row in rows)
    return rows
