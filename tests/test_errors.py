import copy
import pickle
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError, file_errors


def an_error() -> PhotopulseError:
    return PhotopulseError("cannot read a.jpg", why="the file ends early", fix="copy it again from its source")


def test_the_message_says_what_why_and_the_way_out():
    assert str(an_error()) == "cannot read a.jpg: the file ends early. Copy it again from its source."


def test_the_parts_can_be_read_apart():
    error = an_error()
    assert (error.what, error.why, error.fix) == (
        "cannot read a.jpg",
        "the file ends early",
        "copy it again from its source",
    )


def test_only_the_first_letter_of_the_way_out_is_raised():
    error = PhotopulseError("x", why="y", fix="set PHOTOPULSE_CACHE to ~/Cache")
    assert str(error) == "x: y. Set PHOTOPULSE_CACHE to ~/Cache."


def test_an_error_survives_pickling_and_copying():
    for error in (pickle.loads(pickle.dumps(an_error())), copy.copy(an_error()), copy.deepcopy(an_error())):
        assert type(error) is PhotopulseError
        assert str(error) == str(an_error())
        assert (error.what, error.why, error.fix) == (an_error().what, an_error().why, an_error().fix)


def test_why_and_fix_must_be_named():
    with pytest.raises(TypeError):
        PhotopulseError("what", "why", "fix")  # type: ignore[misc]


def test_it_is_an_ordinary_exception_that_keeps_its_cause():
    cause = OSError("disk full")
    with pytest.raises(Exception, match="cannot read") as caught:
        raise an_error() from cause
    assert caught.value.__cause__ is cause


def test_an_error_of_a_file_names_the_reason_of_the_system_alone(tmp_path: Path):
    file = tmp_path / "none.csv"
    with pytest.raises(PhotopulseError) as raised, file_errors(f"cannot read {file}", fix="check the path"):
        file.read_bytes()
    assert str(raised.value) == f"cannot read {file}: No such file or directory. Check the path."
    assert isinstance(raised.value.__cause__, FileNotFoundError)


def test_other_errors_and_errors_without_a_number_keep_their_words():
    with pytest.raises(ValueError, match="odd"), file_errors("cannot read it", fix="mend it"):
        raise ValueError("odd")
    with pytest.raises(PhotopulseError, match="there is no room left"), file_errors("cannot write it", fix="mend it"):
        raise OSError("there is no room left")
