"""The files that commands write and read: compressed or not, whole or not there."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

STANDARD_OUTPUT: Final = Path("-")

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_LEVEL: Final = 4


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Where to write; `-` is standard output, and a name that ends in `.gz` is compressed.

    The file has its name only when the block has ended well: what was there before stays until then.
    """
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():  # a pipe or a device
        with path.open("wb") as stream, _packed(path, stream) as out:
            yield out
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as plain:
            with _packed(path, plain) as out:
                yield out
            plain.flush()
            os.fsync(plain.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _packed(path: Path, plain: BinaryIO) -> Iterator[BinaryIO]:
    if path.suffix != ".gz":
        yield plain
        return
    with gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=_GZIP_LEVEL) as packed:
        yield cast("BinaryIO", packed)


@contextmanager
def input_file(path: Path) -> Iterator[BinaryIO]:
    """The file, or what a pipe gives, as it was before it was compressed, if it is; its first bytes tell."""
    with path.open("rb") as plain:
        if plain.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield plain
