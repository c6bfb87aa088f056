"""A copy of a log in memory as `taizhang export-log` writes it, and what the verifier says of one."""

import zipfile
from pathlib import Path

from services.evidence.copies.copies import CopyError
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_copy
from services.evidence.verifier.report import Report
from services.log.tiles import encode_bundle, encode_raw_bundle
from tests.forging import KEY, Members, MemoryLog


def copy_of(log: MemoryLog) -> Members:
    """The files of `taizhang export-log`, for fewer events than fill a tile."""
    width = len(log.stored)
    return {
        "key": f"{log.key.verifier}\n".encode(),
        "checkpoint": log.note(),
        f"tile/0/000.p/{width}": b"".join(log.leaves),
        f"tile/entries/000.p/{width}": encode_bundle([each.leaf(each.position) for each in log.stored]),
        f"raw/000.p/{width}": encode_raw_bundle([each.raw_part() for each in log.stored]),
    }


def verify(file: Path, files: Members) -> Report | str:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return audited(file)


def audited(file: Path) -> Report | str:
    try:
        return audit_copy(str(file), None, Asked(log_key=KEY.verifier, workers=1), lambda _: None, lambda _: None)
    except CopyError as fault:
        return str(fault)
