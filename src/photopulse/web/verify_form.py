"""The form of a job that tells what a picture says about its origin."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, UploadFile

from photopulse.web.forms import Picture
from photopulse.web.verify_task import VerifyTask


@dataclass(frozen=True, kw_only=True)
class VerifyForm:
    """A form that was read and checked: the picture, and what is done with it."""

    file: UploadFile
    task: VerifyTask


def read_verify_form(
    file: Picture,
    quick: Annotated[
        bool, Form(description="Look for the mark in whole pictures and unscaled crops only, not in faces.")
    ] = False,
) -> VerifyForm:
    """Returns the settings of a form."""
    return VerifyForm(file=file, task=VerifyTask(quick=quick))
