"""Programs the peers need: found or installed before anything is measured."""

import os
import shutil
import subprocess
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
    source = Path(str(files("benchmarks") / "peers" / name))
    target = _cache_dir() / f"{name}-{_digest(source)}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent) as unfinished:
        made = Path(unfinished) / name
        shutil.copytree(source, made, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        failure = _npm_ci(made)
        if failure:
            return failure
        made.rename(target)
    return target


def _npm_ci(folder: Path) -> Missing | None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Missing(f"npm ci did not finish within {INSTALL_TIMEOUT_SECONDS} s")
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return Missing(f"npm ci failed: {said[0] if said else f'exit status {done.returncode}'}")


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
