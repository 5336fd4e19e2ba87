"""What is not there is named, never skipped."""

import sys
from pathlib import Path

import pytest

from benchmarks.plan import append_cases, append_subjects
from benchmarks.tools import Missing, find_pgbench, install_peer, install_python_peer


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No programs on the PATH, and an own empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def fake_program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    program.chmod(0o755)


def test_pgbench_beside_the_server_wins(bare_machine: Path) -> None:
    fake_program(bare_machine / "bin", "pgbench", "exit 0")

    assert find_pgbench(bare_machine / "bin") == bare_machine / "bin" / "pgbench"


@pytest.mark.usefixtures("bare_machine")
def test_a_bare_machine_still_lists_every_case_with_its_reason() -> None:
    cases = append_cases(append_subjects(None, ()))

    reasons = {case.name: case.subject.missing or "" for case in cases}
    assert "pgbench is neither" in reasons["pgbench.64"]
    assert reasons["emmett.64"] == "node and npm not found on the PATH"
    assert "npm not found" in reasons["message_db.64"]
    assert reasons["recorder.1"] == reasons["option_a.256"] == ""


def test_a_failed_installation_gives_the_first_line_of_npm(bare_machine: Path) -> None:
    fake_program(bare_machine / "no-programs", "npm", "echo 'npm error network' >&2; exit 1")

    found = install_peer("message_db", ("npm",))

    assert found == Missing("npm ci failed: npm error network")
    assert [path for path in (bare_machine / "cache").rglob("*") if path.is_file()] == []


def test_a_peer_is_installed_once_outside_the_package(bare_machine: Path) -> None:
    fake_program(bare_machine / "no-programs", "npm", "echo once >> ../../calls; : > installed")

    first = install_peer("message_db", ("npm",))
    second = install_peer("message_db", ("npm",))

    assert isinstance(first, Path)
    assert first == second
    assert first.is_relative_to(bare_machine / "cache")
    assert (first / "installed").exists()
    assert next((bare_machine / "cache").rglob("calls")).read_text(encoding="ascii") == "once\n"


def test_a_failed_installation_of_a_python_peer_gives_the_first_line(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(bare_machine / "bin", "python", "echo 'No module named venv' >&2; exit 1")
    monkeypatch.setattr(sys, "_base_executable", str(bare_machine / "bin" / "python"))

    found = install_python_peer("socketio_python")

    assert found == Missing("venv failed: No module named venv")
