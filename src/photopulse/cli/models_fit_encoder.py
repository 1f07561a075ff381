"""`photopulse models fit-encoder`: trains the style encoder, which predicts where searches of a generator begin."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from photopulse.cli.console import fail, print_note, printable
from photopulse.cli.options import Device, find_device
from photopulse.errors import PhotopulseError
from photopulse.weights import DEFAULT_GENERATOR


def fit_encoder_command(
    name: Annotated[str, typer.Argument(help="A generator's name, or its file.")] = DEFAULT_GENERATOR,
    *,
    faces: Annotated[int, typer.Option(min=1, help="Small faces to render and learn from.")] = 60_000,
    steps: Annotated[int, typer.Option(min=1, help="Batches to learn from.")] = 5400,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed for faces and weights.")] = 0,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Fits a generator's style encoder, and keeps it in the cache if it is better than the one in use.

    The encoder tells the styles of a small face in milliseconds; searches begin there instead of at the mean face. Fit
    the twins first (`photopulse models fit`). It takes an hour or two on a CPU. Exit code 130: interrupted, the same
    command goes on from there.
    """
    from photopulse.cli.loading import load_with_progress
    from photopulse.cli.progress import watching
    from photopulse.search.kit import SearchKit
    from photopulse.training.encoder.fit import fit_encoder
    from photopulse.training.encoder.train import EncoderFitSettings

    # Load the generator and its prior, then fit the encoder.
    try:
        kit = SearchKit.find(load_with_progress(name, find_device(device)))
        with watching() as watcher:
            fit = fit_encoder(kit, EncoderFitSettings(faces=faces, steps=steps, seed=seed), watcher=watcher)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    # Print the result.
    if as_json:
        row = asdict(fit) | {"path": str(fit.path), "kept": fit.better, "generator": kit.generator.name}
        typer.echo(json.dumps(row, indent=2))
        return
    errors = f"held-out error {fit.before:.3f} before, {fit.after:.3f} after"
    if fit.better:
        typer.echo(f"{printable(kit.generator.name)} style encoder\t{printable(str(fit.path))}\t{errors}")
    else:
        print_note(f"the fitted encoder is no better and not kept: {errors}; more --steps and --faces may help")
