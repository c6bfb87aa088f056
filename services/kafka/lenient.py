r"""Records with header names that are not UTF-8: kafka-python 3.0 takes their whole batch for corrupt, for ever.

Producers in C may name a header with any bytes. The batch's checksum has been verified by then, so its bytes are as
they were sent; such a name shows as `\x…`, and is no CloudEvents attribute.
"""

from typing import Any

from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class _LenientBytes(bytearray):
    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - an index or a slice
        found = super().__getitem__(key)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        del errors
        return super().decode(encoding, "backslashreplace")


class LenientBatch(DefaultRecordBatch):  # type: ignore[misc]  # the client has no types
    """A batch of format 2; what cannot be read strictly is read once more, leniently."""

    _buffer: bytearray

    def __next__(self) -> Any:  # noqa: ANN401 - the client has no types
        try:
            return super().__next__()
        except CorruptRecordError:
            if isinstance(self._buffer, _LenientBytes):
                raise
            self._buffer = _LenientBytes(self._buffer)
            return super().__next__()


def install() -> None:
    """Have the consumer read batches leniently."""
    memory_records.DefaultRecordBatch = LenientBatch
