"""The weight files of PULSE's own code: ``synthesis.pt`` and ``mapping.pt``, the two halves of a StyleGAN1.

PULSE keeps a third file beside them, ``gaussian_fit.pt``. It is not read: the search fits every generator's Gaussian
itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.stylegan1 import StyleGAN1Settings, settings_from_state
from photopulse.torch_file import read_torch_file, tensors_of

SYNTHESIS, MAPPING = "synthesis.pt", "mapping.pt"
_ANCHORS = {SYNTHESIS: "synthesis.blocks.4x4.const", MAPPING: "mapping.dense0.weight"}


@dataclass(frozen=True, kw_only=True)
class PulseWeights:
    """A StyleGAN1 of PULSE's weight files.

    Attributes:
        settings: settings of the StyleGAN1; ``mapping_layers`` is 0 if no mapping file was found.
        state: the state dict of ``StyleGAN1(settings)``.
    """

    settings: StyleGAN1Settings
    state: Mapping[str, Tensor]


def pulse_state(content: Any) -> dict[str, Tensor] | None:
    """Renames the tensors of one file, or of both, to those of ``StyleGAN1``; None if they are something else.

    Prefixes before ``blocks.``, ``torgb.`` and ``dense0.`` (``module.``, ``g_synthesis.``) are removed.
    """
    tensors = tensors_of(content)
    if tensors is None:
        return None
    state = {_renamed(key): value for key, value in tensors.items()}
    return state if any(anchor in state for anchor in _ANCHORS.values()) else None


def read_pulse_weights(path: Path) -> PulseWeights:
    """Reads PULSE's weights from their folder, or from either of its files; the other one is found beside it.

    Without ``mapping.pt`` the generator can render but not map; without ``synthesis.pt`` there is none.

    Raises:
        PhotopulseError: a file is missing, damaged, or holds something else.
    """
    # Read one file or both.
    folder = path if path.is_dir() else path.parent
    state = {} if path.is_dir() else _read_half(path)
    for file, anchor in _ANCHORS.items():
        if anchor not in state and (folder / file).is_file():
            state = {**_read_half(folder / file), **state}
    if _ANCHORS[SYNTHESIS] not in state:
        raise PhotopulseError(
            f"cannot load PULSE's weights from {path}",
            why=f"there is no {SYNTHESIS} in {folder}",
            fix=f"put {SYNTHESIS} and {MAPPING} into one folder",
        )

    # Infer the sizes.
    try:
        settings = settings_from_state(state)
    except ValueError as problem:
        raise _not_pulse(path, str(problem)) from problem
    return PulseWeights(settings=settings, state=state)


def _read_half(path: Path) -> dict[str, Tensor]:
    state = pulse_state(read_torch_file(path))
    if state is None:
        raise _not_pulse(path, "its tensors have other names")
    return state


def _renamed(key: str) -> str:
    # An older port of the same network, which PULSE's began as, keeps the noise one level deeper.
    key = key.replace(".top_epi.", ".")
    if found := re.search(r"(?:^|\.)((?:blocks|torgb)\..*)", key):
        return f"synthesis.{found[1]}"
    if found := re.search(r"(?:^|\.)(dense\d+\..*)", key):
        return f"mapping.{found[1]}"
    return key


def _not_pulse(path: Path, why: str) -> PhotopulseError:
    return PhotopulseError(
        f"cannot load {path} as PULSE's weights",
        why=why,
        fix=f"give PULSE's own {SYNTHESIS} and {MAPPING}, or the folder that holds them",
    )
