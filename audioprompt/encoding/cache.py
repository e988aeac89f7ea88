"""A disk cache of embeddings, shared by every process of a user.

Keys are hashes of content, model revision and windowing, so an entry can never be out of date; values are bytes. It is
one SQLite file: writes are transactions, so any number of processes may share it and any of them may be killed at
any moment. When it has grown past its limit, the entries unused for longest go.

A cache is never worth a failure: on a full disk, a read-only folder or a broken file it says so once, in a warning, and
from then on behaves as if it were empty.
"""

import sqlite3
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from audioprompt.settings import cache_folder

LIMIT_BYTES = 2_000_000_000
KEPT_SHARE = 0.9  # of the limit, after making room: so that room is not made at every write
LOOK_SHARE = 0.001  # of the limit, after which it is looked whether there is room: all entries are counted for that
PATIENCE_SECONDS = 30.0  # how long to wait for another process's write
TOUCH_SECONDS = 3600.0  # an entry read again within this time keeps its old mark: reading stays cheap
KEYS_AT_ONCE = 500  # in one query; SQLite allows 999 everywhere

_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, used REAL NOT NULL, size INTEGER NOT NULL, value BLOB NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class CacheInfo:
    """What a cache holds: where, how many entries, their bytes, and the limit of those."""

    path: Path
    entries: int
    bytes: int
    limit_bytes: int


class EmbeddingCache:
    """Bytes by key, on disk.

    Args:
        folder: where the file is kept; made when first written to.
        limit_bytes: of all values together.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = (folder or cache_folder()) / "embeddings.sqlite"
        self.limit_bytes = limit_bytes
        self._broken = False
        self._written = limit_bytes  # bytes since room was made last; what was written before this one is not known

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the entries that are there, by key."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, bytes] = {}
        stale: list[str] = []
        now = time.time()
        try:
            if self._broken or not self.path.exists():
                return {}
            with closing(self._open()) as database:
                for start in range(0, len(wanted), KEYS_AT_ONCE):
                    some = wanted[start : start + KEYS_AT_ONCE]
                    query = f"SELECT key, used, value FROM entries WHERE key IN ({','.join('?' * len(some))})"
                    query += " AND typeof(used) = 'real' AND typeof(value) = 'blob'"  # whatever a broken file holds
                    for key, used, value in database.execute(query, some):
                        found[key] = value
                        if now - used > TOUCH_SECONDS:
                            stale.append(key)
                if stale:
                    with database:
                        database.executemany("UPDATE entries SET used = ? WHERE key = ?", [(now, key) for key in stale])
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        return found

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Add entries, all or none, and make room for them."""
        if self._broken or not entries:
            return
        now = time.time()
        rows = [(key, now, len(value), value) for key, value in entries.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database, database:
                database.execute("BEGIN IMMEDIATE")
                database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", rows)
                self._written += sum(size for _, _, size, _ in rows)
                if self._written > LOOK_SHARE * self.limit_bytes:
                    self._make_room(database)
                    self._written = 0
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def info(self) -> CacheInfo:
        """Return what is held at present."""
        count = total = 0
        try:
            if self.path.exists():
                with closing(self._open()) as database:
                    count, total = database.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM entries").fetchone()
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        return CacheInfo(self.path, count, total, self.limit_bytes)

    def clear(self) -> None:
        """Throw everything away, a broken file included.

        Raises:
            OSError: the files may not be removed.
        """
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._broken = False

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS)
        try:
            database.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_TABLE)
        except BaseException:
            database.close()
            raise
        return database

    def _make_room(self, database: sqlite3.Connection) -> None:
        (total,) = database.execute("SELECT COALESCE(SUM(size), 0) FROM entries").fetchone()
        if total <= self.limit_bytes:
            return
        excess, gone = total - KEPT_SHARE * self.limit_bytes, []
        for key, size in database.execute("SELECT key, size FROM entries ORDER BY used, key"):
            gone.append((key,))
            excess -= size
            if excess <= 0:
                break
        database.executemany("DELETE FROM entries WHERE key = ?", gone)

    def _give_up(self, error: Exception) -> None:
        if not self._broken:
            self._broken = True
            warnings.warn(
                f"Embeddings are not being cached: {error}. Free some space or run `audioprompt cache clear`.",
                stacklevel=3,
            )
