"""What is drawn where: rows on stdout, errors and the summary on stderr, a bar only on a terminal."""

import io
import sys

import pytest

from photopulse.cli import progress
from photopulse.runs.report import ReportItem
from photopulse.runs.watcher import Watcher

DONE = ReportItem(
    input="a.jpg", output="out/a.png", status="converged", downscale_mse=0.00087, eps=0.001, seconds=1.26, seed=0
)
FAILED = ReportItem(input="b.jpg", status="failed", error="cannot read b.jpg: no. Try again.")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_a_finished_row_is_one_line_on_stdout(capsys):
    progress.print_item(DONE)
    captured = capsys.readouterr()
    assert captured.out == "out/a.png  converged  mse 8.70e-04 (eps 0.001)  1.3 s\n"
    assert captured.err == ""


def test_a_kept_row_says_so_instead_of_its_old_time(capsys):
    progress.print_item(DONE, resumed=True)
    assert capsys.readouterr().out == "out/a.png  converged  mse 8.70e-04 (eps 0.001)  kept from an earlier run\n"


def test_an_aligned_row_has_no_error_of_downscaling(capsys):
    progress.print_item(ReportItem(input="a.jpg", output="out/a.png", status="aligned", seconds=0.5))
    assert capsys.readouterr().out == "out/a.png  aligned  0.5 s\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_failed_row_is_an_error_on_stderr_quiet_or_not(capsys, quiet):
    progress.print_item(FAILED, quiet=quiet)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "error: cannot read b.jpg: no. Try again.\n")


def test_quiet_rows_are_silent(capsys):
    progress.print_item(DONE, quiet=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_that_the_terminal_cannot_show_is_escaped(monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    progress.print_item(ReportItem(input="x", output="日\udcff.png", status="aligned"))
    sys.stdout.flush()
    shown = raw.getvalue().decode(encoding).rstrip()
    assert shown == ("日\\udcff.png  aligned" if encoding == "utf-8" else "\\u65e5\\udcff.png  aligned")


def work(watcher):
    """Two searches, of which one fails."""
    watcher.start("a.png and 1 more", 2)
    watcher.step(1, figures={"mse": 0.0123})
    watcher.step(2, doing="[red]closing the gap", figures={"mse": 0.0012})
    watcher.log(2, {"mse": 0.0045})
    watcher.end(DONE)
    watcher.end(FAILED)
    watcher.note("a [bold]note")


@pytest.fixture
def watch_on_terminal(monkeypatch):
    """Makes stderr a terminal, at once and not before the test begins, and returns it."""

    def watch():
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "200")
        return terminal

    return watch


@pytest.mark.parametrize("quiet", [False, True])
def test_no_bar_where_nobody_watches_but_failures_notes_and_what_is_logged(capsys, quiet):
    with progress.watching(quiet=quiet) as watcher:
        work(watcher)
    captured = capsys.readouterr()
    logged, error, note = captured.err.splitlines()
    assert logged.startswith("step 2  ")
    assert logged.endswith(" s a step  mse 0.0045")
    assert (error, note) == (f"error: {FAILED.error}", "a [bold]note")
    assert captured.out.startswith("out/a.png") is not quiet


def test_a_bar_on_a_terminal_tells_the_stage_its_steps_what_is_done_figures_and_speed(watch_on_terminal, capsys):
    terminal = watch_on_terminal()
    with progress.watching(quiet=True) as watcher:
        watcher.start("a.png and 1 more", 3)
        watcher.step(1)
        watcher.step(2, doing="[red]closing the gap", figures={"mse": 0.0012})
        watcher.log(2, {"mse": 0.0045})
        watcher.note("a [bold]note")
    for words in ("a.png and 1 more", "2/3", "[red]closing the gap  mse 0.0012", " s a step", "a [bold]note"):
        assert words in terminal.getvalue()
    assert "0.0045" not in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_rows_reach_a_file_also_while_the_bar_is_on_the_terminal(watch_on_terminal, monkeypatch, tmp_path):
    terminal = watch_on_terminal()
    with (tmp_path / "rows.txt").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with progress.watching() as watcher:
            work(watcher)
        monkeypatch.undo()
    assert (tmp_path / "rows.txt").read_text() == ("out/a.png  converged  mse 8.70e-04 (eps 0.001)  1.3 s\n")
    assert "out/a.png" not in terminal.getvalue()


def test_a_spinner_turns_on_a_terminal_only(watch_on_terminal, monkeypatch, capsys):
    terminal = watch_on_terminal()
    with progress.spinner("loading [red]") as tell:
        tell("converting [red]")
    assert "converting [red]" in terminal.getvalue()
    monkeypatch.undo()
    with progress.spinner("loading") as tell:
        tell("converting")
    assert capsys.readouterr() == ("", "")


def test_a_watcher_that_overrides_nothing_hears_all_and_says_nothing(capsys):
    work(Watcher())
    assert capsys.readouterr() == ("", "")


def test_the_summary_counts_and_names_the_report(capsys, tmp_path):
    items = [DONE, FAILED, ReportItem(input="c", output="c.png", status="not-converged"), DONE]
    progress.print_report("upscale", items, tmp_path / "[dim]out", as_json=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first == f"2 converged, 1 failed, 1 not-converged; report: {tmp_path / '[dim]out' / 'report.json'}"
    assert second.startswith("not-converged: the result is the best found")


@pytest.mark.parametrize(("error", "asks"), [(1.9e-3, False), (2.1e-3, True)])
def test_a_result_very_far_from_its_input_asks_whether_that_is_an_aligned_face(capsys, tmp_path, error, asks):
    item = ReportItem(input="c", output="c.png", status="not-converged", downscale_mse=error, eps=1e-4)
    progress.print_report("upscale", [item], tmp_path, as_json=False)
    assert ("--align" in capsys.readouterr().err) is asks


def test_the_summary_of_nothing_says_so(capsys, tmp_path):
    progress.print_report("align", [], tmp_path, as_json=False)
    assert capsys.readouterr().err == f"nothing to do; report: {tmp_path / 'report.json'}\n"
