"""The certificates for trying are written all together or not at all, and replace nobody's file."""

import resource
import stat

import pytest
from typer.testing import CliRunner

pytest.importorskip("cryptography", reason="the extra provenance is not installed")

from photopulse.cli import app
from photopulse.errors import PhotopulseError
from photopulse.provenance.local_chain import CHAIN, KEY, ROOT, make_local_chain


def test_all_three_are_written_for_their_owner_only(tmp_path):
    make_local_chain(tmp_path / "signing")
    assert {path.name for path in (tmp_path / "signing").iterdir()} == {KEY, CHAIN, ROOT}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "signing").iterdir()} == {0o600}


@pytest.mark.parametrize("name", [KEY, CHAIN, ROOT])
def test_where_one_exists_none_is_written(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(PhotopulseError, match=f"there is a {name} already"):
        make_local_chain(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_to_nowhere_is_not_written_through(tmp_path):
    (tmp_path / ROOT).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PhotopulseError, match="already"):
        make_local_chain(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_where_one_cannot_be_written_none_is_left(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The chain is longer than the key.
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))
    try:
        with pytest.raises(PhotopulseError, match="File too large"):
            make_local_chain(tmp_path / "signing")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "signing").iterdir()) == []


def test_what_a_terminal_obeys_is_only_shown(tmp_path):
    told = CliRunner().invoke(app, ["provenance", "init", "-o", str(tmp_path / "a\x1b[2J")])
    assert told.exit_code == 0
    assert "a\\x1b[2J/key.pem" in told.stdout
