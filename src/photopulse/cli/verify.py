"""`photopulse verify`: what pictures say about their origin."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.console import fail, print_line, print_note
from photopulse.cli.options import Inputs, Subfolders
from photopulse.errors import PhotopulseError

if TYPE_CHECKING:
    from photopulse.provenance.verify import FindFaces, Verified

_DETECTOR = ("blazeface", "facemesh")  # Names of weights.


def verify_command(
    inputs: Inputs,
    *,
    recursive: Subfolders = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look for the mark in whole pictures and unscaled crops only, not in faces.")
    ] = False,
    trust: Annotated[
        Path | None, typer.Option(metavar="ROOTS", help="Certificates (PEM) of roots whose signers you trust.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Tells what pictures say about their origin: photopulse's metadata, its invisible mark, and signed credentials.

    Nothing found does not mean that a picture is a photo: marks can be removed, and others make pictures, too. Exit
    code 0: each picture says that it is synthetic or restored; 3: one says nothing; 1: one cannot be read.
    """
    from photopulse.cli.inputs import find_pictures
    from photopulse.provenance.credentials import can_check, load_roots
    from photopulse.provenance.verify import verify_file
    from photopulse.runs.failures import FAILURES, reason

    try:
        files = find_pictures(inputs, recursive=recursive)
        roots = None if trust is None else load_roots(trust)
    except PhotopulseError as error:
        fail(str(error), 2)
    if not can_check():
        print_note("note: signed credentials are not checked. Run: pip install 'photopulse[provenance]'")
    find_faces = None if quick else _face_finder()
    # Check each picture; what cannot be read stops no other.
    rows: list[dict[str, object]] = []
    codes = {0}
    for file in files:
        try:
            verified = verify_file(file, thorough=not quick, find_faces=find_faces, roots=roots)
        except FAILURES as error:
            codes.add(1)
            rows.append({"file": str(file), "verdict": "failed", "error": reason(error)})
            if not as_json:
                print_line(f"{file}  failed: {reason(error)}", error=True)
            continue
        codes.add(3 if verified.verdict == "nothing found" else 0)
        rows.append(verified.to_fields())
        if not as_json:
            print_line(_line(file, verified))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    raise typer.Exit(1 if 1 in codes else max(codes))


def _face_finder() -> "FindFaces | None":
    """Returns what finds the faces of a picture; None if the detector's weights are missing: nothing is fetched."""
    from photopulse import weights

    missing = [name for name in _DETECTOR if weights.status(name) != "ready"]
    if missing:
        print_note(f"note: no marks are looked for in faces. Run: photopulse models get {' '.join(missing)}")
        return None
    from photopulse.cli.loading import load_detector
    from photopulse.restoration.face_mark import face_squares

    return partial(face_squares, detector=load_detector())


def _line(file: Path, verified: "Verified") -> str:
    return (
        f"{file}  {verified.verdict}  metadata: {_metadata(verified)}  mark: {_mark(verified)}{_credentials(verified)}"
    )


def _metadata(verified: "Verified") -> str:
    if not verified.metadata:
        return "none of photopulse"
    return ", ".join(f"{key} {value}" for key, value in verified.metadata.items())


def _mark(verified: "Verified") -> str:
    mark = verified.mark
    if not mark.is_marked:
        return "none" if verified.faces_searched else "none in the whole picture (faces were not searched)"
    place = "" if mark.face is None else f" in the face at {mark.face.x:.0f},{mark.face.y:.0f}"
    if mark.payload is None:
        return f"found{place} (score {mark.score:.1f}), but too weak to be read"
    agrees = {True: ", agrees with the metadata", False: ", DIFFERS from the metadata", None: ""}[verified.agrees]
    return f"{mark.payload} by {mark.payload.maker or 'an unknown command'}{place} (score {mark.score:.1f}){agrees}"


def _credentials(verified: "Verified") -> str:
    credentials = verified.credentials
    if credentials is None:
        return ""
    if credentials.state == "broken":
        return f"  credentials: BROKEN ({', '.join(credentials.problems)})"
    if credentials.state == "expired":
        return f"  credentials: unchanged, but the certificate of {credentials.signer} has expired"
    trusted = "trusted" if credentials.state == "trusted" else "who is not known to be trusted"
    return f"  credentials: intact, signed by {credentials.signer}, {trusted}"
