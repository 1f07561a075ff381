"""The style encoder as searches use it: found by the generator's weights, and where a search begins."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search import companion_files
from photopulse.search.companion_files import save_fit
from photopulse.search.encoder_cache import encoder_path, find_encoder, make_encoder
from photopulse.search.kit import SearchKit
from photopulse.search.prior import GaussianPrior, from_ws, point_to_ws, to_ws
from photopulse.search.style_encoder import StyleEncoder, StyleEncoderSettings

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")


@pytest.fixture(autouse=True)
def _nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion_files, "_SHIPPED", tmp_path / "shipped")


def trained(generator: MobileStyleGAN) -> StyleEncoder:
    encoder = make_encoder(generator)
    torch.nn.init.constant_(encoder.style.bias, 0.5)
    return encoder.eval()


def test_faces_of_any_size_give_a_style_each_and_do_not_influence_each_other():
    encoder = StyleEncoder(16).eval()
    torch.nn.init.normal_(encoder.style.weight)
    faces = torch.rand(3, 3, 40, 40)
    styles = encoder(faces)
    assert styles.shape == (3, 16)
    torch.testing.assert_close(encoder(faces[1:2]), styles[1:2], rtol=1e-4, atol=1e-4)
    assert encoder(torch.rand(1, 3, 16, 16)).shape == (1, 16)
    assert StyleEncoder(8, StyleEncoderSettings(size=16))(faces).shape == (3, 8)


def test_the_encoder_of_these_very_weights_is_found(tiny_generator: MobileStyleGAN, faces: Tensor):
    assert find_encoder(tiny_generator) is None
    encoder = trained(tiny_generator)
    save_fit(encoder, encoder_path(tiny_generator), told={})
    found = find_encoder(tiny_generator)
    assert found is not None
    assert not any(values.requires_grad for values in found.parameters())
    # The file has half precision.
    torch.testing.assert_close(found(faces), encoder(faces), rtol=0, atol=0.01)


def test_a_damaged_file_is_as_good_as_none(tiny_generator: MobileStyleGAN):
    path = encoder_path(tiny_generator)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing")
    assert find_encoder(tiny_generator) is None


def test_a_search_begins_at_the_mean_face_or_where_the_encoder_says(
    tiny_generator: MobileStyleGAN, prior: GaussianPrior, faces: Tensor
):
    guess = SearchKit(generator=tiny_generator, prior=prior).first_guess(faces)
    assert guess.shape == (4, (1 + tiny_generator.num_ws) * tiny_generator.w_dim)
    assert not guess.any()
    encoder = trained(tiny_generator)
    save_fit(encoder, encoder_path(tiny_generator), told={})
    guess = SearchKit(generator=tiny_generator, prior=prior).first_guess(faces)
    # All layers share the style.
    ws = point_to_ws(guess, prior, tiny_generator)
    torch.testing.assert_close(ws, ws[:, :1].expand_as(ws))
    torch.testing.assert_close(from_ws(ws[:, 0], prior, tiny_generator), encoder(faces), rtol=0, atol=0.01)


def test_values_and_styles_undo_each_other(tiny_generator: MobileStyleGAN, prior: GaussianPrior):
    values = torch.randn(2, 3, tiny_generator.w_dim, generator=torch.Generator().manual_seed(0))
    styles = to_ws(values, prior, tiny_generator)
    torch.testing.assert_close(from_ws(styles, prior, tiny_generator), values, rtol=1e-4, atol=1e-4)
