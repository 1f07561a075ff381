"""The bar of a restoration: photo and stage on a terminal, nothing elsewhere."""

import io
import sys
from pathlib import Path
from typing import get_args

import pytest

from photopulse.cli import restore_progress
from photopulse.cli.restore_progress import watch_restorations
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import Stage
from photopulse.runs.report import ReportItem

DONE = ReportItem(input="a.jpg", output="out/a.jpg", status="restored", seconds=1.26)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def watch(*, quiet=False):
    with watch_restorations(2, quiet=quiet) as watcher:
        watcher.on_start(Path("in/[red]a.jpg"))
        watcher.on_stage("faces")
        watcher.on_item(DONE, False)


def test_a_terminal_shows_the_photo_and_each_finished_one_is_a_line(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    watch()
    assert "[red]a.jpg" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()
    assert capsys.readouterr().out == "out/a.jpg  restored  1.3 s\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_elsewhere_there_is_no_bar_and_quiet_prints_no_line(capsys, quiet):
    watch(quiet=quiet)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == ("" if quiet else "out/a.jpg  restored  1.3 s\n")


def test_every_stage_has_words():
    assert set(restore_progress._DOING) == set(get_args(Stage))


@pytest.mark.parametrize("interactive", [False, True])
def test_loading_says_so_only_on_a_terminal(monkeypatch, capsys, interactive):
    monkeypatch.setattr(RestoreKit, "load", lambda settings, device: (settings, device))
    terminal = Terminal() if interactive else io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    settings = RestoreSettings()
    assert restore_progress.load_kit(settings, "cpu") == (settings, "cpu")
    assert ("loading the networks" in terminal.getvalue()) == interactive
