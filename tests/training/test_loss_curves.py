from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photopulse.training.loss_curves import write_loss_curves


@pytest.mark.parametrize("lines", ["50,1.0,0.5,2\n", "50,1.0,0.5,2\n100,2.0,0.4,3\n"])
def test_each_loss_has_a_panel_of_its_own(tmp_path: Path, lines: str):
    table = tmp_path / "losses.csv"
    table.write_text("step,seconds,pixel,discriminator\n" + lines)
    write_loss_curves(tmp_path / "losses.png", table)
    with Image.open(tmp_path / "losses.png") as picture:
        assert picture.width == round(2 * picture.height * 3.2 / 2.6)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    # Blue on the left, vermillion on the right: the first two colours of the palette.
    for colour, half in (((0, 114, 178), 0), ((213, 94, 0), 1)):
        near = (abs(pixels - colour).sum(axis=2) < 30).nonzero()[1]
        assert len(near) > 20
        assert set(near // (pixels.shape[1] // 2)) == {half}
