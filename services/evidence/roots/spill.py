"""Records on disk in buckets, so that what belongs together can be taken up bucket by bucket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: What a bucket gathers before it is written.
BUFFER_BYTES: Final = 256 * 1024


class Spill:
    """Records in buckets of a folder that the caller removes; each read once, in the order of adding."""

    def __init__(self, folder: Path, name: str, buckets: int) -> None:
        self._paths = [folder / f"{name}-{number}" for number in range(buckets)]
        self._waiting: list[list[bytes]] = [[] for _ in range(buckets)]
        self._bytes = [0] * buckets

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, bucket: int, record: bytes) -> None:
        """Add a record to a bucket."""
        self._waiting[bucket].append(record)
        self._bytes[bucket] += len(record)
        if self._bytes[bucket] >= BUFFER_BYTES:
            self._write(bucket)

    def _write(self, bucket: int) -> None:
        with self._paths[bucket].open("ab") as file:
            file.writelines(self._waiting[bucket])
        self._waiting[bucket].clear()
        self._bytes[bucket] = 0

    def buckets(self) -> Iterator[bytes]:
        """The contents of each bucket, in order of the buckets; a bucket is gone once it was given."""
        for bucket, path in enumerate(self._paths):
            self._write(bucket)
            content = path.read_bytes()
            path.unlink()
            yield content
