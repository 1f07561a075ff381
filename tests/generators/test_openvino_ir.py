from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from photopulse.errors import PhotopulseError
from photopulse.fingerprint import weights_hash
from photopulse.generators.files import openvino_ir
from photopulse.generators.files.openvino_ir import Constant, load_mobilestylegan_ir, read_constants, synthesis_state
from photopulse.generators.mobilestylegan import MobileStyleGAN, MobileStyleGANSettings
from photopulse.weights import DEFAULT_GENERATOR, fetch

SETTINGS = MobileStyleGANSettings(z_dim=4, w_dim=4, num_mapping_layers=2, channels=(8, 8, 4))


def write_ir(path: Path, constants: Sequence[tuple[str, np.ndarray]]) -> None:
    """Writes an IR of nothing but constants, float32 ones by name."""
    layers, raw = [], b""
    for name, values in constants:
        kind = {"float32": "f32", "int64": "i64"}[values.dtype.name]
        shape = ", ".join(str(size) for size in values.shape)
        layers.append(
            f'<layer id="{len(layers)}" name="{name}" type="Const" version="opset1"><data element_type="{kind}" '
            f'shape="{shape}" offset="{len(raw)}" size="{values.nbytes}"/><output><port id="0"/></output></layer>'
        )
        raw += values.tobytes()
    layers.append('<layer id="999" name="result" type="Result"/>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<?xml version="1.0"?><net name="n" version="10"><layers>{"".join(layers)}</layers></net>')
    path.with_suffix(".bin").write_bytes(raw)


def f32(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# Reading constants.


def test_float_constants_are_read_in_the_order_of_the_graph(tmp_path: Path):
    matrix, vector, scalar = f32(2, 3), f32(4, seed=1), np.array(0.5, dtype=np.float32)
    write_ir(tmp_path / "n.xml", [("b", matrix), ("axes", np.arange(3)), ("a", vector), ("s", scalar), ("", f32(0, 2))])
    constants = read_constants(tmp_path / "n.xml")
    assert [constant.name for constant in constants] == ["b", "a", "s", ""]
    for constant, expected in zip(constants, (matrix, vector, scalar, f32(0, 2)), strict=True):
        assert constant.values.dtype == torch.float32
        assert tuple(constant.values.shape) == expected.shape
        assert_allclose(constant.values, expected, rtol=0)


def test_constants_do_not_hang_on_the_file(tmp_path: Path):
    write_ir(tmp_path / "n.xml", [("a", f32(3))])
    values = read_constants(tmp_path / "n.xml")[0].values
    values.zero_()
    assert read_constants(tmp_path / "n.xml")[0].values.abs().sum() > 0


def one_constant(shape: str, offset: str) -> str:
    data = f'<data element_type="f32" shape="{shape}" offset="{offset}" size="8"/>'
    return f'<net><layers><layer name="a" type="Const">{data}</layer></layers></net>'


@pytest.mark.parametrize(
    ("shape", "offset"),
    [
        ("2", "64"),
        ("2", "60"),
        ("17", "0"),
        ("2", "-4"),
        ("2", "999999999999999999999999"),
        ("2", ""),
        ("2", "here"),
        ("two", "0"),
        ("-1", "0"),
        ("-2,-2", "0"),
        ("100000000000000000000", "0"),
        ("4294967296,4294967296", "0"),
    ],
)
def test_a_constant_outside_the_file_is_refused(tmp_path: Path, shape: str, offset: str):
    (tmp_path / "n.xml").write_text(one_constant(shape, offset))
    (tmp_path / "n.bin").write_bytes(bytes(64))
    with pytest.raises(PhotopulseError, match=r"cannot read .*n\.xml: it is not a complete OpenVINO IR"):
        read_constants(tmp_path / "n.xml")


def test_constants_that_share_their_bytes_are_refused(tmp_path: Path):
    layer = one_constant("16", "0").removeprefix("<net><layers>").removesuffix("</layers></net>")
    (tmp_path / "n.xml").write_text(f"<net><layers>{layer * 1000}</layers></net>")
    (tmp_path / "n.bin").write_bytes(bytes(64))
    with pytest.raises(PhotopulseError, match=r"far more numbers than the \.bin file"):
        read_constants(tmp_path / "n.xml")


def test_a_constant_without_an_offset_is_refused(tmp_path: Path):
    (tmp_path / "n.xml").write_text(one_constant("2", "0").replace('offset="0"', ""))
    (tmp_path / "n.bin").write_bytes(bytes(64))
    with pytest.raises(PhotopulseError, match="not a complete OpenVINO IR"):
        read_constants(tmp_path / "n.xml")


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<net><layers>",
        b"no xml",
        b"\xff\xfe<net/>",
        b'<?xml version="1.0" encoding="nonsense"?><net/>',
        b'<?xml version="1.0" encoding="shift_jis"?><net/>',
        bytes(100),
    ],
)
def test_damaged_xml_is_refused(tmp_path: Path, xml: bytes):
    (tmp_path / "n.xml").write_bytes(xml)
    (tmp_path / "n.bin").write_bytes(b"")
    with pytest.raises(PhotopulseError, match=r"cannot read .*n\.xml.*Fetch it again"):
        read_constants(tmp_path / "n.xml")


def test_a_missing_file_is_refused(tmp_path: Path):
    write_ir(tmp_path / "n.xml", [("a", f32(3))])
    (tmp_path / "n.bin").unlink()
    with pytest.raises(PhotopulseError, match=r"No such file.*n\.bin"):
        read_constants(tmp_path / "n.xml")
    with pytest.raises(PhotopulseError, match=r"No such file.*other\.xml"):
        read_constants(tmp_path / "other.xml")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.binary(min_size=1, max_size=6), st.integers(0, 40))
def test_any_damage_gives_our_error_or_whole_constants(tmp_path: Path, at: int, junk: bytes, kept: int):
    path = tmp_path / "n.xml"
    write_ir(path, [("a", f32(2, 3)), ("b", f32(4))])
    text = path.read_bytes()
    path.write_bytes(text[:at] + junk + text[at + len(junk) :])
    path.with_suffix(".bin").write_bytes(path.with_suffix(".bin").read_bytes()[:kept])
    try:
        constants = read_constants(path)
    except PhotopulseError:
        return
    assert all(constant.values.dtype == torch.float32 for constant in constants)


# Putting constants where the port expects them.

Named = list[tuple[str, np.ndarray]]


def modulation(prefix: str, channels: int, seed: int) -> Named:
    return [
        (f"{prefix}modulation.weight", f32(channels, SETTINGS.w_dim, seed=seed)),
        (f"{prefix}modulation.bias", f32(1, channels, seed=seed + 1)),
    ]


def separable(prefix: str, inputs: int, outputs: int, size: int, seed: int) -> Named:
    return [
        *modulation(f"{prefix}conv.", inputs, seed),
        (f"{prefix}conv.weight_dw", f32(inputs, 1, 1, 3, 3, seed=seed + 2)),
        ("some number", f32(outputs, inputs, 1, 1, seed=seed + 3)),
        ("another", f32(1, 1, size, size, seed=seed + 4)),
        (f"{prefix}bias", f32(1, outputs, 1, 1, seed=seed + 5)),
    ]


def synthesis_constants() -> Named:
    """What the published graph holds for a network as small as ours, in its order and under its names."""
    c0, c1, c2 = SETTINGS.channels
    return [
        ("m.input.input", f32(1, c0, 4, 4, seed=1)),
        *modulation("m.conv1.conv.", c0, 2),
        ("0", f32(c0, c0, 3, 3, seed=4)),
        ("1", f32(1, 1, 4, 4, seed=5)),
        ("m.conv1.bias", f32(1, c0, 1, 1, seed=6)),
        *modulation("m.layers.0.up.", c0, 10),
        *separable("m.layers.0.conv1.", c0 // 4, c1, 8, 20),
        *separable("m.layers.0.conv2.", c1, c1, 8, 30),
        *modulation("m.layers.1.up.", c1, 40),
        ("slope", np.full(1, 0.2, dtype=np.float32)),
        *separable("m.layers.1.conv1.", c1 // 4, c2, 16, 50),
        *separable("m.layers.1.conv2.", c2, c2, 16, 60),
        *modulation("m.layers.1.to_img.conv.", c2, 70),
        ("m.layers.1.to_img.conv.weight", f32(12, c2, 1, 1, seed=72)),
        ("m.layers.1.to_img.bias", f32(1, 12, 1, 1, seed=73)),
    ]


def mapping_constants() -> Named:
    return [
        ("epsilon", np.array(1e-8, dtype=np.float32)),
        ("w0", f32(4, 4, seed=80)),
        ("b0", f32(4, seed=81)),
        ("gain", np.full((1, 1), 1.4142135, dtype=np.float32)),
        ("w1", f32(4, 4, seed=82)),
        ("b1", f32(4, seed=83)),
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An IR folder of a toy network, which the loader takes for the published one."""
    monkeypatch.setattr(openvino_ir, "MobileStyleGANSettings", lambda: SETTINGS)
    write_ir(tmp_path / "MappingNetwork.xml", mapping_constants())
    write_ir(tmp_path / "SynthesisNetwork.xml", synthesis_constants())
    return tmp_path


def test_every_constant_lands_in_its_place(folder: Path):
    generator = load_mobilestylegan_ir(folder, name="toy")
    assert generator.name == "toy"
    state = generator.state_dict()
    constants = dict(synthesis_constants())
    pairs: dict[str, np.ndarray] = {
        "input.const": constants["m.input.input"],
        "input.weight": constants["0"],
        "input.affine.weight": constants["m.conv1.conv.modulation.weight"],
        "input.affine.bias": constants["m.conv1.conv.modulation.bias"][0],
        "blocks.0.up.weight": constants["m.layers.0.up.modulation.weight"],
        "blocks.1.up.bias": constants["m.layers.1.up.modulation.bias"][0],
        "blocks.0.conv2.affine.bias": constants["m.layers.0.conv2.conv.modulation.bias"][0],
        "blocks.1.conv1.depthwise": constants["m.layers.1.conv1.conv.weight_dw"][:, 0],
        "blocks.0.conv1.pointwise": f32(8, 2, 1, 1, seed=23),
        "blocks.1.conv2.pointwise": f32(4, 4, 1, 1, seed=63),
        "blocks.1.conv2.bias": constants["m.layers.1.conv2.bias"].ravel(),
        "image.affine.weight": constants["m.layers.1.to_img.conv.modulation.weight"],
        "image.weight": constants["m.layers.1.to_img.conv.weight"],
        "image.bias": constants["m.layers.1.to_img.bias"].ravel(),
        "mapping.0.weight": f32(4, 4, seed=80),
        "mapping.1.bias": f32(4, seed=83),
    }
    for key, expected in pairs.items():
        assert_allclose(state[key], expected, rtol=1e-6, err_msg=key)


def test_a_baked_noise_map_is_split_into_unit_variance_and_strength(folder: Path):
    state = load_mobilestylegan_ir(folder, name="toy").state_dict()
    for key, baked in {"input": f32(1, 1, 4, 4, seed=5), "blocks.1.conv2": f32(1, 1, 16, 16, seed=64)}.items():
        noise, strength = state[f"{key}.noise_const"], state[f"{key}.noise_strength"]
        assert_allclose(noise.square().mean(), 1, rtol=1e-5)
        assert_allclose(noise * strength, baked, rtol=1e-5, atol=1e-6)


def test_a_map_without_noise_stays_without(folder: Path):
    silent = [(name, np.zeros_like(v) if name in ("1", "another") else v) for name, v in synthesis_constants()]
    write_ir(folder / "SynthesisNetwork.xml", silent)
    generator = load_mobilestylegan_ir(folder, name="toy")
    assert generator.synthesize(generator.map(torch.ones(1, 4))).isfinite().all()


def test_a_scale_after_a_style_layer_is_folded_into_it():
    weight, bias = torch.ones(8, 4), torch.full((1, 8), 3.0)
    constants = [Constant(name=name, values=torch.from_numpy(values)) for name, values in synthesis_constants()]
    place = next(i for i, constant in enumerate(constants) if constant.name == "m.layers.0.up.modulation.bias")
    constants[place - 1] = Constant(name="m.layers.0.up.modulation.weight", values=weight)
    constants[place] = Constant(name="m.layers.0.up.modulation.bias", values=bias)
    constants.insert(place + 1, Constant(name="scale", values=torch.full((1, 1, 1, 1), 0.5)))
    state = synthesis_state(constants)
    assert state["blocks.0.up.weight"].eq(0.5).all()
    assert state["blocks.0.up.bias"].eq(1.5).all()
    assert torch.equal(state["blocks.0.conv1.affine.weight"], torch.from_numpy(f32(2, 4, seed=20)))


def test_the_mean_style_is_that_of_many_samples(folder: Path):
    generator = load_mobilestylegan_ir(folder, name="toy")
    w = generator.map(torch.randn(20_000, 4, generator=torch.Generator().manual_seed(5)))[:, 0]
    assert_allclose(generator.w_avg, w.mean(0).detach(), atol=0.05)
    again = load_mobilestylegan_ir(folder, name="toy")
    assert torch.equal(again.w_avg, generator.w_avg)


def _without(index: int) -> Callable[[Named], Named]:
    return lambda constants: constants[:index] + constants[index + 1 :]


def _renamed(constants: Named) -> Named:
    return [(name.replace("m.", "net."), values) for name, values in constants]


def _flattened(constants: Named) -> Named:
    return [(name, values.ravel()) for name, values in constants]


@pytest.mark.parametrize(
    "change",
    [*[_without(i) for i, (name, _) in enumerate(synthesis_constants()) if name != "slope"], _renamed, _flattened],
)
def test_another_synthesis_network_is_refused(folder: Path, change: Callable[[Named], Named]):
    write_ir(folder / "SynthesisNetwork.xml", change(synthesis_constants()))
    with pytest.raises(PhotopulseError, match=r"cannot convert .*: it is not the published network"):
        load_mobilestylegan_ir(folder, name="toy")


@pytest.mark.parametrize("dropped", [1, 2, 4, 5])
def test_another_mapping_network_is_refused(folder: Path, dropped: int):
    write_ir(folder / "MappingNetwork.xml", _without(dropped)(mapping_constants()))
    with pytest.raises(PhotopulseError, match="not the published network"):
        load_mobilestylegan_ir(folder, name="toy")


def test_swapped_networks_are_refused(folder: Path):
    write_ir(folder / "MappingNetwork.xml", synthesis_constants())
    write_ir(folder / "SynthesisNetwork.xml", mapping_constants())
    with pytest.raises(PhotopulseError, match="not the published network"):
        load_mobilestylegan_ir(folder, name="toy")


def test_a_network_of_another_size_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    larger = MobileStyleGANSettings(z_dim=4, w_dim=4, num_mapping_layers=2, channels=(8, 8, 8))
    monkeypatch.setattr(openvino_ir, "MobileStyleGANSettings", lambda: larger)
    with pytest.raises(PhotopulseError, match="not the published network"):
        load_mobilestylegan_ir(folder, name="toy")


@pytest.mark.parametrize("name", ["MappingNetwork.xml", "MappingNetwork.bin", "SynthesisNetwork.xml"])
def test_a_missing_part_is_named(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(PhotopulseError, match=name.replace(".", r"\.")):
        load_mobilestylegan_ir(folder, name="toy")


def test_the_loaded_network_is_the_port(folder: Path):
    generator: Any = load_mobilestylegan_ir(folder, name="toy")
    assert isinstance(generator, MobileStyleGAN)
    assert generator.synthesize(generator.map(torch.ones(1, 4))).shape == (1, 3, 32, 32)


@pytest.mark.weights
@pytest.mark.slow
def test_the_published_network_is_converted_to_the_same_numbers_with_any_number_of_threads(default_weights):
    threads, hashes = torch.get_num_threads(), set()
    for count in (1, 2):
        torch.set_num_threads(count)
        hashes.add(weights_hash(load_mobilestylegan_ir(fetch(DEFAULT_GENERATOR), name="published")))
    torch.set_num_threads(threads)
    assert len(hashes) == 1
