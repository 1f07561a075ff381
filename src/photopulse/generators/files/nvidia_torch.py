"""The official PyTorch pickles of StyleGAN2 and StyleGAN3: name, arguments and tensors of their generator.

Format: Karras et al., repositories stylegan2-ada-pytorch and stylegan3. A dict of networks; each is its
source text (never run), its constructor's arguments, and a tree of parameters, buffers and modules.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeGuard, cast

import torch
from torch import Tensor

from photopulse.safe_pickle.machine import RefusedPickleError
from photopulse.safe_pickle.read import Placeholder, pickle_errors
from photopulse.safe_pickle.torch_storage import PickledTensor

Family = Literal["stylegan1", "stylegan2", "stylegan3"]
_MAX_DEPTH = 32
_MAX_ARGUMENTS = 64
_MAX_ARGUMENTS_SIZE = 16_384  # Items and characters of all arguments of a network, counted as often as they appear.
_PERSISTENT = ("torch_utils.persistence", "_reconstruct_persistent_obj")
_POSITIONAL = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")


@dataclass(frozen=True, kw_only=True)
class PickledNetwork:
    """A generator of an official file.

    Attributes:
        family: architecture, recognised by the names of its tensors.
        init_kwargs: the constructor's arguments, plain values, by the names of stylegan2-ada-pytorch
            and stylegan3; empty for StyleGAN1, whose sizes follow from the tensors.
        state: parameters and buffers, floating ones float32, on the CPU, owned by the caller.
    """

    family: Family
    init_kwargs: dict[str, object]
    state: dict[str, Tensor]


def network_from(content: object, path: Path) -> PickledNetwork:
    """Finds the generator in what ``read_pickle`` made of an official PyTorch pickle at ``path``.

    That is the average ``G_ema`` if there is one, else ``G``.

    Raises:
        PhotopulseError: it holds no StyleGAN2 or StyleGAN3 generator.
    """
    with pickle_errors(path):
        networks = text_keyed(content)
        network = networks.get("G_ema") or networks.get("G")
        if network is None:
            raise RefusedPickleError("holds no generator under 'G_ema' or 'G'")
        meta = _persistent_meta(network)
        collector = _Collector(Allowance.of(path))
        collector.add(meta, prefix="", depth=0)
        return PickledNetwork(
            family=_family(collector.state),
            init_kwargs=_init_kwargs(meta),
            state=collector.state,
        )


@dataclass
class Allowance:
    """The bytes that the arrays of a file may still take: all of them together no more than the file has.

    A small file can name the same numbers a thousand times, and each name becomes a copy.
    """

    left: int

    @classmethod
    def of(cls, path: Path) -> "Allowance":
        """Returns the allowance of a file; OSError if its size cannot be read."""
        return cls(path.stat().st_size)

    def take(self, count: int) -> None:
        """Subtracts bytes of an array; RefusedPickleError if the file has fewer."""
        self.left -= count
        if self.left < 0:
            raise RefusedPickleError("describes more numbers than the file holds")


@dataclass
class _Collector:
    """Copies the tensors of a tree of modules, each module once and as many bytes as are allowed."""

    allowance: Allowance
    state: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    modules: set[int] = field(default_factory=set[int])

    def add(self, meta: dict[str, object], *, prefix: str, depth: int) -> None:
        # Refuse a module that was seen before or is nested too deeply.
        if depth > _MAX_DEPTH or id(meta) in self.modules:
            raise RefusedPickleError("nests its modules in a circle or too deeply")
        self.modules.add(id(meta))
        # Add the tensors of this module, except the buffers that are not stored.
        attributes = text_keyed(meta.get("state"))
        skipped = attributes.get("_non_persistent_buffers_set")
        for name, value in text_keyed(attributes.get("_parameters", {})).items():
            self._add_tensor(prefix + name, value)
        for name, value in text_keyed(attributes.get("_buffers", {})).items():
            if not (isinstance(skipped, set) and name in skipped):
                self._add_tensor(prefix + name, value)
        # Descend into its submodules.
        for name, module in text_keyed(attributes.get("_modules", {})).items():
            if module is not None:
                self.add(_persistent_meta(module), prefix=f"{prefix}{name}.", depth=depth + 1)

    def _add_tensor(self, name: str, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, PickledTensor):
            raise RefusedPickleError("has a parameter or a buffer that is not a tensor")
        tensor = value.tensor()
        self.allowance.take(tensor.numel() * tensor.element_size())
        self.state[name] = tensor.to(torch.float32) if tensor.is_floating_point() else tensor


def text_keyed(value: object) -> dict[str, object]:
    """Returns ``value`` if it is a dict whose keys are text.

    Raises:
        RefusedPickleError: it is not.
    """
    if not _is_text_keyed(value):
        raise RefusedPickleError("does not have the structure of an official file")
    return value


def _is_text_keyed(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in cast(dict[object, object], value))


def _persistent_meta(network: object) -> dict[str, object]:
    if not isinstance(network, Placeholder) or (network.module, network.name) != _PERSISTENT:
        raise RefusedPickleError("holds a network that was not saved by the official code")
    return text_keyed(network.args[0])


def _init_kwargs(meta: dict[str, object]) -> dict[str, object]:
    attributes = text_keyed(meta.get("state"))
    args = attributes.get("_init_args", ())
    positional = zip(_POSITIONAL, cast(tuple[object, ...], args), strict=False)
    return checked_arguments({**dict(positional), **text_keyed(attributes.get("_init_kwargs", {}))})


def checked_arguments(arguments: object) -> dict[str, object]:
    """Returns a constructor's arguments if they are plain values, so that they can be compared and shown.

    Raises:
        RefusedPickleError: they hold objects, or are nested more deeply or are longer than any settings.
    """
    _plain_size(arguments, depth=0, most=_MAX_ARGUMENTS_SIZE)
    return text_keyed(arguments)


def _plain_size(value: object, *, depth: int, most: int) -> int:
    """Returns the number of items and characters of a plain value; what it names twice counts twice."""
    # Single values of a sensible size.
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return 1
    if isinstance(value, str):
        return 1 + len(value)
    # The items of a container, which may nest only a few levels deep.
    if not isinstance(value, list | tuple | dict) or depth >= 3:
        raise RefusedPickleError("has a network argument that is no plain value")
    items = list(cast("list[object]", value))  # Of a dict, its keys.
    if len(items) > _MAX_ARGUMENTS:
        raise RefusedPickleError("has a network with too many arguments")
    if isinstance(value, dict):
        items += text_keyed(cast(object, value)).values()
    size = 1
    for item in items:
        size += _plain_size(item, depth=depth + 1, most=most - size)
        if size > most:
            raise RefusedPickleError("has a network with too many arguments")
    return size


def _family(state: dict[str, Tensor]) -> Family:
    if "synthesis.input.freqs" in state:
        return "stylegan3"
    if "synthesis.b4.const" in state:
        return "stylegan2"
    raise RefusedPickleError("holds a network that is neither StyleGAN2 nor StyleGAN3")
