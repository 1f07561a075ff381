"""Before and after on one sheet."""

import numpy as np
import torch
from PIL import Image

from photopulse.images import write_image
from photopulse.restoration import compare as restore_compare
from photopulse.restoration.compare import write_comparison
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

GAP = 8


def test_the_input_stands_left_as_large_as_the_result(tmp_path, toy_restore_kit):
    write_image(tmp_path / "a.png", torch.full((1, 3, 40, 100), 0.4))
    restored = restore_photo(tmp_path / "a.png", kit=toy_restore_kit(), settings=RestoreSettings(scale=2))
    write_comparison(tmp_path / "sheet.png", tmp_path / "a.png", restored)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    head = sheet.shape[0] - 80 - GAP
    assert sheet.shape[1] == 2 * 200 + 3 * GAP
    assert (sheet[head : head + 80, GAP : GAP + 200] == 102).all()
    assert (abs(sheet[head : head + 80, 2 * GAP + 200 : -GAP] - round(0.65 * 255)) <= 1).all()
    assert (sheet[:head, GAP : GAP + 200] < 100).any()  # the word "before"
    assert (sheet[:head, 2 * GAP + 200 : -GAP] < 100).any()


def test_large_pictures_are_shown_smaller_and_transparent_ones_on_white(tmp_path, toy_restore_kit, monkeypatch):
    monkeypatch.setattr(restore_compare, "LARGEST_SIDE", 50)
    Image.new("RGBA", (100, 60), (0, 0, 0, 0)).save(tmp_path / "a.png")
    restored = restore_photo(tmp_path / "a.png", kit=toy_restore_kit())
    write_comparison(tmp_path / "sheet.png", tmp_path / "a.png", restored)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[1] == 2 * 50 + 3 * GAP
    assert (sheet[-30 - GAP :] == 255).all()
