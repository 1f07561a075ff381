"""Finds the styles of the faces to learn from, by which the decoder renders each as well as styles can."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.images import read_image
from photopulse.runs.keys import key
from photopulse.runs.watcher import Watcher
from photopulse.search.inversion import InversionSettings, find_styles
from photopulse.search.kit import SearchKit
from photopulse.torch_file import read_safetensors, write_safetensors
from photopulse.training.file_keys import file_key

_SEARCH: Final = InversionSettings(style_evaluations=((32, 12),))
_TOGETHER: Final = 3
_SAVE_EVERY: Final = 20


def face_points(files: Sequence[Path], kit: SearchKit, cache: Path, watcher: Watcher) -> dict[Path, Tensor]:
    """Returns, for each aligned face, the points (2, (1 + num_ws) * w_dim) of its styles and of its mirror image's.

    Points are kept in ``cache`` (.safetensors), so that the next run starts at once, even if this one is interrupted.

    Raises:
        PhotopulseError: if a file cannot be read, or the generator has no twin of 32 px.
    """
    different = list(dict.fromkeys(files))
    made_by = _made_by(kit)
    keys = {file: key(file_key(file), made_by) for file in different}
    known = dict(_read(cache))
    missing = [file for file in different if keys[file] not in known]
    if missing:
        watcher.start("finding the styles of the faces", len(missing))
    for place in range(0, len(missing), _TOGETHER):
        part = missing[place : place + _TOGETHER]
        found = _search([read_image(file).pixels for file in part], kit)
        known |= {keys[file]: points.half() for file, points in zip(part, found, strict=True)}
        watcher.step(place + len(part))
        if place // _TOGETHER % _SAVE_EVERY == 0 or place + len(part) == len(missing):
            write_safetensors(cache, known, {})
    return {file: known[keys[file]].float() for file in different}


def _made_by(kit: SearchKit) -> str:
    """Returns a key of all but the face on which a search for styles depends."""
    networks = (kit.generator, kit.encoder, kit.needed_twin(_SEARCH.style_evaluations[-1][0]).tail)
    gaussian = [values.cpu().numpy() for values in (kit.prior.mean, kit.prior.std)]
    return key([weights_hash(network) for network in networks if network is not None], gaussian, _SEARCH)


@torch.no_grad()
def _search(faces: Sequence[Tensor], kit: SearchKit) -> list[Tensor]:
    small = torch.cat([torch.nn.functional.interpolate(face, (64, 64), mode="area") for face in faces])
    both = torch.cat([small, small.flip(3)]).to(kit.generator.device)
    points = find_styles(both, torch.zeros(len(both), device=both.device), kit, _SEARCH).cpu()
    return list(torch.stack(points.chunk(2), dim=1))


def _read(cache: Path) -> Mapping[str, Tensor]:
    with suppress(OSError, SafetensorError, ValueError):
        return read_safetensors(cache)
    return {}
