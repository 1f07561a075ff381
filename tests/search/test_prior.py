from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from safetensors.torch import save_file
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.prior import GaussianPrior, fit_prior, load_prior, one_hot, save_prior, to_ws

pytestmark = pytest.mark.usefixtures("one_thread")


class Spy:
    """A generator's mapping that is the identity plus an offset, and notes what it is asked for."""

    name = "spy"
    z_dim = w_dim = 4
    c_dim = 3
    num_ws = 2
    resolution = 8
    noise_shapes = ()
    device = torch.device("cpu")

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self.batches: list[int] = []
        self.seen: list[Tensor] = []
        self.labels: list[Tensor | None] = []
        self.grad_enabled = False

    def map(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        self.batches.append(len(z))
        self.seen.append(z)
        self.labels.append(c)
        self.grad_enabled |= torch.is_grad_enabled()
        return (z * 0.01 + self.offset)[:, None].expand(-1, self.num_ws, -1)

    def map_to_gaussian(self, ws: Tensor) -> Tensor:
        return ws


def test_the_fit_equals_numpy_on_the_same_samples(tiny_generator: MobileStyleGAN):
    samples = 5000
    prior = fit_prior(tiny_generator, samples=samples, seed=3)
    random = torch.Generator().manual_seed(3)
    z = torch.cat([torch.randn(4096, 16, generator=random), torch.randn(samples - 4096, 16, generator=random)])
    ws = tiny_generator.map(z)[:, 0].double().numpy() / np.sqrt(2)
    gaussian = np.where(ws > 0, ws, ws * 5)
    assert_allclose(prior.mean, gaussian.mean(0), atol=1e-5)
    assert_allclose(prior.std, gaussian.std(0, ddof=1), atol=1e-5)
    assert prior.mean.dtype == prior.std.dtype == torch.float32


def test_the_fit_keeps_its_digits_far_from_zero():
    spy = Spy(offset=1000.0)
    prior = fit_prior(spy, samples=10_000)
    values = (torch.cat(spy.seen) * 0.01 + 1000.0).double().numpy()
    assert_allclose(prior.mean, values.mean(0), rtol=1e-6)
    assert_allclose(prior.std, values.std(0), rtol=1e-3)


def test_memory_stays_bounded_and_every_sample_counts_once():
    spy = Spy()
    fit_prior(spy, samples=10_000)
    assert max(spy.batches) <= 4096
    assert sum(spy.batches) == 10_000
    assert len(np.unique(torch.cat(spy.seen).numpy(), axis=0)) == 10_000
    assert not spy.grad_enabled


def test_the_seed_decides_the_fit(tiny_generator: MobileStyleGAN):
    first, same, other = (fit_prior(tiny_generator, samples=100, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.mean, same.mean)
    assert not torch.equal(first.mean, other.mean)


def test_a_label_goes_to_every_sample():
    spy = Spy()
    fit_prior(spy, samples=5000, label=torch.tensor([0.0, 1.0, 0.0]))
    for batch, label in zip(spy.batches, spy.labels, strict=True):
        assert label is not None
        assert torch.equal(label, torch.tensor([[0.0, 1.0, 0.0]]).repeat(batch, 1))


@pytest.mark.parametrize("samples", [-1, 0, 1])
def test_a_fit_needs_two_samples(samples: int):
    with pytest.raises(ValueError, match="two samples"):
        fit_prior(Spy(), samples=samples)


def test_styles_are_the_activation_of_the_scaled_values(tiny_generator: MobileStyleGAN):
    prior = GaussianPrior(mean=torch.linspace(-1, 1, 16), std=torch.linspace(0.5, 2, 16))
    values = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(0))
    scaled = values.numpy() * prior.std.numpy() + prior.mean.numpy()
    expected = np.where(scaled > 0, scaled, 0.2 * scaled) * np.sqrt(2)
    assert_allclose(to_ws(values, prior, tiny_generator), expected, rtol=1e-5, atol=1e-6)


def test_standard_normal_values_become_styles_like_the_mapping_makes(tiny_generator: MobileStyleGAN):
    prior = fit_prior(tiny_generator, samples=4000)
    random = torch.Generator().manual_seed(7)
    drawn = tiny_generator.map_to_gaussian(to_ws(torch.randn(4000, 1, 16, generator=random), prior, tiny_generator))
    mapped = tiny_generator.map_to_gaussian(tiny_generator.map(torch.randn(4000, 16, generator=random)))[:, :1]
    assert_allclose(drawn.mean(0), mapped.mean(0), atol=0.15)
    assert_allclose(drawn.std(0), mapped.std(0), rtol=0.1)


def test_a_prior_of_another_generator_is_refused(tiny_generator: MobileStyleGAN):
    prior = GaussianPrior(mean=torch.zeros(1), std=torch.ones(1))
    with pytest.raises(ValueError, match="1 dimensions, but tiny has 16"):
        to_ws(torch.zeros(1, 1, 16), prior, tiny_generator)


def test_a_saved_prior_is_loaded_unchanged(tmp_path: Path):
    prior = GaussianPrior(mean=torch.randn(5), std=torch.rand(5))
    path = tmp_path / "made" / "prior.safetensors"
    save_prior(prior, path)
    loaded = load_prior(path)
    assert torch.equal(loaded.mean, prior.mean)
    assert torch.equal(loaded.std, prior.std)
    assert [file.name for file in path.parent.iterdir()] == ["prior.safetensors"]


@pytest.mark.parametrize(
    "tensors",
    [
        {"mean": torch.zeros(4)},
        {"other": torch.zeros(4)},
        {"mean": torch.zeros(4), "std": torch.zeros(5)},
        {"mean": torch.zeros(4, 1), "std": torch.zeros(4, 1)},
        {"mean": torch.zeros(4), "std": torch.full((4,), float("nan"))},
        {"mean": torch.zeros(4), "std": torch.ones(4, dtype=torch.int32)},
    ],
    ids=["no std", "something else", "lengths", "shape", "nan", "integers"],
)
def test_a_file_that_holds_no_prior_is_refused(tmp_path: Path, tensors: dict[str, Tensor]):
    path = tmp_path / "prior.safetensors"
    save_file(tensors, path)
    with pytest.raises(PhotopulseError, match=r"cannot read the Gaussian fit .*prior\.safetensors"):
        load_prior(path)


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path):
    for path in (tmp_path / "missing.safetensors", tmp_path):
        with pytest.raises(PhotopulseError, match="Delete the file"):
            load_prior(path)


def _cut(data: bytes, at: int, _: bytes) -> bytes:
    return data[:at]


def _overwrite_header(data: bytes, at: int, junk: bytes) -> bytes:
    at %= 150
    return data[:at] + junk + data[at + len(junk) :]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.sampled_from([_cut, _overwrite_header]), at=st.integers(0, 200), junk=st.binary(min_size=1, max_size=9)
)
def test_a_damaged_file_gives_our_error_or_a_whole_prior(
    tmp_path: Path, damage: Callable[[bytes, int, bytes], bytes], at: int, junk: bytes
):
    path = tmp_path / "prior.safetensors"
    save_prior(GaussianPrior(mean=torch.ones(8), std=torch.ones(8)), path)
    path.write_bytes(damage(path.read_bytes(), at, junk))
    try:
        loaded = load_prior(path)
    except PhotopulseError:
        return
    assert loaded.mean.shape == loaded.std.shape
    assert loaded.mean.isfinite().all()


def test_a_label_becomes_its_class_vector(tiny_generator: MobileStyleGAN):
    vector = one_hot(2, Spy())
    assert vector is not None
    assert vector.tolist() == [0.0, 0.0, 1.0]
    assert vector.dtype == torch.float32
    assert one_hot(None, tiny_generator) is None


@pytest.mark.parametrize("label", [None, -1, 3])
def test_a_conditional_generator_needs_a_label_that_exists(label: int | None):
    with pytest.raises(PhotopulseError, match=r"it has 3 classes.*Give --label 0 to 2"):
        one_hot(label, Spy())


def test_a_label_for_a_generator_without_classes_is_refused(tiny_generator: MobileStyleGAN):
    with pytest.raises(PhotopulseError, match="Leave --label out"):
        one_hot(0, tiny_generator)
