"""`photopulse study` as a user meets it: make, serve until killed, go on, score."""

import json
import signal
import subprocess
import sys
import urllib.parse
import urllib.request

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.study.answers import Start, append_answer, read_answers
from photopulse.study.plan import read_plan
from photopulse.study.simulate import SimulatedRater, simulate_answers

SEEN = {"seconds": "1.5", "screen": "800x600", "window": "800x500", "zoom": "1", "whole": "true"}


@pytest.fixture
def methods(tmp_path):
    """A folder of four methods with six faces."""
    random = np.random.default_rng(0)
    for method in ("original", "nearest", "mine", "yours"):
        (tmp_path / "methods" / method).mkdir(parents=True)
        for face in range(6):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "methods" / method / f"{face}.png")
    return tmp_path / "methods"


def study(*arguments):
    return CliRunner().invoke(app, ["study", *map(str, arguments)])


def serve(folder):
    """Starts the server in a process of its own, and returns it with its address."""
    program = "from photopulse.cli import main; main()"
    command = [sys.executable, "-c", program, "study", "serve", str(folder), "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    line = server.stderr.readline()
    assert line.startswith("photopulse serves the study at http://127.0.0.1:"), line
    return server, line.split()[5]


def post(address, fields):
    data = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(address, data) as answer:
        return json.load(answer)


def answer(address, rater, most):
    """Answers trials by their numbers, so that raters agree: 1 to 5 in turn."""
    while rater["trial"] is not None and rater["trial"]["number"] < most:
        trial = rater["trial"]
        told = {"trial": trial["number"], "answer": trial["example"] or 1 + trial["number"] % 2, **SEEN}
        rater = post(f"{address}/api/v1/raters/{rater['rater']}/answers", told)
    return rater


def test_a_study_is_made_served_killed_continued_and_scored(methods, tmp_path):
    folder = tmp_path / "study"
    made = study("make", methods, "-o", folder, "--training", 1, "--gold", 1, "--ratings", 2)
    assert (made.exit_code, made.stdout) == (0, f"{folder}  4 methods, 2 raters, 20 pictures or pairs each\n")
    # One rater stops in the middle, when the server is killed; what was told as recorded is there.
    server, address = serve(folder)
    with server:
        answer(address, post(f"{address}/api/v1/raters", {"agree": "true"}), 100)
        rater = answer(address, post(f"{address}/api/v1/raters", {"agree": "true"}), 9)
        server.send_signal(signal.SIGKILL)
    assert [len(one.answers) for one in read_answers(folder, read_plan(folder))] == [20, 9]
    server, address = serve(folder)
    with server:
        with urllib.request.urlopen(f"{address}/api/v1/raters/{rater['rater']}") as told:
            rater = json.load(told)
        assert rater["trial"]["number"] == 9
        answer(address, rater, 100)
        server.send_signal(signal.SIGKILL)
    assert [len(one.answers) for one in read_answers(folder, read_plan(folder))] == [20, 20]
    # These two answered by numbers and not by pictures, which the score tells.
    scored = study("score", folder)
    assert scored.exit_code == 2
    assert "of 2 raters, " in scored.stderr
    assert "as if at random" in scored.stderr


def simulate(folder):
    """Writes the answers of six raters who agree."""
    plan = read_plan(folder)
    quality = {"original": 4.0, "mine": 3.0, "yours": 2.0, "nearest": 1.0}
    truth = {picture.id: quality[picture.method] for picture in plan.pictures}
    for rater in simulate_answers(plan, truth, [SimulatedRater(noise=0.4)] * 6, np.random.default_rng(0)):
        for line in (Start(rater=rater.rater, seat=rater.seat), *rater.answers):
            append_answer(folder, line)


def test_scores_are_printed_as_a_page_or_as_json(methods, tmp_path):
    folder = tmp_path / "study"
    study("make", methods, "-o", folder, "--training", 1, "--gold", 1, "--ratings", 6)
    simulate(folder)
    page = study("score", folder)
    assert page.exit_code == 0
    assert page.stdout == (folder / "scores" / "table.md").read_text()
    told = json.loads(study("score", folder, "-o", tmp_path / "else", "--json").stdout)
    assert [one["method"] for one in told["methods"]] == ["original", "mine", "yours", "nearest"]
    assert (tmp_path / "else" / "figures" / "scores.png").is_file()


def test_nothing_that_a_terminal_obeys_is_printed(methods, tmp_path):
    folder = tmp_path / "study \x1b[2J"
    options = ("--training", 1, "--gold", 1, "--ratings", 6, "--title", "evil \x1b]0;owned\x07 \x9b2J \u202e")
    made = study("make", methods, "-o", folder, *options)
    assert "study \\x1b[2J  4 methods" in made.stdout
    simulate(folder)
    for told in (study("score", folder), study("score", folder, "--json")):
        assert told.exit_code == 0, told.output
        assert "evil" in told.stdout
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(made.stdout + told.stdout)


def test_texts_for_raters_are_read_within_bounds(methods, tmp_path, monkeypatch):
    monkeypatch.setattr("photopulse.cli.study._MOST_TEXT", 10)
    for name, content, told in (
        ("long.txt", b"a" * 11, "it has more than 10 bytes"),
        ("latin.txt", b"\xff", "it is no text in UTF-8"),
    ):
        (tmp_path / name).write_bytes(content)
        refused = study("make", methods, "-o", tmp_path / "study", "--consent", tmp_path / name)
        assert refused.exit_code == 2
        assert told in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["make", "methods", "--size", "1"], "greater than or equal to 16"),
        (["make", "methods", "--worst", "mosaic"], "there is no method mosaic"),
        (["make", "none"], "cannot make a study of none"),
        (["make", "methods", "--repeats", "nan"], "--repeats"),
        (["make", "methods", "--consent", "none.txt"], "cannot read none.txt"),
        (["serve", "methods"], "cannot read methods/study.json"),
        (["serve", "methods", "--host", "0.0.0.0"], "give --token or --password-file"),
        (["score", "methods"], "cannot read methods/study.json"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(methods, monkeypatch, arguments, told):
    monkeypatch.chdir(methods.parent)
    result = study(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_missing_packages_are_named_with_the_command_that_installs_them(tmp_path, monkeypatch):
    monkeypatch.setattr("photopulse.cli.serve_options.PACKAGES", ("no_such_package",))
    monkeypatch.setattr("photopulse.extras.find_spec", lambda name: None)
    assert "pip install 'photopulse[study]'" in study("serve", tmp_path).stderr
    assert "choix is not installed. Run `pip install 'photopulse[study]'`." in study("score", tmp_path).stderr
