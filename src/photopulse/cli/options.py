"""Options that several commands share.

An option's default is defined twice, in the command and in the dataclass of its settings, so that ``--help`` need not
load torch; those of `train` are defined once, in modules without torch. If it is None, ``show_default`` names the value
that the settings use instead. ``tests/cli/test_defaults.py`` compares them all.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photopulse.cli.console import print_note

if TYPE_CHECKING:
    from photopulse.provenance.signing import Signature


def _named_path(text: str | Path) -> Path:
    """Parses a path that is not empty: scripts give an empty text by mistake, and it would mean the current folder."""
    if text == "":
        raise typer.BadParameter("the name of a file or folder is empty")
    return Path(text)


Inputs = Annotated[
    list[Path], typer.Argument(metavar="IN...", parser=_named_path, help="Pictures, or folders of pictures.")
]
OutputFolder = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", parser=_named_path, help="Folder for the results.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of lines.")]
RECURSIVE = "--recursive"
Recursive = Annotated[bool, typer.Option(RECURSIVE, help="Also search subfolders; the results lie in the same ones.")]
Subfolders = Annotated[bool, typer.Option(RECURSIVE, help="Also search subfolders.")]
Eps = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Downscaling error that is close enough.", show_default="1e-4, classic 1e-3"),
]
Device = Annotated[str, typer.Option(help="Where to compute: auto (cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.")]

Threads = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="Threads to compute with; auto measures which is faster now, one or all.", show_default="all"
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=4096,
        metavar="N",
        help="Processes that share the inputs; each loads the networks, and has --threads.",
        show_default="1; with --ray as many as the cluster holds",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Share the inputs among workers of a Ray cluster, whose machines share the folders; auto: this machine's.",
    ),
]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Wait for further pictures in the folders, and do each that comes, until Ctrl-C."),
]
Sign = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Sign the pictures with this private key: a PEM file, or env:NAME."),
]
CertificateChain = Annotated[
    Path | None, typer.Option("--certificate", metavar="CHAIN", help="Of --sign: certificates in PEM, your own first.")
]
_MOST_THREADS = 1024


def find_device(name: str) -> str:
    """Returns the best available device for ``auto``, and other names unchanged."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def use_threads(wanted: str | None, *, share: int = 1) -> int:
    """Sets the number of threads, and returns it.

    Args:
        wanted: a number, or ``auto`` for the faster of one and all; None is all.
        share: number of processes that share the cores; ``all`` are the cores divided by it.
    """
    import torch

    from photopulse.threads import fastest_threads

    most = max(1, torch.get_num_threads() // share)
    if wanted is None:
        threads = most
    elif wanted == "auto":
        threads = fastest_threads(most)
        print_note(f"note: computing with {threads} of {most} threads, measured now")
    elif wanted.isdecimal() and 1 <= int(wanted) <= _MOST_THREADS:
        threads = int(wanted)
    else:
        raise typer.BadParameter(f"--threads is a number from 1 to {_MOST_THREADS}, or auto, not {wanted!r}")
    torch.set_num_threads(threads)
    return threads


def find_signature(key: str | None, certificate: Path | None, option: str = "--certificate") -> "Signature | None":
    """Reads the key and certificates of ``--sign`` and ``--certificate``; None if neither is given.

    Where ``--certificate`` means another one, ``option`` is the name of the second option.

    Raises:
        ValueError: if only one is given.
        PhotopulseError: if they cannot be read, or the extra ``provenance`` is not installed.
    """
    if key is None and certificate is None:
        return None
    if key is None or certificate is None:
        raise ValueError(f"--sign and {option} belong together: give both, or neither")
    from photopulse.provenance.signing import load_signature

    return load_signature(key, certificate)


def given(**options: object) -> dict[str, Any]:
    """Returns the options that are not None, so that the settings' own defaults apply to the others."""
    return {name: value for name, value in options.items() if value is not None}
