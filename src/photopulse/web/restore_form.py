"""The forms of jobs that restore a photo, or find its faces: the settings and names of `photopulse restore`."""

from dataclasses import dataclass
from typing import Annotated, get_args

from fastapi import File, Form, UploadFile

from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.choice import parse_face
from photopulse.restoration.names import OutputFormat
from photopulse.restoration.settings import Enlarger, Halftone, Mode, Part, Repair, RestoreSettings, Scale, Tone
from photopulse.web.forms import MOST_SEED, Picture, bad_settings

_SCALES = tuple(map(float, get_args(Scale)))
_WORKING_SIZES = (64, 2048)
_RESTORE = RestoreSettings()

# What both forms have.
_Scale = Annotated[float, Form(description="Width and height grow by it.", json_schema_extra={"enum": list(_SCALES)})]
_Strength = Annotated[
    float | None, Form(ge=0, le=1, description="Share of the restoration; else as much as the damage asks.")
]
_Mode = Annotated[Mode, Form(description="archival: nothing is generated.")]
_Only = Annotated[Part | None, Form(description="Only the faces, or only the photo.")]
_Halftone = Annotated[Halftone, Form(description="auto: remove the dots of print.")]
_Tone = Annotated[Tone, Form(description="auto: correct fading.")]
_Repair = Annotated[Repair, Form(description="auto: fill scratches, creases, spots and tears where any are found.")]
_Mask = Annotated[
    UploadFile | None,
    File(description="Repair what is white in this picture, which is as large as the photo; turns repair on."),
]
_MaxFaces = Annotated[int, Form(ge=0, le=64, description="So many of the largest.")]
_ChosenFaces = Annotated[
    list[str], Form(max_length=64, description="Only this one: N, from 1, or X,Y in px. May be repeated.")
]
_WorkingSize = Annotated[
    int, Form(ge=_WORKING_SIZES[0], le=_WORKING_SIZES[1], description="Longer side when cleaned, px.")
]


@dataclass(frozen=True, kw_only=True)
class RestoreForm:
    """A form that was read and checked.

    Attributes:
        file: the photo.
        mask: picture that is white where the photo is damaged; None if there is none.
        settings: settings of the restoration.
        format: format of the result; None keeps the input's.
        save_mask: whether a picture of what was repaired is made, too.
    """

    file: UploadFile
    mask: UploadFile | None
    settings: RestoreSettings
    format: OutputFormat | None
    save_mask: bool


def read_restore_form(
    file: Picture,
    scale: _Scale = _RESTORE.scale,
    sr: Annotated[
        Enlarger, Form(description="What enlarges at last: own, or realesrgan, which is slow.")
    ] = _RESTORE.sr,
    strength: _Strength = _RESTORE.strength,
    fidelity: Annotated[
        float, Form(ge=0, le=1, description="0: most convincing face; 1: nearest to the input.")
    ] = _RESTORE.fidelity,
    mode: _Mode = _RESTORE.mode,
    only: _Only = _RESTORE.only,
    halftone: _Halftone = _RESTORE.halftone,
    tone: _Tone = _RESTORE.tone,
    grain: Annotated[bool, Form(description="Add grain like the film grain that was removed.")] = _RESTORE.grain,
    seed: Annotated[int, Form(ge=0, le=MOST_SEED, description="Of the grain.")] = _RESTORE.seed,
    repair: _Repair = _RESTORE.repair,
    mask: _Mask = None,
    save_mask: Annotated[bool, Form(description="Also give a picture of what was repaired; turns repair on.")] = False,
    max_faces: _MaxFaces = _RESTORE.max_faces,
    face: _ChosenFaces = [],  # noqa: B006
    working_size: _WorkingSize = _RESTORE.working_size,
    format: Annotated[OutputFormat | None, Form(description="Of the result; else the input's, or png.")] = None,
) -> RestoreForm:
    """Returns the settings of the form of a restoration.

    Raises:
        PhotopulseError: if they contradict each other.
    """
    repairs = mask is not None or save_mask
    with bad_settings():
        if scale not in _SCALES:
            raise ValueError(f"scale is one of {', '.join(get_args(Scale))}")
        settings = RestoreSettings(
            scale=scale,
            sr=sr,
            strength=strength,
            fidelity=fidelity,
            mode=mode,
            only=only,
            halftone=halftone,
            tone=tone,
            grain=grain,
            seed=seed,
            repair="auto" if repairs else repair,
            max_faces=max_faces,
            faces=tuple(parse_face(text) for text in face),
            working_size=working_size,
        )
        # Checks that a mask is used.
        RestoreBatchSettings(restore=settings, save_mask=repairs)
    return RestoreForm(file=file, mask=mask, settings=settings, format=format, save_mask=save_mask)


def read_faces_form(
    file: Picture,
    scale: _Scale = _RESTORE.scale,
    strength: _Strength = _RESTORE.strength,
    mode: _Mode = _RESTORE.mode,
    only: _Only = _RESTORE.only,
    halftone: _Halftone = _RESTORE.halftone,
    tone: _Tone = _RESTORE.tone,
    repair: _Repair = _RESTORE.repair,
    mask: _Mask = None,
    max_faces: _MaxFaces = _RESTORE.max_faces,
    face: _ChosenFaces = [],  # noqa: B006
    working_size: _WorkingSize = _RESTORE.working_size,
) -> RestoreForm:
    """Returns the settings of the form of a search for faces: those on which it depends which are found.

    Raises:
        PhotopulseError: if they contradict each other.
    """
    return read_restore_form(
        file,
        scale=scale,
        strength=strength,
        mode=mode,
        only=only,
        halftone=halftone,
        tone=tone,
        repair=repair,
        mask=mask,
        max_faces=max_faces,
        face=face,
        working_size=working_size,
    )
