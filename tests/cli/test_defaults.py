"""Every default that a command tells against the settings that it stands for.

The two are copies: `--help` opens without loading torch, and so without the dataclasses of the settings.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from photopulse.audit.audit import AuditSettings
from photopulse.cli import app
from photopulse.degrade import DEGRADATION_NAMES, LEVELS
from photopulse.evaluation.methods import METHOD_NAMES, RESTORER_NAMES
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.settings import RestoreSettings
from photopulse.search.fast import FastSettings
from photopulse.search.prior import fit_prior
from photopulse.search.pulse import PulseSettings
from photopulse.search.starts import NoiseSettings
from photopulse.study.score import score_study
from photopulse.study.settings import StudySettings
from photopulse.training.crops.crop import CropSettings
from photopulse.training.encoder.train import EncoderFitSettings
from photopulse.training.fsrnet.fsrgan import FSRGANTraining
from photopulse.training.fsrnet.fsrnet import FSRNetTraining
from photopulse.training.generator.train import GeneratorTraining
from photopulse.training.restoration.damage_mask import DamageMaskTraining
from photopulse.training.restoration.enlarge import EnlargeTraining
from photopulse.training.restoration.face.train import FaceTraining
from photopulse.training.restoration.full_size import FullSizeTraining
from photopulse.training.restoration.inpaint import InpaintTraining
from photopulse.training.restoration.photo import PhotoTraining
from photopulse.training.twin.train import TwinFitSettings
from photopulse.upscaling.align import FULL_SIZE
from photopulse.upscaling.align_batch import align_files
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.sample_batch import SampleSettings
from photopulse.upscaling.upscale import UpscaleSettings
from photopulse.web.settings import ServeSettings
from photopulse.weights import DEFAULT_GENERATOR

RECIPES = {
    "train photo": PhotoTraining(),
    "train full-size": FullSizeTraining(),
    "train enlarge": EnlargeTraining(),
}

SETTINGS: Mapping[str, tuple[Any, ...]] = {
    "upscale": (BatchSettings(), UpscaleSettings(), FastSettings(), PulseSettings()),
    "restore": (RestoreBatchSettings(), RestoreSettings()),
    "audit": (AuditSettings(), UpscaleSettings(), PulseSettings()),
    "evaluate": (EvaluateSettings(),),
    "sample": (SampleSettings(),),
    "serve": (ServeSettings(),),
    "study make": (StudySettings(),),
    "study serve": (ServeSettings(),),
    "models fit": (TwinFitSettings(),),
    "models fit-encoder": (EncoderFitSettings(),),
    "train fsrnet": (FSRNetTraining().optimisation,),
    "train fsrgan": (FSRGANTraining().optimisation,),
    "train damage-mask": (DamageMaskTraining().optimisation,),
    "train inpaint": (InpaintTraining().optimisation,),
    "train face": (FaceTraining(), FaceTraining().optimisation),
    "train generator": (GeneratorTraining().network, GeneratorTraining(), GeneratorTraining().optimisation),
    "crop": (CropSettings(), CropSettings().boxes),
    **{command: (recipe.optimisation, recipe.weights) for command, recipe in RECIPES.items()},
}
"""Where the default of an option stands: in the first of these that has a field of its name."""


def parameter(function: Callable[..., object], name: str) -> Any:
    return inspect.signature(function).parameters[name].default


def short(number: float) -> str:
    """As one writes it: 1e-4."""
    return f"{number:.0e}".replace("e-0", "e-")


def listed(values: tuple[object, ...]) -> str:
    return ",".join(map(str, values))


EPS = f"{short(FastSettings().eps)}, classic {short(PulseSettings().eps)}"

OTHERWISE: Mapping[str, Mapping[str, Any]] = {
    "upscale": {
        "generator": DEFAULT_GENERATOR,
        "eps": EPS,
        "align": BatchSettings().align_size,
        "loss": "+".join(f"{term.weight:g}*{term.name}" for term in PulseSettings().loss),
        "noise": NoiseSettings().kind,
        "trainable_noise": NoiseSettings().trainable_layers,
        "zero_noise": listed(NoiseSettings().zeroed_layers),
        "fresh": not BatchSettings().resume,
    },
    "restore": {
        "scale": f"{RestoreSettings().scale:g}",
        "strength": RestoreSettings().strength or "as much as the damage asks",
        "face": RestoreSettings().faces or None,
        "fresh": not RestoreBatchSettings().resume,
    },
    "align": {"size": parameter(align_files, "size"), "padding": parameter(align_files, "padding")},
    "audit": {
        "generator": DEFAULT_GENERATOR,
        "eps": EPS,
        "labels": AuditSettings().labels or None,
        "fresh": not AuditSettings().resume,
    },
    "evaluate": {
        "methods": listed(EvaluateSettings().methods),
        "restore": EvaluateSettings().restore or None,
        "limit": EvaluateSettings().limits or None,
        "corruption": listed(EvaluateSettings().corruptions),
        "size": " and ".join(map(str, EvaluateSettings().sizes)),
        "fresh": not EvaluateSettings().resume,
    },
    "sample": {"generator": DEFAULT_GENERATOR},
    "serve": {"generator": DEFAULT_GENERATOR, "token": ServeSettings().secret},
    "study make": {"methods": "all", "size": "the smallest", "faces": "all", "trials": "all"},
    "study serve": {"token": ServeSettings().secret},
    "study score": {"seed": parameter(score_study, "seed")},
    "models fit": {
        "name": DEFAULT_GENERATOR,
        "samples": parameter(fit_prior, "samples"),
        "twins": f"those of {', '.join(map(str, TwinFitSettings().sizes))} px",
        "twin_samples": TwinFitSettings().samples,
        "twin_steps": TwinFitSettings().steps,
        "label": None,
    },
    "models fit-encoder": {"name": DEFAULT_GENERATOR},
    "train generator": {
        "size": GeneratorTraining().network.resolution,
        "width": GeneratorTraining().network.channel_base,
        "channels": GeneratorTraining().network.channel_max,
        "style": GeneratorTraining().network.w_dim,
        "augment": GeneratorTraining().augment.target,
    },
    "crop": {"side": "box with its margins", "labels": None},
    "train photo": {"crop": PhotoTraining().crops.size},
    "train full-size": {"crop": FullSizeTraining().crops.size},
    "train enlarge": {"crop": EnlargeTraining().crops.size},
    "train face": {"size": str(FaceTraining().damage.size)},
    "train damage-mask": {"crop": DamageMaskTraining().crops.crops.size},
    "train inpaint": {"crop": InpaintTraining().crops.crops.size},
}
"""Defaults of options that are called or written otherwise than their settings."""

OWN: Mapping[str, set[str]] = {
    "sample": {"seed", "sign", "certificate"},
    "upscale": {"sign", "certificate", "watch"},
    "verify": {"quick", "trust"},
    "restore": {"inspect", "sign", "certificate", "watch"},
    "serve": {"password_file", "certificate", "certificate_key", "sign", "sign_certificate"},
    "study serve": {"password_file", "certificate", "certificate_key"},
    "models get": {"names", "everything"},
    "models export": {"name", "form"},
    "train fsrnet": {"published", "fresh"},
    "train fsrgan": {"start", "fresh"},
    "train photo": {"start", "fresh"},
    "train full-size": {"photo_net", "fresh"},
    "train damage-mask": {"start", "fresh"},
    "train inpaint": {"start", "fresh"},
    "train enlarge": {"fresh"},
    "train face": {"fresh"},
    "train generator": {"measure", "start", "fresh"},
    "crop": {"boxes", "masks"},
}
"""Options that are the command's own affair, besides these of many commands."""
COMMON = {"output", "device", "threads", "workers", "ray", "as_json", "recursive"}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All commands below; typer brings its own click, so that they have no type to ask for."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


OPTIONS = {
    (name, option.name): option for name, command in commands(typer.main.get_command(app)) for option in command.params
}
EACH = pytest.mark.parametrize(
    ("command", "option"), [pytest.param(*both, id=f"{both[0]} {both[1]}") for both in OPTIONS]
)


def told(command: str, option: str) -> Any:
    """The default that the command has, or where it has none, the one that its help tells."""
    found = OPTIONS[command, option]
    shown = getattr(found, "show_default", None)
    return shown if found.default is None and isinstance(shown, str) else found.default


def wanted(command: str, option: str) -> Any:
    """The default of the settings."""
    if option in OTHERWISE.get(command, {}):
        return OTHERWISE[command][option]
    for settings in SETTINGS.get(command, ()):
        if option in {field.name for field in fields(settings)}:
            return getattr(settings, option)
    pytest.fail(f"say in SETTINGS, OTHERWISE or OWN where the default of {option!r} stands")


@EACH
def test_a_default_that_a_command_tells_is_that_of_its_settings(command: str, option: str) -> None:
    if OPTIONS[command, option].required or option in COMMON | OWN.get(command, set()):
        return
    expected = wanted(command, option)
    assert str(told(command, option)) == str(expected)


def test_the_tables_above_name_only_what_there_is() -> None:
    named = {
        (command, option) for table in (OTHERWISE, OWN) for command, options in table.items() for option in options
    }
    assert named <= set(OPTIONS)
    assert set(SETTINGS) <= {command for command, _ in OPTIONS}


@EACH
def test_no_help_text_holds_brackets_which_are_taken_for_markup_and_vanish(command: str, option: str) -> None:
    assert "[" not in (OPTIONS[command, option].help or "")


@EACH
def test_a_default_is_seen_in_the_help(command: str, option: str) -> None:
    default = told(command, option)
    if default is None or isinstance(default, bool):
        return
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"})
    (line,) = (line for line in shown.stdout.splitlines() if f" {OPTIONS[command, option].opts[-1]} " in line)
    assert str(default) in line


def test_the_names_and_sizes_in_help_texts_are_those_that_there_are() -> None:
    for (command, option), names in {
        ("upscale", "degradation"): DEGRADATION_NAMES,
        ("evaluate", "methods"): METHOD_NAMES,
        ("evaluate", "restore"): (*LEVELS, *RESTORER_NAMES),
        ("align", "size"): (str(FULL_SIZE),),
    }.items():
        words = re.findall(r"[a-z]+|\d+", OPTIONS[command, option].help)
        assert set(names) <= set(words)
