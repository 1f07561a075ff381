"""`photopulse evaluate` as a user meets it."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.evaluation.records import read_rows


@pytest.fixture
def evaluate(tmp_path, tiny_file, shared_cache, one_thread):
    """Runs ``photopulse evaluate ... -o out`` on aligned faces of 32 px, made 8 px small."""

    def run(*arguments):
        settings = ("-o", tmp_path / "out", "--generator", tiny_file, "--aligned", "--small", 8)
        quick = ("--size", 32, "--methods", "nearest, pulse:2", "--no-perceptual", "--no-identity", "--no-faces")
        return CliRunner().invoke(app, ["evaluate", *map(str, settings + quick + arguments)])

    return run


@pytest.fixture
def folder(faces, tmp_path):
    faces("a.png", "b.png", size=32)
    return tmp_path / "in"


def test_a_folder_becomes_a_table(evaluate, folder, tmp_path):
    result = evaluate(folder)
    assert result.exit_code == 3
    assert result.stdout == (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert [word in result.stdout for word in ("original", "nearest", "pulse:2")] == [True] * 3
    assert len(read_rows(tmp_path / "out/rows.csv")) == 6
    assert result.stderr == ""


def test_photos_of_subfolders_are_named_with_their_place(evaluate, folder, faces, tmp_path):
    (folder / "sub").mkdir()
    faces("sub/a.png", size=32)
    result = evaluate(folder, "--recursive", "--corruption", "clean", "--corruption", "jpeg:30")
    assert result.exit_code == 3, result.stderr
    assert {row.image for row in read_rows(tmp_path / "out/rows.csv")} == {"a", "b", "sub/a"}
    assert (tmp_path / "out/sharp/sub/a.png").is_file()
    assert (tmp_path / "out/figures/robustness-32-sub-a.png").is_file()


def test_json_is_the_table_as_it_is_written(evaluate, folder, tmp_path):
    result = evaluate(folder, "--json", "--corruption", "noise-25", "--corruption", "jpeg:30")
    assert result.stdout == (tmp_path / "out/table.json").read_text(encoding="utf-8")
    assert {summary["condition"] for summary in json.loads(result.stdout)["summaries"]} == {"noise:25", "jpeg:30"}


def test_quick_methods_alone_exit_with_0(evaluate, folder):
    assert evaluate(folder, "--methods", "nearest,bicubic,lanczos").exit_code == 0


def test_a_limit_holds_for_its_method(evaluate, folder, tmp_path):
    evaluate(folder, "--limit", "pulse:2=1")
    rows = read_rows(tmp_path / "out/rows.csv")
    assert [row.image for row in rows if row.method == "pulse:2"] == ["a"]
    assert [row.image for row in rows if row.method == "nearest"] == ["a", "b"]


def test_a_picture_that_fails_is_told_and_exits_with_1(evaluate, folder):
    (folder / "b.png").write_bytes(b"no picture")
    Image.new("RGB", (48, 32)).save(folder / "c.png")
    result = evaluate(folder)
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("error: b: cannot read")
    assert "c.png: it has 48 x 32 px" in second


def test_what_is_left_out_is_said(evaluate, folder):
    result = evaluate(folder, "--methods", "nearest,fsrnet")
    assert result.exit_code == 0
    assert result.stderr == "fsrnet is left out at 32 px: it does not enlarge 8 px to that\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "magic"), "unknown method 'magic'; choose one of nearest, bicubic"),
        (("--methods", "pulse:x"), "write for example pulse:400"),
        (("--corruption", "fog"), "there is no corruption 'fog'"),
        (("--limit", "nearest"), "cannot read the limit 'nearest': write for example pulse=16"),
        (("--limit", "bicubic=3"), "the limit bicubic=3 is for none of the methods"),
        (("--size", "100"), "results of 100 px cannot be compared with inputs of 8 px"),
        (("--degradation", "magic"), "unknown degradation 'magic'"),
        (("--generator", "magic"), "magic"),
    ],
)
def test_wrong_usage_exits_with_2_before_any_table(evaluate, folder, tmp_path, arguments, message):
    result = evaluate(folder, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out/rows.csv").exists()


@pytest.fixture
def restore(folder, tmp_path):
    """Runs ``photopulse evaluate --restore light`` without networks."""

    def run(*arguments):
        settings = (folder, "-o", tmp_path / "out", "--restore", "light", "--methods", "input, bicubic")
        quick = ("--no-perceptual", "--no-identity", "--no-faces")
        return CliRunner().invoke(app, ["evaluate", *map(str, settings + quick + arguments)])

    return run


def test_photos_are_damaged_and_restored_to_the_same_tables(restore, tmp_path):
    result = restore("--restore", "heavy", "--limit", "bicubic=1")
    assert result.exit_code == 0
    assert result.stdout == (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert "## light\n" in result.stdout
    rows = read_rows(tmp_path / "out/rows.csv")
    assert [row.image for row in rows if row.method == "bicubic"] == ["a", "a"]
    assert len(rows) == 10
    assert json.loads((tmp_path / "out/settings.json").read_text())["restore"] == ["light", "heavy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--restore", "dreadful"), "there is no level of damage 'dreadful'"),
        (("--methods", "pulse"), "unknown method 'pulse'; choose one of input, bicubic"),
        (("--methods", "restore:2"), "a fidelity from 0 to 1"),
        (("--size", "64"), "sizes says nothing about photos that are restored"),
    ],
)
def test_what_cannot_be_restored_exits_with_2(restore, tmp_path, arguments, message):
    result = restore(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_lpips_needs_a_file_that_is_there(evaluate, folder, tmp_path):
    result = evaluate(folder, "--lpips", tmp_path / "alexnet.pth")
    assert result.exit_code == 2
    assert "alexnet.pth" in result.stderr.replace("\n", "").replace("│", "").replace(" ", "")
    (tmp_path / "alexnet.pth").write_bytes(b"no weights")
    result = evaluate(folder, "--lpips", tmp_path / "alexnet.pth")
    assert result.exit_code == 2
    assert "it is damaged" in result.stderr


def test_lpips_is_a_column(evaluate, folder, tmp_path, monkeypatch):
    def load(path):
        assert path == tmp_path / "alexnet.pth"
        return lambda a, b: (a - b).abs().mean(dim=(1, 2, 3))

    monkeypatch.setattr("photopulse.evaluation.comparison.load_lpips", load)
    (tmp_path / "alexnet.pth").touch()
    result = evaluate(folder, "--lpips", tmp_path / "alexnet.pth")
    assert "LPIPS ↓" in result.stdout
    rows = read_rows(tmp_path / "out/rows.csv")
    assert all(("lpips" in row.values) == (row.method != "original") for row in rows)
    assert json.loads((tmp_path / "out/settings.json").read_text())["lpips"] == str(tmp_path / "alexnet.pth")


def test_an_empty_folder_exits_with_2(evaluate, tmp_path):
    (tmp_path / "none").mkdir()
    result = evaluate(tmp_path / "none")
    assert result.exit_code == 2
    assert "no pictures in" in result.stderr


def test_an_interruption_exits_with_130_and_a_rerun_goes_on(evaluate, folder, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:

        def interrupted(*_arguments, **_others):
            raise KeyboardInterrupt

        patch.setattr("photopulse.evaluation.searched.upscale", interrupted)
        result = evaluate(folder)
        assert result.exit_code == 130
        assert "the same command goes on from there" in result.stderr
    kept = tmp_path / "out/clean/nearest/32/a.json"
    before = kept.stat().st_mtime_ns
    assert evaluate(folder).exit_code == 3
    assert kept.stat().st_mtime_ns == before
