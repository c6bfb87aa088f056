"""Small workbooks of other kinds than .xlsx, written by hand: OpenDocument, and records of [MS-XLSB] 2.1.4."""

import io
import struct
import zipfile
from collections.abc import Sequence
from itertools import count
from xml.sax.saxutils import escape

SHEET = "名册"
ODS_TEXT = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
_ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body>'
    '<office:spreadsheet><table:table table:name="{}">{}</table:table></office:spreadsheet></office:body>'
    "</office:document-content>"
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.bin"/></Relationships>'
)


def as_ods(rows: Sequence[Sequence[str]]) -> bytes:
    """A sheet of texts."""
    return ods_of([[ODS_TEXT.format(escape(cell)) for cell in row] for row in rows])


def ods_of(rows: Sequence[Sequence[str]]) -> bytes:
    """A sheet of cells as they are written in XML; LibreOffice pads to the last row."""
    written = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    padding = (
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    return _packed({
        "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": b'<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        "content.xml": _ODS.format(SHEET, written + padding).encode(),
    })  # fmt: skip


def as_xlsb(rows: Sequence[Sequence[str]]) -> bytes:
    """A sheet of texts, each written in its cell."""
    sheet = [record(129), record(148, struct.pack("<4I", 0, len(rows) - 1, 0, len(rows[0]) - 1)), record(145)]
    for number, row in zip(count(), rows):
        sheet.append(record(0, struct.pack("<IIHHBI", number, 0, 300, 0, 0, 0)))
        sheet += [record(6, struct.pack("<II", column, 0) + wide(cell)) for column, cell in enumerate(row)]
    sheet += [record(146), record(130)]
    bundle = record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide(SHEET))
    book = [
        record(131),
        record(153, struct.pack("<II", 0, 0) + wide("")),
        record(143),
        bundle,
        record(144),
        record(132),
    ]
    return _packed({
        "xl/_rels/workbook.bin.rels": _RELATIONS.encode(),
        "xl/workbook.bin": b"".join(book),
        "xl/worksheets/sheet1.bin": b"".join(sheet),
    })  # fmt: skip


def record(number: int, content: bytes = b"") -> bytes:
    """A record: its number and its length in seven bits a byte, and what it holds."""
    return _sevens(number) + _sevens(len(content)) + content


def _sevens(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _sevens(number >> 7)


def wide(text: str) -> bytes:
    """A text with its length in UTF-16."""
    encoded = text.encode("utf-16-le")
    return struct.pack("<I", len(encoded) // 2) + encoded


def _packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()
