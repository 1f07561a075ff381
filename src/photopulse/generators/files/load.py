"""Loads generators by name, or from files of any supported kind."""

import difflib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import torch

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import open_regular
from photopulse.generators.architectures import assemble, moved
from photopulse.generators.files.checkpoint import load_checkpoint, save_checkpoint
from photopulse.generators.files.nvidia_tf import tf_network_from
from photopulse.generators.files.nvidia_torch import network_from
from photopulse.generators.files.openvino_ir import load_mobilestylegan_ir
from photopulse.generators.files.pulse_weights import pulse_state, read_pulse_weights
from photopulse.generators.files.rosinality import convert_rosinality, is_rosinality
from photopulse.generators.protocol import Generator
from photopulse.generators.stylegan1 import settings_from_state
from photopulse.generators.stylegan2 import StyleGAN2Settings
from photopulse.generators.stylegan3 import StyleGAN3Settings
from photopulse.safe_pickle.read import read_pickle
from photopulse.torch_file import LEGACY_HEADER, read_torch_file
from photopulse.weights import DEFAULT_GENERATOR, SHIPPED, ShippedWeights, fetch

ACCEPTED = (
    "photopulse's own .safetensors, NVIDIA's .pkl of StyleGAN, StyleGAN2 and StyleGAN3, "
    "PULSE's synthesis.pt and mapping.pt, and .pt files of the stylegan2-pytorch port"
)

Kind = Literal["folder", "safetensors", "torch", "pickle"]


def load_generator(name_or_path: str | Path = DEFAULT_GENERATOR, device: str | torch.device = "cpu") -> Generator:
    """Loads a generator by name or from a file or folder, in eval mode and without gradients.

    The kind of a file is recognised by its content, never by its name, and no code in it is run. A name of ``NAMED``
    takes precedence over a file of that name.

    Args:
        name_or_path: one of ``NAMED``, or the path of a file that ``ACCEPTED`` lists.
        device: device of the weights, e.g. ``"cuda"``.

    Raises:
        PhotopulseError: the name is unknown, the file is damaged or of another kind, or there is no such device.
    """
    if isinstance(name_or_path, str) and name_or_path in NAMED:
        return moved(_frozen(NAMED[name_or_path]()), device)
    path = Path(name_or_path)
    try:
        kind = _kind(path)
    except FileNotFoundError as problem:
        raise _unknown(str(name_or_path)) from problem
    except (OSError, ValueError) as problem:
        why = system_reason(problem) if isinstance(problem, OSError) else str(problem)
        raise PhotopulseError(f"cannot open {path}", why=why, fix="check the path and its permissions") from problem
    return moved(_frozen(_LOADERS[kind](path)), device)


def _mobilestylegan_ffhq_1024() -> Generator:
    """Loads the default generator, which is fetched and converted to safetensors the first time."""
    source = fetch(DEFAULT_GENERATOR)
    converted = source / "generator.safetensors"
    # Missing or damaged: converting again mends it. A cache that cannot be written only costs that time again.
    with suppress(PhotopulseError):
        return load_checkpoint(converted)
    generator = load_mobilestylegan_ir(source, name=DEFAULT_GENERATOR)
    with suppress(OSError, PhotopulseError):
        save_checkpoint(generator, converted)
        # Read back: tensors laid out otherwise in memory give other last digits, so the first run another face.
        return load_checkpoint(converted)
    return generator


def _shipped(entry: ShippedWeights) -> Generator:
    """Loads a small generator that comes with photopulse."""
    return load_checkpoint(fetch(entry.name) / entry.members[0].name)


NAMED: Mapping[str, Callable[[], Generator]] = {
    DEFAULT_GENERATOR: _mobilestylegan_ffhq_1024,
    **{entry.name: partial(_shipped, entry) for entry in SHIPPED},
}


def _kind(path: Path) -> Kind:
    if path.is_dir():
        return "folder"
    size = path.stat().st_size
    with open_regular(path) as file:
        head = file.read(64)
    if head.startswith((b"PK\x03\x04", LEGACY_HEADER)):
        return "torch"
    if head[:1] == b"\x80" and 2 <= int.from_bytes(head[1:2]) <= 5:
        return "pickle"
    # A safetensors file is the length of its header (8 bytes), the header (JSON), then the tensors.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return "safetensors"
    raise PhotopulseError(
        f"cannot load {path} as a generator",
        why=f"it looks like {_looks_like(head)}",
        fix=f"give one of these: {ACCEPTED}",
    )


# What users give by mistake; HTML and pointers are what a failed download leaves.
_SIGNATURES = {
    b"": "an empty file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"<!doctype html": "a web page instead of the file that was asked for",
    b"<html": "a web page instead of the file that was asked for",
    b"version https://git-lfs": "a Git LFS pointer instead of the file itself",
}


def _looks_like(head: bytes) -> str:
    for signature, meaning in _SIGNATURES.items():
        if head == signature or (signature and head.lower().startswith(signature.lower())):
            return meaning
    return f"no known kind of file (it begins with {head[:8].hex(' ')})"


def _from_folder(path: Path) -> Generator:
    if (path / "MappingNetwork.xml").is_file():
        return load_mobilestylegan_ir(path, name=path.resolve().name)
    return _from_pulse(path)


def _from_pulse(path: Path) -> Generator:
    weights = read_pulse_weights(path)
    return _assembled("stylegan1", weights.settings, weights.state, path)


def _from_torch(path: Path) -> Generator:
    content = read_torch_file(path)
    if is_rosinality(content):
        converted = convert_rosinality(content, path)
        return _assembled("stylegan2", converted.settings, converted.state, path)
    if pulse_state(content) is not None:
        return _from_pulse(path)
    raise PhotopulseError(
        f"cannot load {path} as a generator",
        why=f"it is a PyTorch file, but of no generator that photopulse knows ({_summary(content)})",
        fix=f"give one of these: {ACCEPTED}",
    )


def _from_pickle(path: Path) -> Generator:
    content = read_pickle(path)
    # The PyTorch files hold a dict of networks, the TensorFlow ones a tuple or a single network.
    read = network_from if isinstance(content, dict) else tf_network_from
    network = read(cast(object, content), path)
    try:
        if network.family == "stylegan1":
            settings = settings_from_state(network.state)
        elif network.family == "stylegan2":
            settings = StyleGAN2Settings.from_init_kwargs(network.init_kwargs)
        else:
            settings = StyleGAN3Settings.from_init_kwargs(network.init_kwargs)
    except ValueError as problem:
        raise _unfit(path, str(problem)) from problem
    except PhotopulseError as problem:
        raise _unfit(path, problem.why) from problem
    return _assembled(network.family, settings, network.state, path)


_LOADERS: Mapping[Kind, Callable[[Path], Generator]] = {
    "folder": _from_folder,
    "safetensors": load_checkpoint,
    "torch": _from_torch,
    "pickle": _from_pickle,
}


def _assembled(architecture: str, settings: Any, state: Mapping[str, torch.Tensor], path: Path) -> Generator:
    try:
        return assemble(architecture, settings, state, name=path.resolve().stem)
    except ValueError as problem:
        raise _unfit(path, str(problem)) from problem


def _frozen(generator: Generator) -> Generator:
    cast(torch.nn.Module, generator).eval().requires_grad_(False)
    return generator


def _summary(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"it holds a {type(content).__name__}"
    names = [str(key)[:40] for key in list(cast(Mapping[Any, Any], content))[:4]]
    return f"it holds {', '.join(names) or 'nothing'}"


def _unfit(path: Path, why: str) -> PhotopulseError:
    return PhotopulseError(
        f"cannot load {path} as a generator",
        why=why,
        fix="check that it is a generator's file, unchanged, and copy it again from its source",
    )


def _unknown(name: str) -> PhotopulseError:
    close = difflib.get_close_matches(name, NAMED, cutoff=0.4)
    return PhotopulseError(
        f"there is no generator {name!r}",
        why="it is neither a file or folder nor one of the names " + ", ".join(NAMED),
        fix=f"did you mean {' or '.join(close)}?" if close else f"give a name, or the path of {ACCEPTED}",
    )
