"""The embedded Postgres when root starts it, and beside it the same as an ordinary user."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError, default_data_dir
from adapters.embedded.binaries import find_binaries
from tests.support.embedded import (
    connect,
    embedded,
    embedded_once,
    eventually,
    owner_process,
    postmaster,
    store,
    working_servers,
)
from tests.support.postgres import memory_folder, temporary_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")


@pytest.fixture
def new_data_dir() -> Iterator[Path]:
    """A data folder that is not made yet."""
    with temporary_folder(memory_folder()) as folder:
        yield folder / "data"


@pytest.fixture
def ordinary_data_dir(new_data_dir: Path) -> Path:
    """A data folder of the ordinary user `nobody`."""
    program = find_binaries(None).program("postgres")
    reachable = subprocess.run(["test", "-x", program], check=False, user="nobody", extra_groups=[])
    if reachable.returncode != 0:
        pytest.skip(f"an ordinary user has no {program}")
    new_data_dir.mkdir()
    shutil.chown(new_data_dir, "nobody")
    return new_data_dir


def test_an_ordinary_user_owns_its_server(ordinary_data_dir: Path) -> None:
    with owner_process(ordinary_data_dir, "nobody") as (owner, dsn):
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            connect(dsn)
        assert (ordinary_data_dir / "postgres").owner() == "nobody"
        owner.kill()
        owner.wait()
        eventually(lambda: not working_servers(ordinary_data_dir))


def test_root_serves_what_an_ordinary_user_made_and_gives_it_back(ordinary_data_dir: Path) -> None:
    with owner_process(ordinary_data_dir, "nobody"):
        pass

    with embedded(ordinary_data_dir) as server:
        store(server.dsn)
        assert Path(f"/proc/{postmaster(ordinary_data_dir)}").owner() == "nobody"

    with owner_process(ordinary_data_dir, "nobody") as (_, dsn):
        assert dsn


def test_another_user_of_the_machine_does_not_get_in(postgres_server: EmbeddedPostgres) -> None:
    script = f"import psycopg; psycopg.connect({postgres_server.dsn!r})"
    become_nobody = "import os, psycopg; os.setgroups([]); os.setgid(65534); os.setuid(65534)"

    answer = subprocess.run([sys.executable, "-c", f"{become_nobody}; {script}"], check=False, capture_output=True)

    assert answer.returncode != 0
    assert b"Permission denied" in answer.stderr


def test_a_closed_folder_on_the_way_is_named_and_left_closed() -> None:
    with temporary_folder() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)

        with pytest.raises(EmbeddedPostgresError, match=f"may not enter {closed},"):
            embedded(closed / "data").start()

        assert closed.stat().st_mode & 0o777 == 0o700


def test_programs_in_a_closed_folder_are_copied_once(new_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = find_binaries(None).folder.parent.parent
    with temporary_folder() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        for name in (package.name, f"{package.name}.libs"):
            (closed / name).symlink_to(package.with_name(name))
        monkeypatch.syspath_prepend(closed)

        embedded_once(new_data_dir)
        copies = [path.stat().st_mtime_ns for path in new_data_dir.glob("binaries/*")]
        embedded_once(new_data_dir)

        assert len(copies) == 1
        assert [path.stat().st_mtime_ns for path in new_data_dir.glob("binaries/*")] == copies
        assert closed.stat().st_mode & 0o777 == 0o700


def test_root_with_a_closed_home_has_its_data_elsewhere() -> None:
    with temporary_folder() as folder:
        assert default_data_dir({"HOME": str(folder)}) == folder / ".local/share/turnlog"

        folder.chmod(0o700)
        assert default_data_dir({"HOME": str(folder)}) == Path("/var/lib/turnlog")
