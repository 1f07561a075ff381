"""`photopulse sample`: faces drawn from a generator."""

from pathlib import Path
from typing import Annotated

import typer

from photopulse.cli.console import fail
from photopulse.cli.options import (
    AsJson,
    CertificateChain,
    Device,
    OutputFolder,
    Sign,
    Threads,
    find_device,
    find_signature,
    use_threads,
)
from photopulse.errors import PhotopulseError
from photopulse.provenance.payload import MarkChoice
from photopulse.weights import DEFAULT_GENERATOR


def sample_command(
    count: Annotated[int, typer.Argument(min=1, metavar="COUNT", help="Faces to draw.")],
    output: OutputFolder = Path("samples"),
    generator: Annotated[str, typer.Option(help="A name, or a generator's file.")] = DEFAULT_GENERATOR,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the first face; face k has seed + k.")] = 0,
    size: Annotated[
        int | None, typer.Option(min=1, help="Height and width; must divide the generator's, which is the default.")
    ] = None,
    truncation_psi: Annotated[
        float, typer.Option(min=0, max=2, help="Below 1: nearer to the mean face, fewer odd ones, less variety.")
    ] = 1.0,
    label: Annotated[int | None, typer.Option(help="Class, for a conditional generator.")] = None,
    mark: Annotated[MarkChoice, typer.Option(help="Invisible mark, which `verify` finds.")] = "on",
    sign: Sign = None,
    certificate: CertificateChain = None,
    device: Device = "auto",
    threads: Threads = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Draws imaginary faces from a generator, for audits and as training data.

    The same seed gives the same face. Finished faces are kept when the command is run again. Exit code 0: all
    are there; 1: one failed; 130: interrupted, a rerun goes on.
    """
    from photopulse.cli.loading import load_with_progress
    from photopulse.cli.progress import print_report, watching
    from photopulse.runs.report import exit_code
    from photopulse.upscaling.sample_batch import SampleSettings, sample_files

    # Load the generator and draw all faces.
    use_threads(threads)
    settings = SampleSettings(truncation_psi=truncation_psi, size=size, label=label, mark=mark)
    try:
        signature = find_signature(sign, certificate)
        loaded = load_with_progress(generator, find_device(device))
        with watching(quiet=as_json) as watcher:
            items = sample_files(range(seed, seed + count), output, loaded, settings, watcher, signature=signature)
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; what was finished is kept, and the same command goes on from there", 130)
    # Print the report.
    print_report("sample", items, output, as_json=as_json)
    raise typer.Exit(exit_code(items))
