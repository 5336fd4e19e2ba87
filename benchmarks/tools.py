"""Programs the peers need: found or installed before anything is measured."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

INSTALL_TIMEOUT_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Missing:
    reason: str


def find_pgbench(postgres_bin_dir: Path | None) -> Path | Missing:
    """Beside the server's own programs first, then on the PATH."""
    beside = shutil.which("pgbench", path=postgres_bin_dir) if postgres_bin_dir else None
    found = beside or shutil.which("pgbench")
    return Path(found) if found else Missing("pgbench is neither beside the Postgres programs nor on the PATH")


def install_peer(name: str, programs: tuple[str, ...]) -> Path | Missing:
    """The folder of a peer with its node_modules: `npm ci` from the lock in this package, once for each lock."""
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        return Missing(f"{' and '.join(absent)} not found on the PATH")
    return _installed(name, _npm_ci)


def install_python_peer(name: str) -> Path | Missing:
    """The folder of a peer with its `environment`: pip from the hashed requirements, once for each list of them."""
    return _installed(name, _pip_install)


def _installed(name: str, install: Callable[[Path], Missing | None]) -> Path | Missing:
    source = Path(str(files("benchmarks") / "peers" / name))
    target = _cache_dir() / f"{name}-{_digest(source)}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent) as unfinished:
        made = Path(unfinished) / name
        shutil.copytree(source, made, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        failure = install(made)
        if failure:
            return failure
        made.rename(target)
    return target


def _npm_ci(folder: Path) -> Missing | None:
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error")
    return _run("npm ci", ["npm", "ci", *options], folder)


def _pip_install(folder: Path) -> Missing | None:
    """With the pip of the Python below this environment, which may have none of its own."""
    base_python = getattr(sys, "_base_executable", None) or sys.executable
    python = str(folder / "environment" / "bin" / "python")
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries=1", "--require-hashes")
    return _run("venv", [base_python, "-m", "venv", "--without-pip", "environment"], folder) or _run(
        "pip install",
        [base_python, "-m", "pip", "--python", python, "install", *options, "-r", "requirements.txt"],
        folder,
    )


def _run(name: str, command: list[str], folder: Path) -> Missing | None:
    """None when it went well."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Missing(f"{name} did not finish within {INSTALL_TIMEOUT_SECONDS} s")
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return Missing(f"{name} failed: {said[0] if said else f'exit status {done.returncode}'}")


def _cache_dir() -> Path:
    user_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user_cache) / "turnlog" / "benchmark-peers"


def _digest(folder: Path) -> str:
    """Changes when the lock or the peer's own script does."""
    digest = sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
