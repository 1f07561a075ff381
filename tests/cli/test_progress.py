"""What is drawn where: rows on stdout, errors and the summary on stderr, a bar only on a terminal."""

import io
import sys

import pytest
import torch

from photopulse.cli import progress
from photopulse.runs.report import ReportItem
from photopulse.search.problem import SearchResult
from photopulse.search.pulse import SearchState

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


def a_state(step):
    best = SearchResult(
        image=torch.zeros(1, 3, 4, 4),
        ws=torch.zeros(1, 2, 4),
        noise=(),
        downscale_mse=torch.tensor([0.0123]),
        loss=torch.zeros(1),
        converged=torch.tensor([False]),
        steps=step,
        full_evaluations=step,
    )
    return SearchState(step=step, image=best.image, losses={}, downscale_mse=best.downscale_mse, best=best)


def watch(quiet=False):
    with progress.watch_searches(steps=2, quiet=quiet) as watcher:
        watcher.on_start(["a.png", "b.png"])
        watcher.on_step(a_state(1))
        watcher.on_step(a_state(2))
        watcher.on_item(DONE, False)
        watcher.on_item(FAILED, False)


@pytest.mark.parametrize("quiet", [False, True])
def test_no_bar_where_nobody_watches(capsys, quiet):
    watch(quiet)
    captured = capsys.readouterr()
    assert captured.err == f"error: {FAILED.error}\n"
    assert captured.out.startswith("out/a.png") is not quiet


def test_a_bar_on_a_terminal_names_the_files_and_the_error_so_far(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with progress.watch_searches(steps=2, quiet=True) as watcher:
        watcher.on_start(["a.png", "b.png"])
        watcher.on_step(a_state(1))
        monkeypatch.undo()
        watcher.on_item(DONE, False)
    assert "a.png and 1 more" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_rows_reach_a_file_also_while_the_bar_is_on_the_terminal(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with (tmp_path / "rows.txt").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        watch()
        monkeypatch.undo()
    assert (tmp_path / "rows.txt").read_text().startswith("out/a.png  converged")


def test_the_summary_counts_and_names_the_report(capsys, tmp_path):
    items = [DONE, FAILED, ReportItem(input="c", output="c.png", status="not-converged"), DONE]
    progress.print_report("upscale", items, tmp_path / "[dim]out", as_json=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first == f"2 converged, 1 failed, 1 not-converged; report: {tmp_path / '[dim]out' / 'report.json'}"
    assert second.startswith("not-converged: the face is the best found")


def test_the_summary_of_nothing_says_so(capsys, tmp_path):
    progress.print_report("align", [], tmp_path, as_json=False)
    assert capsys.readouterr().err == f"nothing to do; report: {tmp_path / 'report.json'}\n"
