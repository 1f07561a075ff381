from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.networks.fsrnet import FSRNet, FSRNetSettings
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace
from photopulse.training.fsrnet.pairs import make_batch
from photopulse.training.fsrnet.sheets import COLUMNS, overlay_geometry, write_training_sheet


def test_landmarks_are_white_parts_are_tinted_and_the_rest_is_the_face_in_gray():
    sharp = torch.full((1, 3, 16, 16), 0.25)
    sharp[:, 0] = 0.5
    landmarks, parts = torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4)
    landmarks[0, 1, 0, 0] = 1
    parts[0, 1, 3, 3] = 1
    picture = overlay_geometry(sharp, landmarks, parts)[0]
    torch.testing.assert_close(picture[:, 0, 0], torch.ones(3))
    gray = torch.full((3,), 1 / 3)
    torch.testing.assert_close(picture[:, 2, 13], gray)
    # The second colour of Matplotlib's tab10 is #ff7f0e, at half opacity.
    orange = torch.tensor([0xFF, 0x7F, 0x0E]) / 255
    torch.testing.assert_close(picture[:, 15, 15], (orange + gray) / 2)


@pytest.mark.usefixtures("one_thread")
def test_a_sheet_has_a_line_for_each_face_and_a_column_for_each_stage(
    tiny: FSRNetSettings, faces: list[TrainingFace], tmp_path: Path
):
    batch = make_batch(faces[:2], CropSettings(), np.random.default_rng(0), factor=8, map_size=16)
    path = tmp_path / "samples" / "000500.png"
    write_training_sheet(path, FSRNet(tiny), batch)
    sheet = np.asarray(Image.open(path).convert("RGB"))
    # 8 px of margin, 4 px between the pictures of 256 px, and a line of names above.
    assert sheet.shape[1] == 16 + len(COLUMNS) * 260 - 4
    top = sheet.shape[0] - 8 - 2 * 256 - 4
    column = COLUMNS.index("sharp")
    shown = sheet[top : top + 256 : 2, 8 + column * 260 : 8 + column * 260 + 256 : 2]
    assert abs(shown.transpose(2, 0, 1) / 255 - batch.sharp[0].numpy()).max() < 0.003
    small = sheet[top + 260 : top + 516 : 16, 8:264:16]
    assert abs(small.transpose(2, 0, 1) / 255 - batch.small[1].numpy()).max() < 0.003
