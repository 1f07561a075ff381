"""Damage of photos: recorded draws, ranges and shares by counting, and each step against its own operator."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from photopulse.degrade import LEVELS, TRAINING, Amount, Damage, DamageRecipe, parse_corruptions
from photopulse.degrade.photo import EVERYTHING, DamageMixture
from photopulse.images.resize import resized


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photo(height: int = 96, width: int = 72) -> Tensor:
    """Soft blots of colour, as little and as much detail as a portrait has."""
    coarse = torch.rand(1, 3, height // 12, width // 12, generator=seeded(3))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)


def drawn(amount: Amount, count: int = 4000) -> list[float | None]:
    random = seeded()
    return [amount.draw(random) for _ in range(count)]


# Trained networks and published tables rest on these: they must never change.
@pytest.mark.parametrize(
    ("recipe", "seed", "name", "means", "deviation"),
    [
        ("light", 0, "blur:0.86+shrink:2+noise:3.26+jpeg:60", (0.38317, 0.51256, 0.45364), 0.19605),
        ("medium", 0, "blur:1.77+shrink:4+noise:8.53+chroma-noise:5.61+jpeg:40", (0.38099, 0.51457, 0.46078), 0.17269),
        (
            "heavy",
            1,
            "blur:2.56+motion:9.88@103.04+shrink:8+noise:12.63+chroma-noise:10.1+jpeg:20",
            (0.40497, 0.51801, 0.44343),
            0.13139,
        ),
        (
            "training",
            0,
            "blur:2.19+motion:3.32@125.58+shrink:4.23+noise:7.65+chroma-noise:9.23+mosaic:2+jpeg:56",
            (0.38796, 0.51488, 0.45128),
            0.16148,
        ),
        ("training", 15, "blur:0.61+shrink:2.48+noise:2.03", (0.38445, 0.51196, 0.45402), 0.20267),
        ("training", 29, "blur:3.38+shrink:2.28+mosaic:4+jpeg:87", (0.38412, 0.51237, 0.45462), 0.15637),
        ("training", 32, "defocus:2.61+shrink:1.04+noise:2.85+jpeg:16", (0.38547, 0.50995, 0.45815), 0.19880),
    ],
)
def test_a_seed_gives_the_damage_that_was_recorded(
    recipe: str, seed: int, name: str, means: tuple[float, ...], deviation: float
) -> None:
    random = seeded(seed)
    damage = {**LEVELS, "training": TRAINING}[recipe].draw(random)
    assert damage.name == name
    damaged = damage(photo(), random)
    # JPEG codecs differ by single grey levels in single pixels.
    assert damaged.mean(dim=(0, 2, 3)).tolist() == pytest.approx(means, abs=1e-3)
    assert damaged.std().item() == pytest.approx(deviation, abs=1e-3)


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_seed_gives_the_same_photo_and_another_seed_another(level: str) -> None:
    def spoiled(seed: int) -> Tensor:
        random = seeded(seed)
        return LEVELS[level].draw(random)(photo(), random)

    assert torch.equal(spoiled(1), spoiled(1))
    assert not torch.equal(spoiled(1), spoiled(2))


def test_amounts_are_drawn_evenly_in_their_share_of_the_photos() -> None:
    amounts = drawn(Amount(2, 6, share=0.25))
    hits = np.array([amount for amount in amounts if amount is not None])
    # Four standard errors of a share of 4000 photos, and of a uniform mean and median.
    assert len(hits) / len(amounts) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)
    assert 2 <= hits.min() < 2.1
    assert 5.9 < hits.max() <= 6
    assert hits.mean() == pytest.approx(4, abs=4 * 4 / 12**0.5 / len(hits) ** 0.5)


def test_even_ratios_make_each_doubling_equally_likely() -> None:
    amounts = np.array(drawn(Amount(1, 8, even_ratios=True)), dtype=np.float64)
    shares, _ = np.histogram(amounts, bins=[1, 2, 4, 8])
    np.testing.assert_allclose(shares / len(amounts), 1 / 3, atol=4 * (2 / 9 / 4000) ** 0.5)


@pytest.mark.parametrize("amount", [Amount(3, 3), Amount(0, 0, share=0), Amount(1, 8, even_ratios=True)])
def test_a_draw_takes_two_numbers_whatever_comes_out(amount: Amount) -> None:
    used, counted = seeded(), seeded()
    amount.draw(used)
    torch.rand(2, generator=counted)
    assert torch.equal(used.get_state(), counted.get_state())


def test_a_damage_more_in_a_recipe_leaves_the_draws_of_the_others_as_they_are() -> None:
    plain = DamageRecipe(shrink=Amount(1, 8), jpeg=Amount(20, 90)).draw(seeded(4)).name
    more = DamageRecipe(shrink=Amount(1, 8), chroma_noise=Amount(3, 3), jpeg=Amount(20, 90)).draw(seeded(4)).name
    assert more == plain.replace("+jpeg", "+chroma-noise:3+jpeg")


@pytest.mark.parametrize(
    ("level", "shrink", "quality", "noise"),
    [("light", 2, 60, (2, 4)), ("medium", 4, 40, (6, 10)), ("heavy", 8, 20, (10, 16))],
)
def test_the_levels_are_what_their_table_says(
    level: str, shrink: float, quality: int, noise: tuple[float, float]
) -> None:
    for seed in range(50):
        damage = LEVELS[level].draw(seeded(seed))
        assert damage.shrink == shrink
        kinds = {part.name.partition(":")[0]: part for part in damage.after.parts}
        assert kinds["jpeg"].name == f"jpeg:{quality}"
        assert noise[0] <= float(kinds["noise"].name.partition(":")[2]) <= noise[1]
        assert "chroma-noise" in kinds or level == "light"
        assert ("motion" in damage.before.name) == (level == "heavy")


def test_each_level_leaves_less_of_the_photo_than_the_one_before() -> None:
    sharp = photo(192, 144)
    left = []
    for recipe in LEVELS.values():
        random = seeded(7)
        damaged = resized(recipe.draw(random)(sharp, random), 192, 144)
        left.append(peak_signal_noise_ratio(sharp.numpy(), damaged.numpy(), data_range=1))
    assert left[0] > left[1] + 2 > left[2] + 4


def test_training_knows_all_that_the_levels_do() -> None:
    for recipe in LEVELS.values():
        for damage in fields(recipe):
            known, used = getattr(TRAINING, damage.name), getattr(recipe, damage.name)
            if used.share:
                assert known.share > 0
                assert known.low <= used.low
                # What was shrunk further is cleaned at half of its size first, see pipeline.restore_plan.
                assert used.high <= known.high * (2 if damage.name == "shrink" else 1)


def test_the_name_says_all_that_was_drawn() -> None:
    for seed in range(100):
        damage = TRAINING.draw(seeded(seed))
        before, shrink, after = "clean", 1.0, "clean"
        parts = damage.name.split("+")
        places = [place for place, part in enumerate(parts) if part.startswith("shrink:")]
        if places:
            shrink = float(parts[places[0]].removeprefix("shrink:"))
            before, after = "+".join(parts[: places[0]]), "+".join(parts[places[0] + 1 :])
        else:
            small = [p for p, part in enumerate(parts) if part.partition(":")[0] not in ("blur", "motion", "defocus")]
            middle = min(small, default=len(parts))
            before, after = "+".join(parts[:middle]), "+".join(parts[middle:])
        assert Damage(before=parse_corruptions(before), shrink=shrink, after=parse_corruptions(after)) == damage


def test_a_recipe_without_damages_leaves_the_photo_as_it_is() -> None:
    damage = DamageRecipe().draw(seeded())
    assert damage.name == "clean"
    assert torch.equal(damage(photo(), seeded()), photo())


def test_damages_too_small_to_be_seen_are_none() -> None:
    recipe = DamageRecipe(
        blur=Amount(0.05, 0.05), shake=Amount(0.9, 0.9), defocus=Amount(0.3, 0.3), mosaic=Amount(1.4, 1.4)
    )
    assert recipe.draw(seeded()).name == "clean"


def test_steps_are_done_in_their_order() -> None:
    damage = Damage(before=parse_corruptions("blur:2"), shrink=3, after=parse_corruptions("noise:9+mosaic:2+jpeg:50"))
    random = seeded(5)
    small = resized(parse_corruptions("blur:2")(photo(), seeded()), 32, 24)
    expected = parse_corruptions("noise:9+mosaic:2+jpeg:50")(small, random)
    assert torch.equal(damage(photo(), seeded(5)), expected)


@pytest.mark.parametrize(
    ("shrink", "size", "small"),
    [(1, (96, 72), (96, 72)), (2.5, (96, 72), (38, 29)), (8, (96, 24), (12, 8)), (8, (24, 5), (8, 5))],
)
def test_sides_are_rounded_and_stay_eight_px_or_what_they_were(
    shrink: float, size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert Damage(shrink=shrink)(torch.rand(1, 3, *size), seeded()).shape == (1, 3, *small)


def test_shrinking_by_a_whole_factor_takes_means() -> None:
    small = resized(photo(), 24, 18)
    np.testing.assert_allclose(small[0], photo()[0].reshape(3, 24, 4, 18, 4).mean(dim=(2, 4)), atol=1e-5)


def test_growing_is_cubic_and_clamped() -> None:
    small = torch.rand(1, 3, 12, 10, generator=seeded(2))
    large = resized(small, 48, 40)
    assert large.min() >= 0
    assert large.max() <= 1
    # Keys' cubic with a = -3/4, OpenCV's, against PyTorch's own.
    cubic = torch.nn.functional.interpolate(small, size=(48, 40), mode="bicubic", align_corners=False).clamp(0, 1)
    torch.testing.assert_close(large, cubic, atol=1e-4, rtol=0)


def test_the_last_step_leaves_what_a_jpeg_file_holds() -> None:
    random = seeded(1)
    damaged = LEVELS["medium"].draw(random)(photo(), random)
    levels = damaged * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    picture = Image.fromarray(levels.round().byte()[0].permute(1, 2, 0).numpy())
    assert picture.size == (18, 24)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_photo_keeps_its_precision_and_is_not_changed(dtype: torch.dtype) -> None:
    given = photo().to(dtype)
    random = seeded()
    damaged = LEVELS["heavy"].draw(random)(given, random)
    assert damaged.dtype == dtype
    assert torch.equal(given, photo().to(dtype))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Amount(3, 2), "from low to high"),
        (lambda: Amount(-1, 2), "both from 0"),
        (lambda: Amount(1, float("nan")), "from low to high"),
        (lambda: Amount(1, 2, share=1.5), "the share of the photos must be from 0 to 1, got 1.5"),
        (lambda: Amount(0, 2, even_ratios=True), "even only above zero"),
        (lambda: Damage(shrink=0.5), "by a factor of 1 or more, got 0.5"),
        (lambda: Damage()(torch.zeros(2, 3, 8, 8), seeded()), r"one photo \(1, 3, H, W\) is needed"),
        (lambda: resized(torch.zeros(2, 3, 8, 8), 4, 4), r"one photo \(1, 3, H, W\) is needed"),
    ],
)
def test_what_is_no_range_and_no_photo_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_mixture_draws_each_recipe_in_its_share():
    blurred, noisy = DamageRecipe(blur=Amount(1, 1)), DamageRecipe(noise=Amount(5, 5))
    mixture, random = DamageMixture(((blurred, 0.3), (noisy, 0.7))), seeded()
    names = [mixture.draw(random).name for _ in range(1000)]
    assert set(names) == {"blur:1", "noise:5"}
    assert 240 <= names.count("blur:1") <= 360  # Four standard errors.


def test_the_photo_network_also_sees_pictures_that_need_nothing():
    random = seeded()
    names = [EVERYTHING.draw(random).name for _ in range(400)]
    assert names.count("clean") >= 40


@pytest.mark.parametrize("shares", [(), (0.5,), (1.2, -0.2)])
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]):
    with pytest.raises(ValueError, match="sum to 1"):
        DamageMixture(tuple((DamageRecipe(), share) for share in shares))
