"""Files that are written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a path beside a file to write to, whose content takes the file's place once all has gone well."""
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}")  # others may be writing the same file
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
