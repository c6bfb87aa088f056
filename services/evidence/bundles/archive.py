"""A bundle's ZIP file, read so that no two readers can see different things in it.

ZIP lets a file hold two members of one name, bytes before the first and behind the last, and a directory that says
other than the members do (APPNOTE 4.3.6 to 4.3.16); each reader chooses for itself. Here such a file is refused.
"""

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from services.evidence.copies.copies import FILE_BYTES_MAX, ZIP_FAULTS, CopyError

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")


def read_members(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The members of a bundle by name: exactly these, each once, and nothing else in the file.

    Raises:
        CopyError: the file is no such ZIP file.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            found = sorted(archive.namelist())
            if found != sorted(names):
                raise CopyError(
                    f"{path} holds the members {', '.join(found[:20])}: a bundle holds {', '.join(sorted(names))}, "
                    "each once"
                )
            for member in archive.infolist():
                if max(member.file_size, member.compress_size) > FILE_BYTES_MAX:
                    raise CopyError(f"{member.filename} is larger than {FILE_BYTES_MAX} bytes: it is refused")
            file.seek(0)
            _require_layout(path, file.read(), archive.infolist())
            return {name: archive.read(name) for name in found}
    except ZIP_FAULTS as fault:
        raise CopyError(f"{path} is no ZIP file that can be read: {type(fault).__name__} {fault}") from None


def _require_layout(path: Path, data: bytes, members: list[zipfile.ZipInfo]) -> None:
    """The members one behind the other from the first byte on, then their directory, then its end: no byte besides."""
    at = 0
    for member in sorted(members, key=lambda each: each.header_offset):
        mark, _, flags, method, _, _, crc, packed, size, name_length, extra = _LOCAL.unpack_from(data, at)
        name = data[at + _LOCAL.size : at + _LOCAL.size + name_length]
        says = (mark, method, name, crc, packed, size)
        due = (b"PK\3\4", member.compress_type, member.filename.encode(), member.CRC, member.compress_size,
               member.file_size)  # fmt: skip
        # A bundle is written to a file that can be sought, so that no sizes stand behind the data (flag bit 3).
        if member.header_offset != at or flags & ~0x0800 or member.compress_type not in {0, 8} or says != due:
            raise CopyError(f"{path}: {member.filename} is not stored as the directory of the ZIP file says")
        at += _LOCAL.size + name_length + extra + packed
    for _ in members:
        mark, *_, name_length, extra, comment, _, _, _, _ = _CENTRAL.unpack_from(data, at)
        if mark != b"PK\1\2":
            break
        at += _CENTRAL.size + name_length + extra + comment
    mark, *_, comment = _END.unpack_from(data, at)
    if mark != b"PK\5\6" or comment or at + _END.size != len(data):
        raise CopyError(f"{path} holds bytes beside its members: before them, between them, or after them")
