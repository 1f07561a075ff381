"""One optimisation step at 1024 px on the CPU: photopulse against a plain eager port of the same network.

    python benchmarks/step.py [--pairs 3] [--steps 5]

Runs the two in turn, each in a process of its own, and prints the medians, their ratio, and how far image and
gradient differ.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import torch

from photopulse import load_generator
from photopulse.allocator import keep_freed_memory
from photopulse.degrade import Bicubic
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.losses import geocross, l2

VARIANTS = ("plain", "plain+allocator", "photopulse")


def run_steps(variant: str, steps: int, result: Path) -> None:
    """Times ``steps`` forward and backward passes after a first one; saves the image and the gradient."""
    import plain_mobilestylegan

    generator = load_generator()
    network = cast(MobileStyleGAN, generator)
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(1))
    start, down, target = generator.map(z), Bicubic(64), torch.full((1, 3, 16, 16), 0.5)
    seconds: list[float] = []
    image = ws = start
    with nullcontext() if variant == "plain" else keep_freed_memory():
        for _ in range(steps + 1):
            ws = start.clone().requires_grad_()
            begin = time.perf_counter()
            plain = variant.startswith("plain")
            image = plain_mobilestylegan.synthesize(network, ws) if plain else generator.synthesize(ws)
            loss = 100 * l2(down(image), target, 1e-3) + 0.05 * geocross(ws)
            loss.sum().backward()
            seconds.append(time.perf_counter() - begin)
    torch.save({"image": image.detach(), "gradient": ws.grad}, result)
    print(json.dumps(seconds[1:]))


def main() -> None:
    """Parses the arguments, runs the pairs, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.variant:
        run_steps(arguments.variant, arguments.steps, arguments.result)
        return
    load_generator()  # Fetched and converted before anything is timed.
    times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.pairs):
            for variant in VARIANTS:
                command = [sys.executable, __file__, "--variant", variant, "--steps", str(arguments.steps)]
                command += ["--result", str(Path(folder) / variant)]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                times[variant].append(statistics.median(json.loads(output)))
        results = {variant: torch.load(Path(folder) / variant, weights_only=True) for variant in VARIANTS}
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {arguments.pairs} runs")
    for variant in VARIANTS:
        median = statistics.median(times[variant])
        ratio = statistics.median(p / o for p, o in zip(times["plain"], times[variant], strict=True))
        print(f"{variant:>16}: {median:.3f} s a step, {ratio:.2f} times as fast as plain")
    for what in ("image", "gradient"):
        ours, plain = results["photopulse"][what], results["plain"][what]
        relative = ((ours - plain).norm() / plain.norm()).item()
        print(f"{what}: relative difference {relative:.1e}, largest {(ours - plain).abs().max().item():.1e}")


if __name__ == "__main__":
    main()
