"""What all forms share: the picture, settings that contradict each other, fields that do not belong there."""

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Annotated, get_args, get_origin

from fastapi import File, Request, UploadFile

from photopulse.errors import PhotopulseError
from photopulse.web.refusals import RefusedError

MOST_SEED = 2**32 - 1
_MOST_NAME, _MOST_NAMES = 40, 5

Picture = Annotated[UploadFile, File(description="The picture: JPEG, PNG, TIFF, WebP, AVIF and others.")]


def field_names(form: Callable[..., object]) -> frozenset[str]:
    """Returns the names of a form's fields: the parameters of the function that reads it."""
    return frozenset(signature(form).parameters)


def check_fields(form: Callable[..., object]) -> Callable[..., object]:
    """Returns a dependency that refuses a request with fields that a form does not have, or has once and not twice.

    Whoever asks for something must not get another thing without a word.
    """
    known = field_names(form)
    lists = {name for name, field in signature(form).parameters.items() if _is_list(field)}

    async def check(request: Request) -> None:
        given = Counter(name for name, _ in (await request.form()).multi_items())
        if unknown := sorted(set(given) - known):
            raise _refuse(f"there is none called {_told(unknown)}", f"use {', '.join(sorted(known))}")
        if repeated := sorted(name for name, times in given.items() if times > 1 and name not in lists):
            raise _refuse(f"{_told(repeated)} came more than once", "send it once")

    return check


def _is_list(field: Parameter) -> bool:
    return get_origin(get_args(field.annotation)[0]) is list


def _told(names: list[str]) -> str:
    return ", ".join(name[:_MOST_NAME] for name in names[:_MOST_NAMES])


def _refuse(why: str, fix: str) -> RefusedError:
    return RefusedError(422, "cannot read the settings", why=why, fix=fix)


@contextmanager
def bad_settings() -> Generator[None]:
    """Turns settings that do not go together into an error of the request."""
    try:
        yield
    except ValueError as error:
        raise PhotopulseError("cannot take these settings", why=str(error), fix="change them, see /api.html") from error
