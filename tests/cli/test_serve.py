"""`photopulse serve` as a user meets it: what it refuses, and one start to the end."""

import signal
import subprocess
import sys
import urllib.request

import pytest
from typer.testing import CliRunner

from photopulse.cli import app


def serve(*arguments):
    return CliRunner().invoke(app, ["serve", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "give --token or --password-file"),
        (["--token", "short"], "must have 8 characters or more"),
        (["--keep", "nan"], "--keep above 0"),
        (["--token", "long enough", "--password-file", "none"], "leave one out"),
        (["--password-file", "none"], "cannot read none"),
        (["--host", "203.0.113.1", "--token", "long enough"], "cannot listen on 203.0.113.1, port 8000"),
        (["--port", "0", "--certificate", "none"], "cannot use the certificate"),
    ],
)
def test_what_cannot_be_served_is_wrong_usage(arguments, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = serve(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("photopulse.cli.serve_options.PACKAGES", ("no_such_package",))
    result = serve()
    assert (result.exit_code, result.stderr) == (
        2,
        "error: cannot serve: no_such_package is not installed. Run `pip install 'photopulse[web]'`.\n",
    )


def test_it_serves_until_it_is_interrupted_and_leaves_nothing(tmp_path):
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from photopulse.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", "0"]
    environment = {"TMPDIR": str(tmp_path), "PHOTOPULSE_OFFLINE": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        line = server.stderr.readline()
        address = line.split()[2]
        assert line == f"photopulse serves {address} (Ctrl-C ends it and deletes all pictures)\n"
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            assert answer.read() == b"ok\n"
        assert [path.name[:17] for path in tmp_path.iterdir()] == ["photopulse-serve-"]
        server.send_signal(signal.SIGINT)
        assert server.wait() == 130
        assert server.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []
