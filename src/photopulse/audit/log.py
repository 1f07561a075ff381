"""The rows of a running audit: saved after each new one, so that a rerun goes on."""

from pathlib import Path

from photopulse.audit.rows import AuditRow, read_audit_rows, write_audit_rows
from photopulse.errors import PhotopulseError


class AuditLog:
    """``rows.csv`` in the order of the work, kept up to date.

    Until the end, the file also keeps the rows of an earlier run that this one has not come to yet: whatever
    ends it, nothing that was finished is forgotten.

    Args:
        folder: where the rows and the pictures lie; it is made.
        resume: take over what an earlier run finished.

    Raises:
        PhotopulseError: if the folder cannot be made, or the rows of the earlier run cannot be read.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self.path = folder / "rows.csv"
        self._rows: dict[int, AuditRow] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PhotopulseError(
                f"cannot write {folder}", why=error.strerror or str(error), fix="choose another folder with -o"
            ) from error
        earlier = read_audit_rows(self.path) if resume and self.path.is_file() else []
        self._earlier = {row.key: row for row in earlier if row.key and row.error is None}

    @property
    def rows(self) -> list[AuditRow]:
        """The rows so far."""
        return [self._rows[place] for place in sorted(self._rows)]

    def finished(self, key: str, picture: Path) -> AuditRow | None:
        """Returns the row that an earlier run gave to a key, if its picture is there."""
        row = self._earlier.get(key)
        return row if row is not None and row.picture == picture.name and picture.is_file() else None

    def keep(self, place: int, row: AuditRow) -> None:
        """Adds a row of an earlier run, which the file has already, at its place in the order of the work."""
        self._rows[place] = row

    def add(self, place: int, row: AuditRow) -> None:
        """Adds a new row at its place in the order of the work, and saves.

        Raises:
            PhotopulseError: if the file cannot be written.
        """
        self._rows[place] = row
        rows = self.rows
        written = {row.key for row in rows}
        write_audit_rows(self.path, [*rows, *(row for key, row in self._earlier.items() if key not in written)])

    def close(self) -> list[AuditRow]:
        """Saves the rows of this run alone, and returns them."""
        write_audit_rows(self.path, self.rows)
        return self.rows
