"""The process of the service as an operator meets it: how it starts, how it refuses to, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.postgres import embedded_server, temporary_folder
from tests.support.served import ServedProcess

REFUSAL_MAX_S = 30

BROKEN_LOG = """
    CREATE FUNCTION quote() RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'she said swordfish'; END $$;
    CREATE OR REPLACE VIEW all_stored_events AS
    SELECT originator_id, originator_version, topic, state, quote() AS notification_id, tenant_id, command_id,
           recorded_at
    FROM stored_events;
"""
"""What no code of the service foresees: the log itself cannot be read, and the error quotes it."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


def refusal(folder: Path, *arguments: str, **environment: str) -> str:
    """What `turnlog serve` says when it does not start."""
    answer = subprocess.run(
        [sys.executable, "-m", "app", "serve", *arguments],
        env={**os.environ, "TURNLOG_DATA_DIR": str(folder / "data"), **environment},
        capture_output=True,
        text=True,
        timeout=REFUSAL_MAX_S,
        check=False,
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    return answer.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_it_says_where_it_is_and_stops_when_told(folder: Path, number: signal.Signals) -> None:
    # given a running service
    served = ServedProcess(folder / "data")
    served.start()
    assert httpx.get(f"{served.url}/health/ready").status_code == httpx.codes.OK
    assert httpx.get(f"{served.url}/docs").status_code == httpx.codes.OK
    # when it is told to stop
    status = served.stop(number)
    # then it ends in order, and its database with it
    assert status == 0
    assert "Traceback" not in served.log.read_text()
    assert not list((folder / "data").rglob("postmaster.pid"))


def test_a_taken_address_is_told_with_the_way_out(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "--port 0" in refusal(folder, "--port", str(port))


def test_a_database_that_does_not_answer_is_told_without_its_password(folder: Path) -> None:
    said = refusal(folder, "--port", "0", DATABASE_URL="postgresql://ada:swordfish@127.0.0.1:1/turnlog")
    assert "does not answer" in said
    assert "swordfish" not in said


def test_a_database_url_that_cannot_be_read_is_not_repeated(folder: Path) -> None:
    said = refusal(folder, "--port", "0", DATABASE_URL="swordfish")
    assert "postgresql://user:password@host:5432/database" in said
    assert "swordfish" not in said


def test_a_setting_that_cannot_be_used_is_named(folder: Path) -> None:
    assert "TURNLOG_PORT" in refusal(folder, TURNLOG_PORT="99999999")


def test_a_task_that_fails_ends_the_service_without_telling_what_people_said(folder: Path) -> None:
    # given a service on a database whose log somebody has broken
    with embedded_server(durable=True) as postgres:
        served = ServedProcess(folder / "data", {"DATABASE_URL": postgres.dsn})
        served.start()
        assert httpx.post(f"{served.url}/api/v2/conversations", json={}).status_code == httpx.codes.CREATED
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute(BROKEN_LOG)
        # then it stops, and says so in a sentence
        assert served.wait() == 1
    said = served.log.read_text()
    assert "A task of the service failed" in said
    assert "swordfish" not in said
