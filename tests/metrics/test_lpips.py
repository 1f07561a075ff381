"""LPIPS against the package lpips 0.1.4, run once with the drawn weights below."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.metrics.lpips import HEADS, LPIPS, load_lpips

PLACES = (0, 3, 6, 8, 10)
SHAPES = ((64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3), (256, 256, 3, 3))
EXPECTED = (0.04198348522186279, 0.041498780250549316)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """A backbone and heads of the right shapes, in the formats of torchvision and lpips."""
    random = torch.Generator().manual_seed(0)
    trunk = {}
    for place, shape in zip(PLACES, SHAPES, strict=True):
        deviation = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        trunk[f"features.{place}.weight"] = torch.randn(shape, generator=random) * deviation
        trunk[f"features.{place}.bias"] = torch.randn(shape[:1], generator=random) * 0.1
    random = torch.Generator().manual_seed(0)
    heads = {
        f"lin{i}.model.1.weight": torch.randn((1, shape[0], 1, 1), generator=random).abs() * 0.1
        for i, shape in enumerate(SHAPES)
    }
    folder = tmp_path_factory.mktemp("lpips")
    # torchvision's file also holds the classifier.
    torch.save(trunk | {"classifier.1.bias": torch.zeros(4)}, folder / "alexnet.pth")
    torch.save(heads, folder / "alex.pth")
    return folder / "alexnet.pth", folder / "alex.pth"


@pytest.fixture(scope="module")
def net(files) -> LPIPS:
    return load_lpips(*files)


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    a = torch.rand(2, 3, 64, 80, generator=random)
    return a, (a + 0.2 * torch.randn(a.shape, generator=random)).clamp(0, 1)


def test_the_distance_equals_that_of_the_package_lpips(net, pair):
    torch.testing.assert_close(net(*pair), torch.tensor(EXPECTED), atol=1e-6, rtol=1e-5)


def test_equal_pictures_have_no_distance(net, pair):
    assert net(pair[0], pair[0]).tolist() == [0, 0]


def test_pictures_that_differ_in_shape_or_are_too_small_are_refused(net, pair):
    with pytest.raises(ValueError, match="one shape"):
        net(pair[0], pair[1][..., :79])
    with pytest.raises(ValueError, match="at least 32 px"):
        net(torch.zeros(1, 3, 64, 31), torch.zeros(1, 3, 64, 31))


def test_swapped_files_are_refused_by_name(files):
    with pytest.raises(PhotopulseError, match=r"cannot load .*alex\.pth for LPIPS: it has no features\.0\.weight"):
        load_lpips(*reversed(files))


@pytest.mark.weights
def test_the_heads_of_the_table_are_those_of_lpips(files):
    subprocess.run([sys.executable, "-m", "photopulse", "models", "get", HEADS], check=True, capture_output=True)
    heads = load_lpips(files[0]).heads
    assert [tuple(head.shape) for head in heads] == [(1, shape[0], 1, 1) for shape in SHAPES]
    # LPIPS learned weights that are never below 0.
    assert all(head.min() >= 0 and head.max() > 0 for head in heads)


def test_a_missing_file_is_named(files, tmp_path):
    with pytest.raises(PhotopulseError, match=r"cannot load .*nothing\.pth: No such file"):
        load_lpips(tmp_path / "nothing.pth", files[1])


def test_a_damaged_file_is_named(files, tmp_path):
    broken = tmp_path / "broken.pth"
    broken.write_bytes(files[1].read_bytes()[:300])
    with pytest.raises(PhotopulseError, match=r"cannot load .*broken\.pth: it is damaged"):
        load_lpips(files[0], broken)


class _Code:
    def __reduce__(self):
        return Path.touch, (Path("touched.by.a.pickle"),)


def test_code_in_a_file_is_not_run(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"lin0.model.1.weight": _Code()}, tmp_path / "evil.pth")
    with pytest.raises(PhotopulseError, match="more than tensors"):
        load_lpips(files[0], tmp_path / "evil.pth")
    assert not (tmp_path / "touched.by.a.pickle").exists()
