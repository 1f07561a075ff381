import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.networks import ncnn
from photopulse.networks.ncnn import read_ncnn

LINES = (
    "Input        image 0 1 image",
    "Convolution  first 1 1 image a 0=1 1=1 5=1 6=3",
    "Split        split 1 2 a b c",
    "Convolution  wide  1 1 b d 0=2 1=2 11=1 6=4 9=2 -23310=1,2.000000e-01",
    "BinaryOp     add   2 1 c d out",
)
# Three float16 weights need two bytes of padding before the float32 bias.
LAYERS = (((0.5, -1.0, 2.0), (0.1,)), ((1.0, 2.0, 3.0, 4.0), None))


@pytest.fixture
def param(write_ncnn: Callable[..., Path]) -> Path:
    return write_ncnn(LINES, LAYERS)


def test_convolutions_come_in_order_with_their_shapes_and_values(param: Path):
    first, wide = read_ncnn(param)
    assert (first.name, wide.name) == ("first", "wide")
    assert first.weight.shape == (1, 3, 1, 1)
    assert first.weight.flatten().tolist() == [0.5, -1.0, 2.0]
    assert first.bias is not None
    torch.testing.assert_close(first.bias, torch.tensor([0.1]))
    assert wide.weight.shape == (2, 1, 1, 2)
    assert wide.weight.tolist() == [[[[1.0, 2.0]]], [[[3.0, 4.0]]]]
    assert wide.bias is None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("7767517", "7767518", "does not begin with"),
        ("5 5", "6 5", "declares 6 layers and has 5"),
        ("6=3", "6=5", "net.param declares 32"),
        ("6=3", "6=900000000", "net.param declares 18000000"),
        ("0=1 1=1", "0=0 1=1", "3 weights for 0 outputs of 1 x 1"),
        ("0=1 1=1", "0=2 1=1", "3 weights for 2 outputs of 1 x 1"),
        ("6=3", "6=-3", "'-3', which is not a whole number"),
        ("6=3", "6=3e", "'3e', which is not a whole number"),
        ("5=1 6=3", "5=1 6=3 8=2", "quantised"),
        ("5=1 6=3", "5=1 6=3 19=1", "computed"),
        ("Split", "InnerProduct", "'InnerProduct', which we do not know"),
        ("first 1 1 image a 0=1 1=1 5=1 6=3", "first", "without inputs and outputs"),
        ("first 1 1", "first 1 9", "0 weights for 0 outputs"),
    ],
)
def test_a_damaged_text_is_refused_with_the_reason(param: Path, old: str, new: str, why: str):
    text = param.read_text()
    assert old in text
    param.write_text(text.replace(old, new, 1))
    with pytest.raises(PhotopulseError) as caught:
        read_ncnn(param)
    assert why in str(caught.value)
    assert "net." in caught.value.what


@pytest.mark.parametrize(
    ("start", "new", "why"),
    [
        (0, b"\x00\x00\x00\x00", "the weights of first begin with 0x00000000"),
        (4, b"\x00\x7e", "first holds a value that is not a finite number"),
        (12, b"\x00\x00\x80\x7f", "first holds a value that is not a finite number"),
        (16, b"\x38\x4b\x0d\x00", "the weights of wide begin with 0x000d4b38"),
    ],
)
def test_damaged_weights_are_refused_with_the_reason(param: Path, start: int, new: bytes, why: str):
    weights = param.with_suffix(".bin")
    raw = weights.read_bytes()
    weights.write_bytes(raw[:start] + new + raw[start + len(new) :])
    with pytest.raises(PhotopulseError, match=r"cannot read .*net\.bin") as caught:
        read_ncnn(param)
    assert why in str(caught.value)


@pytest.mark.parametrize("length", [0, 4, 11, 27, 29, 40])
def test_weights_that_are_too_short_or_too_long_are_refused(param: Path, length: int):
    weights = param.with_suffix(".bin")
    whole = weights.read_bytes()
    assert len(whole) == 28
    weights.write_bytes((whole + bytes(12))[:length])
    with pytest.raises(PhotopulseError, match=rf"it has {length} bytes where net\.param declares 28"):
        read_ncnn(param)


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_a_missing_file_is_named(param: Path, suffix: str):
    param.with_suffix(suffix).unlink()
    with pytest.raises(PhotopulseError, match=rf"net\{suffix} as an ncnn network: No such file"):
        read_ncnn(param)


@pytest.mark.parametrize(("limit", "suffix"), [("MAX_PARAM_BYTES", ".param"), ("MAX_BIN_BYTES", ".bin")])
def test_a_file_that_is_too_large_is_refused(param: Path, limit: str, suffix: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ncnn, limit, 16)
    with pytest.raises(PhotopulseError, match=rf"net\{suffix} as an ncnn network: it has more than 16 bytes"):
        read_ncnn(param)


def test_no_damage_leads_to_another_error(param: Path):
    drawn = random.Random(0)
    whole = {path: path.read_bytes() for path in (param, param.with_suffix(".bin"))}
    refused = 0
    for path, content in whole.items():
        for _ in range(500):
            damaged = bytearray(content)
            damaged[drawn.randrange(len(content))] = drawn.randrange(256)
            path.write_bytes(damaged[: drawn.choice((len(content), drawn.randrange(len(content))))])
            try:
                read_ncnn(param)
            except PhotopulseError:
                refused += 1
        path.write_bytes(content)
    assert refused > 500
