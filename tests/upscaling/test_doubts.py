"""Inputs that are no faces, and faces that could be taken for such."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from photopulse.upscaling.batch import upscale_files
from photopulse.upscaling.doubts import doubt


def flat(*colour):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 16, 16)


def face():
    """A face of 16 px."""
    small = resize(data.astronaut()[50:160, 170:280], (16, 16), anti_aliasing=True)
    return torch.from_numpy(small).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("colour", [(0.1, 0.7, 0.2), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)])
def test_one_colour_is_no_face(colour):
    assert "shows no face" in (doubt(flat(*colour)) or "")


def test_a_gradient_and_the_noise_of_rounding_are_no_face():
    ramp = torch.linspace(0.1, 0.9, 16)
    slope = (ramp[:, None] + ramp[None]).expand(1, 3, 16, 16) / 2
    assert doubt((slope * 255).round() / 255)
    noise = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert doubt(flat(0.1, 0.7, 0.2) + noise / 255)


@pytest.mark.parametrize("contrast", [1, 0.5, 0.2])
def test_a_face_is_not_doubted_however_pale_or_dark(contrast):
    assert doubt(contrast * face()) is None
    assert doubt(contrast * face() + (1 - contrast) / 2) is None


def test_the_row_and_the_screen_say_that_an_input_is_no_face(faces, tmp_path, tiny_generator, capsys):
    from PIL import Image

    from photopulse.cli.progress import print_report
    from photopulse.search.pulse import PulseSettings
    from photopulse.upscaling.batch_settings import BatchSettings
    from photopulse.upscaling.upscale import UpscaleSettings

    files = faces("a.png", "green.png")
    Image.fromarray(np.full((8, 8, 3), (30, 180, 60), dtype=np.uint8)).save(files[1])
    # Both count as converged.
    classic = PulseSettings(steps=2, eps=1)
    settings = BatchSettings(upscale=UpscaleSettings(method="classic", classic=classic))
    items = upscale_files(files, tmp_path / "out", tiny_generator, settings)
    assert [item.status for item in items] == ["converged", "converged"]
    assert items[0].doubt is None
    assert "shows no face" in items[1].doubt
    print_report("upscale", items, tmp_path, as_json=False)
    told = capsys.readouterr().err
    assert "warning: not a face: the input is an even colour" in told
    assert "(1 of 2)" in told
