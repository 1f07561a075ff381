"""Training data of twins: styles with the downscaled pictures that the generator renders from them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.files import atomic_path, read_regular
from photopulse.generators.protocol import Generator
from photopulse.search.prior import GaussianPrior, to_ws
from photopulse.training.batches import seeded

# Standard deviations of the layers' styles around the shared one, used in turn: a search visits both W and W+.
_SPREADS = (0.0, 0.15, 0.3, 0.5)
_SHARD = 64
_MOST_BYTES = 2**28  # Of a file of them.


@dataclass(frozen=True, kw_only=True, eq=False)
class TwinSamples:
    """Styles ws (N, num_ws, w_dim) and their pictures by size, (N, 3, size, size) in [0, 1]; float16 on the CPU."""

    ws: Tensor
    pictures: Mapping[int, Tensor]

    def __len__(self) -> int:
        return len(self.ws)

    def part(self, which: slice) -> "TwinSamples":
        """Returns some of the samples, without copying them."""
        return TwinSamples(ws=self.ws[which], pictures={size: all_[which] for size, all_ in self.pictures.items()})


def draw_ws(index: int, generator: Generator, prior: GaussianPrior, *, seed: int, label: Tensor | None) -> Tensor:
    """Draws the styles (1, num_ws, w_dim) of a sample, float16 on the CPU; they depend on the arguments alone.

    Every other sample is a mapped latent; the rest are drawn around the prior's mean, between W and W+.
    """
    random = seeded(seed, index)
    if index % 2:
        z = torch.randn(1, generator.z_dim, generator=random).to(generator.device)
        ws = generator.map(z, None if label is None else label.to(z)[None])
    else:
        shared = torch.randn(1, 1, generator.w_dim, generator=random)
        shared = shared * (0.6 + 0.4 * torch.rand((), generator=random))
        offsets = torch.randn(1, generator.num_ws, generator.w_dim, generator=random)
        offsets = offsets * _SPREADS[index // 2 % len(_SPREADS)]
        ws = to_ws((shared + offsets).to(generator.device), prior, generator)
    return ws.half().cpu()


def render_samples(
    generator: Generator,
    prior: GaussianPrior,
    *,
    sizes: Sequence[int],
    count: int,
    seed: int,
    folder: Path,
    label: Tensor | None = None,
    on_picture: Callable[[int], None] = lambda _done: None,
) -> TwinSamples:
    """Renders ``count`` samples at full size and downscales them (``Bicubic``) to each of ``sizes``.

    ``folder`` stores 64 samples per file, so that an interrupted call can be resumed.

    Args:
        generator: renders with its stored noise; each of ``sizes`` divides its resolution.
        prior: Gaussian of the generator's W.
        sizes: heights of the downscaled pictures in px.
        count: number of samples.
        seed: random seed for the styles.
        folder: made if need be; belongs to this generator, seed and label.
        label: class label (c_dim,) for a conditional generator.
        on_picture: called after each picture, or file of them, with the number of pictures.

    Raises:
        OSError: if ``folder`` cannot be written.
    """
    shards: list[TwinSamples] = []
    for first in range(0, count, _SHARD):
        # Read the samples that an interrupted call stored.
        file, wanted = folder / f"{first:06d}.safetensors", min(_SHARD, count - first)
        shard = _read_shard(file, generator, sizes, wanted)
        # Render and store the missing ones.
        if shard is None:
            rows: list[TwinSamples] = []
            for index in range(first, first + wanted):
                rows.append(_render(draw_ws(index, generator, prior, seed=seed, label=label), generator, sizes))
                on_picture(index + 1)
            shard = _joined(rows)
            _write_shard(shard, file)
        shards.append(shard)
        on_picture(first + wanted)
    return _joined(shards)


@torch.no_grad()
def _render(ws: Tensor, generator: Generator, sizes: Sequence[int]) -> TwinSamples:
    image = generator.synthesize(ws.float().to(generator.device)).float().clamp(0, 1)
    small = {size: Bicubic(generator.resolution // size)(image).half().cpu() for size in sizes}
    return TwinSamples(ws=ws, pictures=small)


def _joined(parts: Sequence[TwinSamples]) -> TwinSamples:
    return TwinSamples(
        ws=torch.cat([part.ws for part in parts]),
        pictures={size: torch.cat([part.pictures[size] for part in parts]) for size in parts[0].pictures},
    )


def _write_shard(shard: TwinSamples, file: Path) -> None:
    with atomic_path(file) as temporary:
        temporary.write_bytes(save({"ws": shard.ws} | {str(size): all_ for size, all_ in shard.pictures.items()}))


def _read_shard(file: Path, generator: Generator, sizes: Sequence[int], count: int) -> TwinSamples | None:
    """Reads the first ``count`` samples of a file; None if it is missing, damaged or has fewer or other ones."""
    with suppress(OSError, SafetensorError, KeyError):
        state = load(read_regular(file, most=_MOST_BYTES))
        kept = TwinSamples(ws=state["ws"], pictures={size: state[str(size)] for size in sizes}).part(slice(count))
        shapes = [kept.ws.shape, *(all_.shape for all_ in kept.pictures.values())]
        if shapes == [(count, generator.num_ws, generator.w_dim), *((count, 3, size, size) for size in sizes)]:
            return kept
    return None
