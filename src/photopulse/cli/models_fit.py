"""`photopulse models fit`: computes what the search needs for a generator, once, and stores it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.console import fail, print_note, printable
from photopulse.cli.options import Device, find_device
from photopulse.errors import PhotopulseError, file_errors
from photopulse.weights import DEFAULT_GENERATOR

if TYPE_CHECKING:
    from pathlib import Path

    from photopulse.generators.protocol import Generator
    from photopulse.search.prior import GaussianPrior
    from photopulse.training.twin.run import TwinFit


def fit_command(
    name: Annotated[str, typer.Argument(help="A generator's name, or its file.")] = DEFAULT_GENERATOR,
    *,
    samples: Annotated[int, typer.Option(min=2, help="Latents to map; the paper used a million.")] = 100_000,
    twins: Annotated[
        str | None,
        typer.Option(metavar="SIZES", help="Twins to fit, e.g. 16,32, or none.", show_default="those of 16, 32, 64 px"),
    ] = None,
    twin_samples: Annotated[int, typer.Option(min=1, help="Pictures that the twins learn from.")] = 3000,
    twin_steps: Annotated[int, typer.Option(min=1, help="Batches that each twin learns from.")] = 1500,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    label: Annotated[int | None, typer.Option(help="Class, for a conditional generator.")] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Fits what the search needs of a generator, and keeps it in the cache.

    That is the Gaussian of its W (seconds), which `upscale` fits by itself when it is not there, and its twins,
    which render only a small picture and make the fast search better. They take some hours on a CPU, minutes on a
    GPU. Exit code 130: interrupted, the same command goes on from there.
    """
    from photopulse.cli.loading import load_with_progress
    from photopulse.cli.progress import watching
    from photopulse.search.prior import fit_prior, one_hot
    from photopulse.search.prior_cache import prior_path
    from photopulse.training.twin.run import fit_twins
    from photopulse.training.twin.train import TwinFitSettings

    # Settings, then fit the Gaussian, which is kept at once, and the twins.
    try:
        generator = load_with_progress(name, find_device(device))
        vector = one_hot(label, generator)
        sizes = _choose_sizes(twins, generator)
        settings = TwinFitSettings(sizes=sizes, samples=twin_samples, steps=twin_steps, seed=seed)
        path = prior_path(generator, label=vector)
        with watching() as watcher:
            watcher.start(f"mapping {samples} latents", 1)
            prior = fit_prior(generator, samples=samples, seed=seed, label=vector)
            _keep(prior, path)
            fits = list(fit_twins(generator, prior, settings, label=vector, watcher=watcher))
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    # Print what was fitted.
    _print(generator.name, path, fits, as_json=as_json)
    if not sizes and twins is None:
        print_note(f"{generator.name} has no twins; only the Gaussian was fitted")


def _choose_sizes(asked: str | None, generator: "Generator") -> tuple[int, ...]:
    """Returns the sizes of twins that a text such as ``16,32`` or ``none`` names; None gives all of the generator's.

    Raises:
        PhotopulseError: if the text is no list of sizes, or the generator has no twin of a size.
    """
    # Read the sizes, then check that the generator has them.
    from photopulse.search.kit import TWIN_SIZES

    usual = tuple(size for size in TWIN_SIZES if generator.make_twin(size) is not None)
    if asked is None:
        return usual
    if asked.strip().lower() == "none":
        return ()
    words = [word.strip() for word in asked.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word) for word in words):
        raise PhotopulseError(
            f"cannot fit the twins {asked!r}", why="that is no list of sizes", fix="give e.g. --twins 16,32 or none"
        )
    sizes = tuple(dict.fromkeys(int(word) for word in words))
    missing = [size for size in sizes if generator.make_twin(size) is None]
    if missing:
        raise PhotopulseError(
            f"cannot fit a twin of {missing[0]} px",
            why=f"{generator.name} has none of that size",
            fix=f"give --twins {','.join(map(str, usual)) or 'none'}",
        )
    return sizes


def _keep(prior: "GaussianPrior", path: "Path") -> None:
    from photopulse.search.prior import save_prior
    from photopulse.weights.cache import CACHE_FIX

    with file_errors(f"cannot write {path}", fix=CACHE_FIX):
        save_prior(prior, path)


def _print(name: str, prior: "Path", fits: "Sequence[TwinFit]", *, as_json: bool) -> None:
    # As JSON.
    if as_json:
        rows = [asdict(fit) | {"path": str(fit.path), "kept": fit.better} for fit in fits]
        typer.echo(json.dumps({"generator": name, "prior": str(prior), "twins": rows}, indent=2))
        return
    # As lines: the Gaussian, then each twin.
    typer.echo(f"{printable(name)}\t{printable(str(prior))}")
    for fit in fits:
        errors = (
            f"held-out mse {fit.before.mean:.2e} before, {fit.after.mean:.2e} after "
            f"(median {fit.before.median:.2e}, {fit.after.median:.2e})"
        )
        if fit.better:
            typer.echo(f"{printable(name)} twin of {fit.size} px\t{printable(str(fit.path))}\t{errors}")
        else:
            print_note(
                f"the fitted twin of {fit.size} px is no better and not kept: {errors}; more --twin-steps may help"
            )
