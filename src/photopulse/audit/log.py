"""The log and ``rows.csv`` of a running audit."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from photopulse.audit.rows import AuditRow, read_audit_rows, write_audit_rows
from photopulse.runs.fields import from_fields
from photopulse.runs.rows import RunRows

COMMAND = "audit"
PICTURES = "pictures"


class AuditLog(RunRows[AuditRow]):
    """The rows of an audit, see ``RunRows``; outputs are the pictures in ``folder/pictures``.

    Args:
        folder: folder of the rows and the pictures; it is created.
        resume: whether to reuse what an earlier run finished.

    Raises:
        PhotopulseError: if the folder cannot be created, or the rows of an earlier run cannot be read.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self.pictures = folder / PICTURES
        super().__init__(folder, COMMAND, "rows.csv", resume=resume)

    def publish(self, rows: Sequence[AuditRow]) -> None:
        write_audit_rows(self.path, rows)

    def published(self) -> list[AuditRow]:
        return read_audit_rows(self.path) if self.path.is_file() else []

    def output_of(self, row: AuditRow) -> Path | None:
        return self.pictures / row.picture if row.picture and row.error is None else None

    def key_of(self, row: AuditRow) -> str | None:
        return row.key

    def to_fields(self, row: AuditRow) -> dict[str, Any]:
        return {name: value for name, value in asdict(row).items() if value is not None}

    def from_fields(self, fields: dict[str, Any]) -> AuditRow | None:
        try:
            return from_fields(AuditRow, fields)
        except TypeError:
            return None
