"""Settings of ``restore_files``."""

from dataclasses import dataclass, field
from pathlib import Path

from photopulse.provenance.signing import Signature
from photopulse.restoration.names import OutputFormat
from photopulse.restoration.settings import RestoreSettings


@dataclass(frozen=True, kw_only=True)
class RestoreBatchSettings:
    """The settings of a run over many photos; ValueError if there is a mask but nothing is repaired.

    Attributes:
        restore: settings of the restoration of each photo.
        format: file format of the results; None keeps the input's if it can be written, otherwise PNG is used.
        compare: whether a picture of before and after is written, too.
        mask: picture of the photo's size that is white where the photo is damaged; only for a single photo.
        save_mask: whether a picture is written, too, that is white where the photo was repaired.
        resume: whether results of an earlier run with the same settings are kept.
        signature: what the results are signed with; None for no signature.
        overwrite: whether a result overwrites an existing file that is no earlier result of the same photo; if not,
            the result gets the next free name.
    """

    restore: RestoreSettings = field(default_factory=RestoreSettings)
    format: OutputFormat | None = None
    compare: bool = False
    mask: Path | None = None
    save_mask: bool = False
    signature: Signature | None = None
    resume: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.restore.repairs and (self.mask is not None or self.save_mask):
            raise ValueError(
                "a mask tells what is repaired, but these settings repair nothing: leave one of the two out"
            )
