"""`./run`: passes everything on, and notices when the environment is not what it should be.

A whole installation is not tried here: CI does that when it calls `./run` in a clean checkout.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.console.checkout import checkout_root
from tests.support.postgres import temporary_folder

TURNLOG = """\
#!/bin/sh
echo "arguments: $*"
echo "folder: $PWD"
echo "pythonpath: $PYTHONPATH"
exit 7
"""


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A checkout whose environment is complete; its `turnlog` tells how it was called."""
    with temporary_folder() as folder:
        yield complete_checkout(folder / "a check out")


def complete_checkout(checkout: Path) -> Path:
    # A true one, so that no pip that is started here ever works on another.
    venv.create(checkout / ".venv", with_pip=False, symlinks=True)
    shutil.copy(checkout_root() / "run", checkout / "run")
    (checkout / "pyproject.toml").write_text("[project]\nname = 'turnlog'\n")
    (checkout / "requirements.lock").write_text("there-is-no-such-package==1.0 --hash=sha256:00\n")
    turnlog = checkout / ".venv" / "bin" / "turnlog"
    turnlog.write_text(TURNLOG)
    turnlog.chmod(0o755)
    complete(checkout)
    return checkout


def test_arguments_folder_and_exit_code_are_passed_on(checkout: Path, tmp_path: Path) -> None:
    answer = run(checkout / "run", "replay", "a file", "--speed=2", folder=tmp_path)

    assert answer.stdout.splitlines()[:2] == ["arguments: replay a file --speed=2", f"folder: {tmp_path}"]
    assert answer.returncode == 7
    assert answer.stderr == ""


def test_it_can_be_called_through_a_link(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "turnlog"
    link.symlink_to(checkout / "run")

    assert run(link, "serve", folder=tmp_path).returncode == 7


def test_no_other_package_called_app_gets_before_ours(checkout: Path, tmp_path: Path) -> None:
    answer = run(checkout / "run", folder=tmp_path, PYTHONPATH="/somewhere")

    assert "pythonpath: \n" in answer.stdout


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_input_makes_the_environment_stale(checkout: Path, tmp_path: Path, changed: str) -> None:
    with (checkout / changed).open("a") as file:
        file.write("# changed\n")

    answer = run(checkout / "run", "serve", folder=tmp_path)

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"Setting up {checkout / '.venv'} ")
    assert answer.stderr.endswith("Check the network or pip's index, and run this again.\n")
    assert "Traceback" not in answer.stderr
    assert not stamp(checkout).exists(), "a failed installation must be done again"


def test_a_killed_installation_is_done_again(checkout: Path, tmp_path: Path) -> None:
    stamp(checkout).unlink()

    answer = run(checkout / "run", "serve", folder=tmp_path)

    assert answer.stderr.startswith("Setting up ")
    assert not (checkout / ".venv" / "bin" / "turnlog").exists(), "what the killed one left was cleared"


def test_a_moved_checkout_is_set_up_again(checkout: Path, tmp_path: Path) -> None:
    moved = checkout.rename(tmp_path / "moved")

    assert run(moved / "run", "serve", folder=tmp_path).stderr.startswith("Setting up ")


def test_a_second_one_waits_for_the_first(checkout: Path, tmp_path: Path) -> None:
    stamp(checkout).unlink()
    first = os.open(checkout, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    with start(checkout / "run", "serve", folder=tmp_path) as second:
        assert second.stderr is not None
        assert second.stderr.readline().startswith("Another ./run is setting up")

        complete(checkout)
        os.close(first)
        output, _ = second.communicate()

    assert output.startswith("arguments: serve")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_stale_environment_of_another_user_is_told_in_a_sentence(checkout: Path) -> None:
    stamp(checkout).unlink()
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that an ordinary user could run")

    answer = subprocess.run(
        [python, checkout / "run"], check=False, capture_output=True, text=True, user="nobody", extra_groups=[]
    )

    assert answer.returncode == 1
    assert "this user may not write" in answer.stderr
    assert "Traceback" not in answer.stderr


def stamp(checkout: Path) -> Path:
    return checkout / ".venv" / "turnlog-stamp"


def complete(checkout: Path) -> None:
    """Write the stamp that a finished installation leaves."""
    inputs = [(checkout / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    stamp(checkout).write_text(f"{checkout}\n{hashlib.sha256(b''.join(inputs)).hexdigest()}\n")


def start(script: Path, *arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, script, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Without an index pip fails at once instead of asking the network.
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", **environment},
    )


def run(script: Path, *arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    with start(script, *arguments, folder=folder, **environment) as process:
        output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(script, process.returncode, output, errors)
