"""The door itself: help, version, interruption, and how quickly it opens."""

import logging
import signal
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photopulse import cli
from photopulse.cli import loading, progress
from photopulse.cli.options import find_device

COMMANDS = ("upscale", "align", "sample", "evaluate", "audit", "models")


def run(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def test_help_names_every_command():
    result = run("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert command in result.stdout


def test_without_arguments_the_help_is_shown():
    assert "upscale" in run().output


@pytest.mark.parametrize(
    "arguments",
    [
        ("upscale",),
        (
            "align",
            "audit",
            "evaluate",
        ),
        ("nonsense",),
        ("upscale", "x", "--nonsense"),
    ],
)
def test_wrong_usage_exits_with_two(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_the_version_is_that_of_the_package():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, version("photopulse") + "\n")
    module = subprocess.run([sys.executable, "-m", "photopulse", "--version"], capture_output=True, text=True)
    assert (module.returncode, module.stdout, module.stderr) == (0, version("photopulse") + "\n", "")


def test_help_opens_without_loading_torch():
    code = """
import sys
from photopulse.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {"torch", "cv2", "scipy"} & set(sys.modules), sorted(sys.modules)
"""
    for arguments in (["--help"], ["upscale", "--help"], ["align", "audit", "evaluate", "--help"]):
        result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


def test_an_interruption_outside_of_a_command_exits_with_130(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 130


@pytest.fixture(autouse=True)
def restored_process():
    """What ``main`` sets for its process, tests of it set for pytest's."""
    before = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        yield
    signal.signal(signal.SIGTERM, before)
    logging.getLogger().handlers[:] = [
        handler for handler in logging.getLogger().handlers if not isinstance(handler, logging.NullHandler)
    ]


def test_auto_is_the_best_device_and_names_stay(monkeypatch):
    import torch

    assert find_device("cuda:1") == "cuda:1"
    for cuda, mps, best in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert find_device("auto") == best


@pytest.mark.parametrize("watched", [True, False])
def test_loading_says_what_it_waits_for_only_on_a_terminal(monkeypatch, capsys, watched):
    from photopulse.faces.detect import FaceDetector
    from photopulse.generators.files import load

    monkeypatch.setattr(progress, "is_interactive", lambda: watched)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(load, "load_generator", lambda name, device: (name, device))
    monkeypatch.setattr(FaceDetector, "load", lambda: "detector")
    assert loading.load_with_progress("my.pkl", "cuda") == ("my.pkl", "cuda")
    assert loading.load_detector() == "detector"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("fetched" in captured.err) is watched


def test_a_disk_that_is_full_behind_stdout_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "photopulse", "models", "list"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "error: cannot print the result: No space left on device.\n"


@pytest.mark.parametrize("error", [MemoryError(), ImportError("libtorch.so: failed to map segment from shared object")])
def test_too_little_memory_is_one_line(error, monkeypatch, capfd):
    def starved():
        raise error

    monkeypatch.setattr(cli, "app", starved)
    monkeypatch.setattr(cli, "_end_without_stdout", lambda: sys.exit(1))
    with pytest.raises(SystemExit):
        cli.main()
    assert capfd.readouterr().err == "error: the memory is full. Close other programs.\n"


@pytest.mark.parametrize("arguments", [("",), ("a.png", "-o", "")])
def test_an_empty_name_is_not_the_current_folder(arguments):
    result = run("restore", *arguments)
    assert result.exit_code == 2
    assert "is empty" in result.stderr
