"""`photopulse study`: people rate the pictures of several methods."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from photopulse.cli.console import fail, print_line, print_table
from photopulse.cli.serve_options import (
    Certificate,
    CertificateKey,
    Host,
    PasswordFile,
    Port,
    Token,
    find_secret,
    need_server,
    serve_page,
)
from photopulse.errors import PhotopulseError
from photopulse.extras import need_packages
from photopulse.files import read_text

app = typer.Typer(
    no_args_is_help=True,
    help="Asks people: makes a study of several methods' pictures, shows it to raters, and scores their answers.",
)

_SHOWN, _WORDS = "What raters see", "Words"
_MOST_TEXT = 2**20  # Bytes.

StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study.")]


@app.command("make")
def make_command(
    inputs: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Output folder of evaluate, or a folder with a subfolder for each method."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="New folder for the study.")] = Path(
        "study"
    ),
    kind: Annotated[
        Literal["mos", "pairs", "real"],
        typer.Option(help="mos: rate a picture, 1 to 5. pairs: which is better. real: which is the photo."),
    ] = "mos",
    methods: Annotated[
        str | None, typer.Option(metavar="A,B", help="Folders of the methods.", show_default="all")
    ] = None,
    condition: Annotated[
        str | None, typer.Option(help="Folder of the corruption or of the damage, if there are several.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=16, help="Faces are shown at this size, px.", show_default="the smallest")
    ] = None,
    faces: Annotated[int | None, typer.Option(min=2, help="At most so many are rated.", show_default="all")] = None,
    ratings: Annotated[int, typer.Option(min=1, help="Raters who see each picture or pair.")] = 24,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures or pairs for one rater.", show_default="all", rich_help_panel=_SHOWN),
    ] = None,
    repeats: Annotated[
        float, typer.Option(min=0, max=0.3, help="Share of them that comes twice.", rich_help_panel=_SHOWN)
    ] = 0.05,
    training: Annotated[
        int,
        typer.Option(min=0, help="Examples of a 1, and of a 5, before a mos study.", rich_help_panel=_SHOWN),
    ] = 5,
    gold: Annotated[
        int, typer.Option(min=0, help="Hidden questions whose answer is known.", rich_help_panel=_SHOWN)
    ] = 4,
    worst: Annotated[
        str, typer.Option(help="Method of the examples of a 1, and of gold questions.", rich_help_panel=_SHOWN)
    ] = "nearest",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Same seed and pictures, same study.")] = 0,
    title: Annotated[str, typer.Option(help="Heading of the page.", rich_help_panel=_WORDS)] = "Pictures of faces",
    instructions: Annotated[
        Path | None, typer.Option(help="A text that raters read first, instead of ours.", rich_help_panel=_WORDS)
    ] = None,
    consent: Annotated[
        Path | None, typer.Option(help="A text that raters agree to, instead of ours.", rich_help_panel=_WORDS)
    ] = None,
) -> None:
    """Makes a study of pictures: copies them, and plans in which order each rater sees them."""
    from photopulse.cli.progress import watching
    from photopulse.study.make import make_study
    from photopulse.study.settings import StudySettings

    try:
        settings = StudySettings(
            kind=kind,
            methods=tuple(method.strip() for method in methods.split(",")) if methods else (),
            condition=condition,
            size=size,
            faces=faces,
            ratings=ratings,
            trials=trials,
            repeats=repeats,
            training=training,
            gold=gold,
            worst=worst,
            seed=seed,
            title=title,
            instructions=_text(instructions),
            consent=_text(consent),
        )
        with watching(quiet=True) as watcher:
            study = make_study(inputs, output, settings, watcher)
    except (PhotopulseError, ValueError) as error:
        fail(str(error), 2)
    # What it came to.
    longest = max(map(len, study.seats))
    print_line(f"{output}  {len(study.methods)} methods, {len(study.seats)} raters, {longest} pictures or pairs each")


@app.command("serve")
def serve_command(
    study: StudyFolder,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    password_file: PasswordFile = None,
    certificate: Certificate = None,
    certificate_key: CertificateKey = None,
) -> None:
    """Serves the page on which people rate; their answers are appended to STUDY/answers.jsonl at once."""
    try:
        need_server("study")
        from photopulse.web.settings import ServeSettings
        from photopulse.web.study_app import make_study_app

        # Nobody uploads anything, so the limit is the least.
        settings = ServeSettings(host=host, port=port, secret=find_secret(token, password_file), max_megabytes=1)
        serve_page(
            settings,
            lambda: make_study_app(settings, study),
            certificate,
            certificate_key,
            ready="photopulse serves the study at {} (Ctrl-C ends it, and the same command goes on)",
        )
    except (ValueError, PhotopulseError) as error:
        fail(str(error), 2)


@app.command("score")
def score_command(
    study: StudyFolder,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the results.", show_default="STUDY/scores"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the resampling for intervals.")] = 0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print table.json instead of table.md.")] = False,
) -> None:
    """Scores the answers of a study, also while it goes on: tables, intervals, tests, figures, checks of the raters."""
    folder = output or study / "scores"
    try:
        need_packages("cannot score", ["choix"], extra="study")
        from photopulse.study.score import score_study

        score_study(study, folder, seed)
    except PhotopulseError as error:
        fail(str(error), 2)
    print_table(folder, as_json=as_json)


def _text(path: Path | None) -> str | None:
    """Reads a text for raters; None without a path."""
    return None if path is None else read_text(path, most=_MOST_TEXT, fix="name a text file in UTF-8").strip()
