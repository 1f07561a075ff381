"""The invisible mark: what it costs a picture, what it survives, and that nothing else seems to be one."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from photopulse.degrade import Bicubic
from photopulse.images import from_uint8, read_image, to_uint8
from photopulse.images.resize import resized
from photopulse.provenance.code import CHIPS, decode, encode
from photopulse.provenance.embed import add_mark
from photopulse.provenance.find import FALSE_ALARMS, THRESHOLD, find_mark
from photopulse.provenance.marked import marked
from photopulse.provenance.pattern import tile, waves
from photopulse.provenance.payload import payload_of, read_payload

PAYLOAD = payload_of("sample", generator="tiny", seed=3)
EXAMPLE = Path(__file__).parents[2] / "examples" / "portrait.jpg"


def a_picture(side=512, seed=0):
    """Structures of all sizes, as in a photo: the power falls with the square of the frequency."""
    random = np.random.default_rng(seed)
    layers = [gaussian_filter(random.normal(size=(side, side, 3)), (s, s, 0)) * s**1.5 for s in (1, 2, 4, 8, 16, 32)]
    picture = sum(layers)
    picture = 0.5 + 0.15 * picture / picture.std()
    return torch.from_numpy(picture.clip(0, 1).transpose(2, 0, 1)).float()[None]


@pytest.fixture(scope="module")
def plain():
    return a_picture()


@pytest.fixture(scope="module")
def picture(plain):
    """A marked picture as it is written."""
    return Image.fromarray(to_uint8(add_mark(plain, PAYLOAD)))


def found(picture):
    return find_mark(from_uint8(np.array(picture)), thorough=False)


def compressed(picture, kind, quality):
    stream = io.BytesIO()
    picture.save(stream, kind, quality=quality)
    return Image.open(stream).convert("RGB")


CHANGES = {
    "none": lambda picture: picture,
    "JPEG 50": lambda picture: compressed(picture, "JPEG", 50),
    "WebP 60": lambda picture: compressed(picture, "WEBP", 60),
    "half the size": lambda picture: picture.resize((256, 256), Image.Resampling.LANCZOS),
    "larger": lambda picture: picture.resize((700, 700), Image.Resampling.BICUBIC),
    "stretched": lambda picture: picture.resize((512, 400), Image.Resampling.BICUBIC),
    "cropped": lambda picture: picture.crop((37, 91, 437, 491)),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by a quarter": lambda picture: picture.transpose(Image.Transpose.ROTATE_270),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "darker": lambda picture: picture.point(lambda value: round(0.6 * value)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_mark_survives(picture, change):
    mark = found(CHANGES[change](picture))
    assert mark.is_marked
    assert mark.payload == PAYLOAD
    assert mark.false_alarm < FALSE_ALARMS


def test_a_crop_that_was_resized_is_found_by_the_thorough_search(picture):
    shot = compressed(picture.crop((20, 10, 480, 470)).resize((330, 330), Image.Resampling.BILINEAR), "JPEG", 85)
    assert not found(shot).is_marked
    assert find_mark(from_uint8(np.array(shot))).payload == PAYLOAD


def test_a_mark_is_fainter_than_can_be_seen(plain):
    error = add_mark(plain, PAYLOAD) - plain
    assert -10 * math.log10(error.square().mean().item()) > 43.9
    assert error.abs().max() * 255 < 10


def test_a_mark_is_faintest_where_nothing_hides_it():
    error = add_mark(torch.full((1, 3, 256, 256), 0.5), PAYLOAD) - 0.5
    assert error.square().mean().sqrt().item() * 255 == pytest.approx(0.35, rel=0.05)


def test_a_mark_vanishes_in_the_downscaled_picture(plain):
    down = Bicubic(32)
    assert (down(add_mark(plain, PAYLOAD)) - down(plain)).square().mean() < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_an_unmarked_picture_is_not_marked(seed):
    mark = find_mark(a_picture(320, seed=seed), thorough=seed == 0)
    assert not mark.is_marked
    assert (mark.payload, mark.decoded) == (None, None)
    assert mark.false_alarm > FALSE_ALARMS


@pytest.mark.parametrize(
    "picture", [torch.zeros(1, 3, 300, 300), torch.ones(1, 3, 64, 64), torch.rand(1, 3, 8, 500), torch.rand(1, 3, 1, 1)]
)
def test_empty_and_tiny_pictures_are_not_marked(picture):
    assert not find_mark(picture, thorough=False).is_marked


def test_scores_of_noise_are_within_their_theoretical_bound():
    # P(score >= z) <= tests * exp(-z^2 / 2); here without the number of tests, for one shift of one orientation.
    known, _ = waves()
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (20_000, 1)) + known.phase
    random = np.random.default_rng(1).uniform(0, 2 * np.pi, (20_000, len(known.phase)))
    scores = np.cos(random - phases).sum(1) / math.sqrt(len(known.phase) / 2)
    for z in (1, 2, 3):
        assert (scores >= z).mean() <= math.exp(-(z**2) / 2)
    assert THRESHOLD > 7


def test_the_code_corrects_more_than_a_fifth_of_wrong_chips():
    random = np.random.default_rng(0)
    for number in (0, 1, 0x01ABCDEF, 2**32 - 1):
        chips = encode(number)
        assert chips.shape == (CHIPS,)
        chips[random.choice(CHIPS, CHIPS // 5, replace=False)] *= -1
        assert decode(chips) == (number, True)


def test_the_checksum_refuses_a_word_that_was_decoded_wrongly():
    words = [encode(0x01ABCDEF), encode(0x01ABCDEE)]
    mixed = np.concatenate([words[1][:512], words[0][512:]])
    assert decode(mixed) == (0x01ABCDEE, False)


def test_the_pattern_is_the_same_for_ever():
    # Marks of earlier versions must stay readable: these numbers never change.
    known, carrying = waves()
    assert (len(known.phase), len(carrying.phase)) == (386, CHIPS)
    np.testing.assert_allclose(known.phase[:3], [4.3143148, 5.64349957, 1.52727371], atol=1e-6)
    np.testing.assert_allclose(tile(encode(0x01ABCDEF))[0, :3], [-0.6264147, -0.5365932, -0.42962003], atol=1e-5)


def test_a_payload_tells_maker_and_fingerprint():
    assert read_payload(PAYLOAD.number) == PAYLOAD
    assert (PAYLOAD.maker, str(PAYLOAD)[:2]) == ("sample", "02")
    assert payload_of("sample", generator="tiny", seed=4) != PAYLOAD
    assert payload_of("upscale", generator="tiny", seed=3).tag == PAYLOAD.tag
    assert read_payload(0xFF000000).maker is None


def test_what_is_told_of_a_mark(plain):
    assert marked(plain, PAYLOAD, "on")[1] == str(PAYLOAD)
    assert marked(plain, PAYLOAD, "off") == (plain, "off")
    portrait = resized(read_image(EXAMPLE).pixels, 256, 256)
    left, told = marked(portrait, PAYLOAD, "on")
    assert told == "too faint"
    assert left is portrait
    small = plain[..., :255, :]
    assert marked(small, PAYLOAD, "on") == (small, "too small")
    with pytest.raises(ValueError, match="256 px"):
        add_mark(small, PAYLOAD)
