"""What is printed is only shown: no name moves the cursor, renames the window or turns the text around."""

import io
import json

import pytest

from photopulse.cli.console import print_error, print_line, printable
from photopulse.cli.progress import print_item
from photopulse.runs.report import ReportItem, to_json

EVIL = "a\x1b]0;owned\x07\n\x9b2J\u202egnp.\udcff[red]b[/red]:smile:"
SHOWN = r"a\x1b]0;owned\x07\n\x9b2J\u202egnp.\udcff[red]b[/red]:smile:"


def test_names_are_printed_with_escapes_and_without_markup(capsys):
    print_line(EVIL)
    print_line(EVIL, error=True)
    print_error(EVIL)
    told = capsys.readouterr()
    assert told.out == f"{SHOWN}\n"
    assert told.err == f"{SHOWN}\nerror: {SHOWN}\n"


@pytest.mark.parametrize("text", ["grüße 日本語 👩 1\u202f2\xa03.png", "[a] \\x1b"])
def test_what_people_write_stays_as_it_is(text):
    assert printable(text) == text


def test_lines_of_a_table_stay_lines():
    assert printable("a\x1b\nb", lines=True) == "a\\x1b\nb"


def test_the_report_holds_nothing_that_a_terminal_obeys_and_reads_back_exactly():
    text = to_json("restore", [ReportItem(input=EVIL, status="failed", error="ü")])
    assert "ü" in text
    assert not {"\x1b", "\x9b", "\u202e", "\udcff"} & set(text)
    assert json.loads(text)["items"][0]["input"] == EVIL


HOSTILE = [
    {"downscale_mse": 0.5},
    {"damage": {"fading": 5, "screens": 3}},
    {"damage": {"fading": {"amount": "x"}}},
    {"faces": [{"why_not": [1], "restored": {}}]},
    {"faces": [], "mended": ("x",)},
    {"size": (-1, 10**400), "seconds": float("nan")},
    {"frames": -(10**400), "missing_rows": -1},
    {"repaired": float("inf"), "cleaned": 0},
]


@pytest.mark.parametrize("fields", HOSTILE)
def test_a_row_of_a_report_that_was_edited_is_printed(fields, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    print_item(ReportItem(input="a", output="b", status="restored", **fields), resumed=True)
