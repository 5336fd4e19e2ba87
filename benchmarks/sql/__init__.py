"""The statements of the benchmarks, one file each."""

from importlib.resources import files
from pathlib import Path


def path_of(name: str) -> Path:
    return Path(str(files(__name__) / name))


def text_of(name: str) -> str:
    return path_of(name).read_text(encoding="utf-8")
