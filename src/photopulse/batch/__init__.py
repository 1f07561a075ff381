"""Many files: one report, resumable, no item's failure stops another's."""

from photopulse.batch.align import align_files
from photopulse.batch.report import ReportItem, exit_code, to_json
from photopulse.batch.restore import RestoreBatchSettings, RestoreWatcher, restore_files
from photopulse.batch.settings import BatchSettings, Watcher
from photopulse.batch.upscale import upscale_files

__all__ = [
    "BatchSettings",
    "ReportItem",
    "RestoreBatchSettings",
    "RestoreWatcher",
    "Watcher",
    "align_files",
    "exit_code",
    "restore_files",
    "to_json",
    "upscale_files",
]
