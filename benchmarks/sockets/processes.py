"""What is known of a process from outside, without its children."""

import os
import subprocess
from pathlib import Path
from typing import IO, Final

KIBIBYTE: Final = 1_024
FIELDS_BEFORE_TIMES: Final = 11
"""In /proc/PID/stat, after the name of the program, which may hold blanks."""


def resident_bytes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * KIBIBYTE
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process_id)], capture_output=True, text=True, check=True)
    return int(told.stdout) * KIBIBYTE


def busy_seconds(process_id: int) -> float | None:
    """All the time that its threads have run so far; None where the system has no /proc."""
    stat = Path(f"/proc/{process_id}/stat")
    if not stat.exists():
        return None
    fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system = fields[FIELDS_BEFORE_TIMES : FIELDS_BEFORE_TIMES + 2]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def last_line(errors: IO[bytes]) -> str:
    """Of what it wrote there: with Python and Node alike, the reason why it ended.

    Where Postgres shows the place in a statement, it is the line before that.
    """
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    told = [line for line in lines if line.strip(" ^") and not line.startswith("LINE ")]
    return told[-1] if told else ""
