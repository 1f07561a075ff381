"""Corruptions as text: round trips, order, seeds, and errors as sentences."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from photopulse.degrade import (
    RECIPES,
    ChromaNoise,
    Corruptions,
    Defocus,
    GaussianBlur,
    GaussianNoise,
    Jpeg,
    MotionBlur,
    SaltAndPepper,
    folder_name,
    parse_corruptions,
)
from photopulse.errors import PhotopulseError

PARTS = st.one_of(
    st.builds(GaussianNoise, st.floats(0, 255)),
    st.builds(ChromaNoise, st.floats(0, 255)),
    st.builds(SaltAndPepper, st.floats(0, 1)),
    st.builds(MotionBlur, st.floats(1, 1024), st.floats(0, 180)),
    st.builds(Defocus, st.floats(0.5, 256)),
    st.builds(GaussianBlur, st.floats(0.1, 256)),
    st.builds(Jpeg, st.integers(1, 100)),
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("clean", ()),
        ("noise:25", (GaussianNoise(25),)),
        ("noise:25+jpeg:30", (GaussianNoise(25), Jpeg(30))),
        (" motion:100.0 + motion:100@30", (MotionBlur(100), MotionBlur(100, 30))),
        ("salt-pepper:.05+chroma-noise:8", (SaltAndPepper(0.05), ChromaNoise(8))),
        ("defocus:16+blur:2.5", (Defocus(16), GaussianBlur(2.5))),
    ],
)
def test_text_is_read_in_its_order(text: str, parts: tuple[object, ...]) -> None:
    assert parse_corruptions(text).parts == parts


def test_names_are_canonical() -> None:
    assert parse_corruptions("").name == parse_corruptions("none").name == "clean"
    assert parse_corruptions("motion:100.0@0 +jpeg:30.").name == "motion:100+jpeg:30"


@given(st.lists(PARTS, max_size=3))
def test_every_name_reads_back_as_what_it_names(parts: list[GaussianNoise]) -> None:
    corruptions = Corruptions(tuple(parts))
    assert parse_corruptions(corruptions.name) == corruptions


@given(st.lists(PARTS, max_size=3))
def test_folder_names_suit_every_file_system(parts: list[GaussianNoise]) -> None:
    assert re.fullmatch(r"[a-z0-9@._-]+", folder_name(Corruptions(tuple(parts))))


def test_the_recipes_of_the_papers_sixth_figure_are_there_and_name_their_folders() -> None:
    for name in ("noise-25", "noise-50", "motion-100", "salt-pepper-0.05", "jpeg-30"):
        assert folder_name(parse_corruptions(RECIPES[name])) == name
    assert parse_corruptions(RECIPES["clean"]) == Corruptions()
    assert parse_corruptions(RECIPES["defocus"]) == Corruptions((Defocus(16),))


def test_no_two_recipes_share_a_folder() -> None:
    assert len({folder_name(parse_corruptions(text)) for text in RECIPES.values()}) == len(RECIPES)


@pytest.mark.parametrize(
    ("text", "bad", "reason"),
    [
        ("noise:25+fog:3", "fog:3", "there is no corruption 'fog'"),
        ("noise", "noise", "its number is missing"),
        ("noise:", "noise:", "its number is missing"),
        ("noise:much", "noise:much", "'much' is no number"),
        ("noise:25@3", "noise:25@3", "'25@3' holds too many numbers"),
        ("motion:100@30@4", "motion:100@30@4", "too many numbers"),
        ("noise:-5", "noise:-5", "the standard deviation of the noise must be from 0 to 255, got -5"),
        ("noise:nan", "noise:nan", "must be from 0 to 255, got nan"),
        ("salt-pepper:5", "salt-pepper:5", "the fraction of pixels must be from 0 to 1, got 5"),
        ("motion:2000", "motion:2000", "the length of the motion must be from 1 to 1024, got 2000"),
        ("jpeg:30.5", "jpeg:30.5", "must be a whole number"),
        ("defocus:1e9", "defocus:1e9", "the radius of the defocus must be from 0.5 to 256"),
        ("noise:25+", "", "there is no corruption ''"),
        ("clean+noise:25", "clean", "there is no corruption 'clean'"),
    ],
)
def test_errors_name_the_bad_part_and_what_there_is(text: str, bad: str, reason: str) -> None:
    with pytest.raises(PhotopulseError) as caught:
        parse_corruptions(text)
    message = str(caught.value)
    assert message.startswith(f"cannot read the corruption {bad!r}: ")
    assert reason in message
    for kind in ("clean", "noise", "chroma-noise", "salt-pepper", "motion", "defocus", "blur", "jpeg"):
        assert kind in caught.value.fix


@given(st.text(alphabet="noisejpg:+@0123456789.- ", max_size=20))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        corruptions = parse_corruptions(text)
    except PhotopulseError:
        return
    assert parse_corruptions(corruptions.name) == corruptions


def test_corruptions_are_applied_one_after_the_other() -> None:
    image = torch.rand(1, 3, 32, 32, generator=seeded(5))
    both = parse_corruptions("salt-pepper:0.1+defocus:2")(image, seeded())
    torch.testing.assert_close(both, Defocus(2)(SaltAndPepper(0.1)(image, seeded()), seeded()))
    turned = parse_corruptions("defocus:2+salt-pepper:0.1")(image, seeded())
    assert {0.0, 1.0} <= set(turned.unique().tolist())
    assert not {0.0, 1.0} & set(both.unique().tolist())


def test_none_changes_nothing_and_draws_nothing() -> None:
    image, random = torch.rand(1, 3, 8, 8), seeded()
    assert torch.equal(parse_corruptions("none")(image, random), image)
    assert torch.equal(random.get_state(), seeded().get_state())


def test_a_picture_with_its_own_seed_is_free_of_the_order() -> None:
    images = torch.rand(3, 3, 16, 16, generator=seeded(5)).split(1)
    spoil = parse_corruptions("noise:25+salt-pepper:0.05")
    forwards = [spoil(image, seeded(seed)) for seed, image in enumerate(images)]
    backwards = [spoil(images[seed], seeded(seed)) for seed in (2, 1, 0)][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))


def test_what_is_no_image_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(B, 3, H, W\)"):
        parse_corruptions("noise:25")(torch.zeros(3, 8, 8), seeded())
