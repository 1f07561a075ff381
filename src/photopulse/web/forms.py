"""What the forms of both kinds of jobs share: the picture, settings that contradict each other, unknown fields."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from inspect import signature
from typing import Annotated

from fastapi import File, Request, UploadFile

from photopulse.errors import PhotopulseError
from photopulse.web.refusals import RefusedError

MOST_SEED = 2**32 - 1
_MOST_NAME, _MOST_NAMES = 40, 5

Picture = Annotated[UploadFile, File(description="The picture: JPEG, PNG, TIFF, WebP, AVIF and others.")]


def field_names(form: Callable[..., object]) -> frozenset[str]:
    """Returns the names of a form's fields: the parameters of the function that reads it."""
    return frozenset(signature(form).parameters)


def refuse_unknown(form: Callable[..., object]) -> Callable[..., object]:
    """Returns a dependency that refuses a request with fields that a form does not have.

    Whoever asks for something must not get another thing without a word.
    """
    known = field_names(form)

    async def check(request: Request) -> None:
        unknown = sorted(set(await request.form()) - known)
        if unknown:
            names = ", ".join(name[:_MOST_NAME] for name in unknown[:_MOST_NAMES])
            raise RefusedError(
                422,
                "cannot read the settings",
                why=f"there is none called {names}",
                fix=f"use {', '.join(sorted(known))}",
            )

    return check


@contextmanager
def bad_settings() -> Generator[None]:
    """Turns settings that do not go together into an error of the request."""
    try:
        yield
    except ValueError as error:
        raise PhotopulseError("cannot take these settings", why=str(error), fix="change them, see /api.html") from error
