"""A copy of the database file while its queries run.

Steps are transactions of the thread that copies, so none is open: a checkpoint leaves all that was
committed in the file and nothing in the write-ahead log, and until the copy is made nobody writes.
The queries pause for so long. The copy opens like any other database; its queries go on
from where they stood.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from streamsql.engine.database import Database, check_name
from streamsql.errors import DatabaseError

__all__ = ["back_up"]


def back_up(database: Database, path: str) -> int:
    """Copies the database to a new file and gives its size in bytes.

    DatabaseError where there is no file to copy, where `path` exists, and where the copy cannot be
    written; then nothing stands at `path`. What does stand there is whole, whenever the process
    is killed.
    """
    if not database.path:
        raise DatabaseError(
            "a database in memory cannot be backed up",
            hint="open a database file: streamsql FILE; its backup is a copy of it",
        )
    check_name(path)
    target = Path(path)
    if target.exists():
        raise DatabaseError(
            f"file {path} exists", hint="a backup overwrites nothing: give another name"
        )
    database.checkpoint()
    part = target.with_name(f"{target.name}.part")
    try:
        _copy(Path(database.path), part)
        # Unlike a renaming, a link never replaces what another program has put there meanwhile.
        os.link(part, target)
        _sync(target.parent)
    except OSError as error:
        raise DatabaseError(
            f"backup {path} cannot be written: {error.strerror or error}",
            hint="check the folder and the space on its disk; the database goes on unchanged",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, part: Path) -> None:
    """Copies the file, or shares its blocks where the file system can; waits for the disk."""
    # Not by this process: DuckDB's lock on the file is a POSIX one, which a process loses with
    # the first descriptor of the file that it closes. Another process could then open it too.
    done = subprocess.run(
        ["cp", "--", str(source), str(part)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(done.stderr.strip().rpartition(": ")[2] or f"cp: exit {done.returncode}")
    with part.open("rb") as written:
        os.fsync(written.fileno())


def _sync(folder: Path) -> None:
    """Makes the new name last a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
