from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.training.run_settings import check_settings, write_settings

ASKED = {"recipe": "fsrnet", "settings": {"steps": 4, "crops": {"scatter": (0.1, 0.2)}}}


def test_the_same_settings_may_go_on_whatever_else_the_file_tells(tmp_path: Path):
    path = tmp_path / "new" / "settings.json"
    write_settings(path, ASKED | {"faces": 12})
    check_settings(path, ASKED)


def test_what_differs_is_named_with_both_values(tmp_path: Path):
    path = tmp_path / "settings.json"
    write_settings(path, ASKED)
    with pytest.raises(PhotopulseError) as caught:
        check_settings(path, {"recipe": "fsrnet", "settings": {"steps": 5, "crops": {"scatter": (0.1, 0.3)}}})
    assert "settings.steps was 4 and is 5 now" in caught.value.why
    assert "settings.crops.scatter was [0.1, 0.2] and is [0.1, 0.3] now" in caught.value.why
    assert "--fresh" in caught.value.fix


@pytest.mark.parametrize("content", [None, "{damaged", "\xff"])
def test_a_missing_or_damaged_file_says_nothing(tmp_path: Path, content: str | None):
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    check_settings(path, ASKED)
