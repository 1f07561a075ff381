"""The official TensorFlow pickles of StyleGAN and StyleGAN2, as state dicts in PyTorch naming and layout.

Format: Karras et al., repositories stylegan and stylegan2. A tuple (G, D, Gs) of networks, each with static
arguments, components and variables; its source text is never run. TensorFlow keeps dense weights (in, out)
and convolutions (height, width, in, out). Equalized learning rates remain run-time constants.
"""

import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from photopulse.generators.files.nvidia_torch import Allowance, PickledNetwork, checked_arguments, text_keyed
from photopulse.generators.stylegan2_layers import resample_kernel
from photopulse.safe_pickle.arrays import PickledArray
from photopulse.safe_pickle.machine import RefusedPickleError
from photopulse.safe_pickle.read import Placeholder, pickle_errors

_SCOPES = {"G_mapping": "mapping", "G_synthesis": "synthesis"}
# Arguments that change what a network computes, with the only values that our networks know.
_SUPPORTED: dict[str, tuple[object, ...]] = {
    "num_channels": (3,),
    "nonlinearity": ("lrelu",),
    "mapping_nonlinearity": ("lrelu",),
    "mapping_lrmul": (0.01,),
    "normalize_latents": (True,),
    "use_noise": (True,),
    "use_wscale": (True,),
    "use_styles": (True,),
    "use_instance_norm": (True,),
    "use_pixel_norm": (False,),
    "const_input_layer": (True,),
    "fused_scale": ("auto",),
    "blur_filter": ([1, 2, 1], (1, 2, 1)),
    "fmap_decay": (1.0,),
    "label_size": (0,),
}


def tf_network_from(content: object, path: Path) -> PickledNetwork:
    """Finds the averaged generator ``Gs`` in what ``read_pickle`` made of an official TensorFlow pickle at ``path``.

    The state dict follows PULSE's names for StyleGAN, and stylegan2-ada-pytorch's for StyleGAN2.

    Raises:
        PhotopulseError: there is no such generator, or one with labels, still growing, or with layers other than the
            published ones.
    """
    with pickle_errors(path):
        state = _network_state(_averaged_generator(content))
        arguments = checked_arguments(state.get("static_kwargs", {}))
        _check_arguments(arguments)
        variables = _Variables(_collect(state, Allowance.of(path), depth=0))
        family = "stylegan2" if "synthesis/4x4/Conv/mod_weight" in variables.arrays else "stylegan1"
        is_second = family == "stylegan2"
        return PickledNetwork(
            family=family,
            init_kwargs=_stylegan2_kwargs(variables, arguments) if is_second else {},
            state=_stylegan2_state(variables, _taps(arguments)) if is_second else _stylegan1_state(variables),
        )


@dataclass(frozen=True)
class _Variables:
    """TensorFlow's variables by name, without the scope of the network; methods return them in PyTorch's layout."""

    arrays: dict[str, npt.NDArray[Any]]

    def raw(self, name: str, ndim: int) -> npt.NDArray[np.float32]:
        if name not in self.arrays:
            raise RefusedPickleError(f"has no variable {name}, which a StyleGAN or StyleGAN2 has")
        values = self.arrays[name]
        if values.ndim != ndim:
            raise RefusedPickleError(f"has {values.ndim} instead of {ndim} dimensions in the variable {name}")
        return values.astype(np.float32)

    def tensor(self, name: str, ndim: int) -> Tensor:
        return _tensor(self.raw(name, ndim))

    def dense(self, name: str) -> Tensor:
        return _tensor(self.raw(name, 2).T)

    def conv(self, name: str, *, flip: bool = False) -> Tensor:
        weight = self.raw(name, 4)
        return _tensor((weight[::-1, ::-1] if flip else weight).transpose(3, 2, 0, 1))

    def sides(self) -> list[int]:
        """Lists the resolutions that have a block: 4, 8, 16 ..."""
        sides = [4]
        while f"synthesis/{2 * sides[-1]}x{2 * sides[-1]}/Conv1/weight" in self.arrays:
            sides.append(2 * sides[-1])
        return sides

    def mapping_layers(self) -> int:
        count = 0
        while f"mapping/Dense{count}/weight" in self.arrays:
            count += 1
        return count


def _tensor(values: npt.NDArray[np.float32]) -> Tensor:
    # torch copies what it is given, but cannot read backwards, as a mirrored array must be.
    return torch.tensor(values.copy(order="C"))


def _averaged_generator(content: object) -> object:
    """Returns ``Gs`` of (G, D, Gs), or the only network of the file."""
    if not isinstance(content, tuple | list):
        return content
    networks = cast(list[object], content)
    return networks[2] if len(networks) == 3 else None


def _network_state(network: object) -> dict[str, object]:
    if not isinstance(network, Placeholder) or not network.module.startswith("dnnlib.tflib"):
        raise RefusedPickleError("holds no TensorFlow networks of StyleGAN or StyleGAN2")
    return text_keyed(network.state)


def _collect(network: dict[str, object], allowance: Allowance, *, depth: int) -> dict[str, npt.NDArray[Any]]:
    """Collects the variables of a network and its components, named ``mapping/...`` and ``synthesis/...``.

    Raises:
        RefusedPickleError: they are no arrays, or take more bytes than are allowed.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    # Collect the variables of the components, mapping and synthesis.
    if depth == 0:
        for name, component in text_keyed(network.get("components", {})).items():
            inner = _collect(_network_state(component), allowance, depth=1)
            found.update({f"{name}/{key}": value for key, value in inner.items()})
    # Add the network's own variables, with the scopes renamed.
    for entry in cast(list[object], network.get("variables")):
        name, value = cast(tuple[object, object], entry)
        if not isinstance(name, str) or not isinstance(value, PickledArray | int | float):
            raise RefusedPickleError("has a variable that is no array")
        scope, slash, rest = name.partition("/")
        values = value.array() if isinstance(value, PickledArray) else np.asarray(value)
        allowance.take(values.nbytes)
        found[_SCOPES.get(scope, scope) + slash + rest] = values
    return found


def _check_arguments(arguments: dict[str, object]) -> None:
    for name, supported in _SUPPORTED.items():
        if name in arguments and arguments[name] not in supported:
            raise RefusedPickleError(
                f"holds a network made with {name}={reprlib.repr(arguments[name])}, which photopulse cannot build"
            )


def _stylegan1_state(variables: _Variables) -> dict[str, Tensor]:
    if "synthesis/lod" in variables.arrays and variables.raw("synthesis/lod", 0) > 0:
        raise RefusedPickleError("holds a generator that was saved while it was still growing")

    # Mapping network.
    state: dict[str, Tensor] = {}
    for i in range(variables.mapping_layers()):
        state[f"mapping.dense{i}.weight"] = variables.dense(f"mapping/Dense{i}/weight")
        state[f"mapping.dense{i}.bias"] = variables.tensor(f"mapping/Dense{i}/bias", 1)
    if "dlatent_avg" in variables.arrays:
        state["w_avg"] = variables.tensor("dlatent_avg", 1)

    # Synthesis network.
    for side in variables.sides():
        state.update(_stylegan1_block(variables, side))
    state["synthesis.torgb.weight"] = variables.conv("synthesis/ToRGB_lod0/weight")
    state["synthesis.torgb.bias"] = variables.tensor("synthesis/ToRGB_lod0/bias", 1)
    if "synthesis/noise0" in variables.arrays:
        for i in range(2 * len(variables.sides())):
            state[f"synthesis.noise{i}"] = variables.tensor(f"synthesis/noise{i}", 4)
    return state


def _stylegan1_block(variables: _Variables, side: int) -> dict[str, Tensor]:
    # Noise strengths and styles of both layers.
    source, target = f"synthesis/{side}x{side}", f"synthesis.blocks.{side}x{side}"
    first, second = ("Const", "Conv") if side == 4 else ("Conv0_up", "Conv1")
    block: dict[str, Tensor] = {}
    for scope, epilogue in ((first, "epi1"), (second, "epi2")):
        style = f"{target}.{epilogue}.style_mod.lin"
        block[f"{target}.{epilogue}.noise.weight"] = variables.tensor(f"{source}/{scope}/Noise/weight", 1)
        block[f"{style}.weight"] = variables.dense(f"{source}/{scope}/StyleMod/weight")
        block[f"{style}.bias"] = variables.tensor(f"{source}/{scope}/StyleMod/bias", 1)

    # The constant, or the upsampling convolution; then the plain convolution.
    if side == 4:
        block[f"{target}.const"] = variables.tensor(f"{source}/Const/const", 4)
        block[f"{target}.bias"] = variables.tensor(f"{source}/Const/bias", 1)
    else:
        block[f"{target}.conv0_up.weight"] = variables.conv(f"{source}/Conv0_up/weight")
        block[f"{target}.conv0_up.bias"] = variables.tensor(f"{source}/Conv0_up/bias", 1)
        block[f"{target}.conv0_up.intermediate.kernel"] = resample_kernel((1, 2, 1))[None, None]
    name = second.lower()
    block[f"{target}.{name}.weight"] = variables.conv(f"{source}/{second}/weight")
    block[f"{target}.{name}.bias"] = variables.tensor(f"{source}/{second}/bias", 1)
    return block


def _stylegan2_kwargs(variables: _Variables, arguments: dict[str, object]) -> dict[str, object]:
    """Returns the arguments of stylegan2-ada-pytorch's Generator, from shapes where possible, else from the file."""
    # Read the sizes of the mapping network from its weights.
    layers = variables.mapping_layers()
    z_dim, hidden = variables.raw("mapping/Dense0/weight", 2).shape
    w_dim = variables.raw(f"mapping/Dense{layers - 1}/weight", 2).shape[1]
    # The feature maps are known only from the arguments of the file.
    fmap_base, fmap_max = arguments.get("fmap_base", 16384), arguments.get("fmap_max", 512)
    if type(fmap_base) is not int or type(fmap_max) is not int:
        raise RefusedPickleError("counts its feature maps by something other than integers")
    return {
        "z_dim": z_dim,
        "c_dim": 0,
        "w_dim": w_dim,
        "img_resolution": variables.sides()[-1],
        "img_channels": 3,
        "mapping_kwargs": {"num_layers": layers, "layer_features": hidden},
        "synthesis_kwargs": {
            "channel_base": 2 * fmap_base,
            "channel_max": fmap_max,
            "architecture": _architecture(variables),
            "resample_filter": list(_taps(arguments)),
            "conv_clamp": arguments.get("conv_clamp"),
        },
    }


def _taps(arguments: dict[str, object]) -> tuple[float, ...]:
    taps = arguments.get("resample_kernel", [1, 3, 3, 1])
    if not isinstance(taps, list | tuple) or not all(type(tap) in (int, float) for tap in cast(list[object], taps)):
        raise RefusedPickleError("has a resampling filter that is no list of numbers")
    return tuple(cast(list[float], taps))


def _architecture(variables: _Variables) -> str:
    if "synthesis/8x8/Skip/weight" in variables.arrays:
        return "resnet"
    return "skip" if "synthesis/4x4/ToRGB/weight" in variables.arrays else "orig"


def _stylegan2_state(variables: _Variables, taps: tuple[float, ...]) -> dict[str, Tensor]:
    # Mapping network.
    state = {"mapping.w_avg": variables.tensor("dlatent_avg", 1)}
    for i in range(variables.mapping_layers()):
        state[f"mapping.fc{i}.weight"] = variables.dense(f"mapping/Dense{i}/weight")
        state[f"mapping.fc{i}.bias"] = variables.tensor(f"mapping/Dense{i}/bias", 1)

    # Synthesis network.
    state["synthesis.b4.const"] = variables.tensor("synthesis/4x4/Const/const", 4)[0]
    for power, side in enumerate(variables.sides(), start=2):
        source, target = f"synthesis/{side}x{side}", f"synthesis.b{side}"
        state[f"{target}.resample_filter"] = resample_kernel(taps)
        last = "Conv" if side == 4 else "Conv1"
        state.update(_stylegan2_conv(variables, f"{source}/{last}", f"{target}.conv1", 2 * power - 4, taps))
        if side > 4:
            up = _stylegan2_conv(variables, f"{source}/Conv0_up", f"{target}.conv0", 2 * power - 5, taps)
            state.update(up)
        if f"{source}/Skip/weight" in variables.arrays:
            state[f"{target}.skip.weight"] = variables.conv(f"{source}/Skip/weight", flip=True)
            state[f"{target}.skip.resample_filter"] = resample_kernel(taps)
        if f"{source}/ToRGB/weight" in variables.arrays:
            state.update(_modulated(variables, f"{source}/ToRGB", f"{target}.torgb", flip=False))
    return state


def _stylegan2_conv(
    variables: _Variables, source: str, target: str, noise: int, taps: tuple[float, ...]
) -> dict[str, Tensor]:
    return {
        # Enlarging, TensorFlow's code correlates with the kernel and stylegan2-ada-pytorch convolves with it.
        **_modulated(variables, source, target, flip=source.endswith("_up")),
        f"{target}.noise_strength": variables.tensor(f"{source}/noise_strength", 0),
        f"{target}.noise_const": variables.tensor(f"synthesis/noise{noise}", 4)[0, 0],
        f"{target}.resample_filter": resample_kernel(taps),
    }


def _modulated(variables: _Variables, source: str, target: str, *, flip: bool) -> dict[str, Tensor]:
    return {
        f"{target}.weight": variables.conv(f"{source}/weight", flip=flip),
        f"{target}.bias": variables.tensor(f"{source}/bias", 1),
        f"{target}.affine.weight": variables.dense(f"{source}/mod_weight"),
        # TensorFlow adds the 1 of an unchanged style at run time.
        f"{target}.affine.bias": variables.tensor(f"{source}/mod_bias", 1) + 1,
    }
