"""Builds the methods that can be compared from their names: those that enlarge faces and those that restore photos."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast, get_args

from photopulse.evaluation.method import Enlarger, Method, MethodOptions
from photopulse.evaluation.one_pass import FaceNetwork, Interpolated, RealESRGAN
from photopulse.evaluation.restorers import NonLocalMeans, PhotoRealESRGAN, Restoration
from photopulse.evaluation.searched import Searched
from photopulse.restoration.settings import RestoreSettings
from photopulse.search.fast import FastSettings
from photopulse.search.names import Quality
from photopulse.search.pulse import PulseSettings
from photopulse.upscaling.upscale import UpscaleSettings

_Made = TypeVar("_Made", bound=Method)
_Builders = Mapping[str, Callable[[str, MethodOptions], _Made]]


def make_method(text: str, options: MethodOptions | None = None) -> Enlarger:
    """Builds a method that enlarges faces from its text, e.g. ``"bicubic"`` or ``"pulse:400"`` (steps).

    Its weights load at first use. Raises ValueError if there is no such method, or it takes no such number.
    """
    return _built(_BUILDERS, text, options)


def make_restorer(text: str, options: MethodOptions | None = None) -> Method:
    """Builds a method that restores photos from its text, e.g. ``"bicubic"`` or ``"restore:0.8"`` (fidelity).

    Its weights load at first use. Raises ValueError if there is no such method, or it takes no such number.
    """
    return _built(_RESTORERS, text, options)


def _built(builders: "_Builders[_Made]", text: str, options: MethodOptions | None) -> _Made:
    name, _, argument = text.partition(":")
    if name not in builders:
        raise ValueError(f"unknown method {name!r}; choose one of {', '.join(builders)}")
    return builders[name](argument, options or MethodOptions())


def _interpolated(name: str) -> Callable[[str, MethodOptions], Interpolated]:
    def build(argument: str, _options: MethodOptions) -> Interpolated:
        _refuse_argument(name, argument)
        return Interpolated(name=name)

    return build


def _realesrgan(argument: str, options: MethodOptions) -> Enlarger:
    _refuse_argument("realesrgan", argument)
    return RealESRGAN(device=options.device)


def _fsrnet(argument: str, options: MethodOptions) -> Enlarger:
    _refuse_argument("fsrnet", argument)
    return FaceNetwork(name="fsrnet", device=options.device)


def _fsrgan(argument: str, options: MethodOptions) -> Enlarger:
    _refuse_argument("fsrgan", argument)
    return FaceNetwork(name="fsrgan", device=options.device)


def _pulse(argument: str, options: MethodOptions) -> Enlarger:
    """``pulse``, or ``pulse:400`` with a number of steps."""
    if argument and (not argument.isdecimal() or int(argument) < 1):
        raise ValueError(f"cannot read the steps of 'pulse:{argument}': write for example pulse:400")
    classic = PulseSettings(steps=int(argument)) if argument else PulseSettings()
    name = f"pulse:{classic.steps}" if argument else "pulse"
    settings = UpscaleSettings(method="classic", classic=classic, degradation=options.degradation, mark="off")
    return Searched(name=name, settings=settings, options=options)


def _fast(argument: str, options: MethodOptions) -> Enlarger:
    """``fast``, with a quality ``fast:best``, or corrected at last ``fast:exact``."""
    if argument and argument not in (*get_args(Quality), "exact"):
        raise ValueError(f"cannot read 'fast:{argument}': write fast:draft, fast:best or fast:exact")
    settings = UpscaleSettings(
        fast=FastSettings(quality=cast(Quality, argument)) if argument in get_args(Quality) else FastSettings(),
        degradation=options.degradation,
        exact=argument == "exact",
        mark="off",  # The methods are compared, not the marks.
    )
    return Searched(name=f"fast:{argument}" if argument else "fast", settings=settings, options=options)


def _photo_realesrgan(argument: str, options: MethodOptions) -> Method:
    _refuse_argument("realesrgan", argument)
    return PhotoRealESRGAN(device=options.device)


def _nlm(argument: str, _options: MethodOptions) -> Method:
    """``nlm``, or ``nlm:5`` with a strength."""
    if argument and (not argument.isdecimal() or int(argument) < 1):
        raise ValueError(f"cannot read the strength of 'nlm:{argument}': write for example nlm:5")
    return NonLocalMeans(name=f"nlm:{int(argument)}", strength=int(argument)) if argument else NonLocalMeans(name="nlm")


def _restore(argument: str, options: MethodOptions) -> Method:
    """``restore``, with a fidelity ``restore:0.8``, or without faces ``restore:photo``."""
    if argument in ("", "photo"):
        settings = RestoreSettings(only="photo" if argument else None, mark="off")
        return Restoration(name=f"restore:{argument}" if argument else "restore", settings=settings, options=options)
    try:
        settings = RestoreSettings(fidelity=float(argument), mark="off")
    except ValueError as error:
        raise ValueError(
            f"cannot read 'restore:{argument}': write restore:photo, or a fidelity from 0 to 1 as in restore:0.8"
        ) from error
    return Restoration(name=f"restore:{settings.fidelity:g}", settings=settings, options=options)


def _refuse_argument(name: str, argument: str) -> None:
    if argument:
        raise ValueError(f"{name} takes no settings, got {argument!r}")


_BUILDERS: _Builders[Enlarger] = {
    "nearest": _interpolated("nearest"),
    "bicubic": _interpolated("bicubic"),
    "lanczos": _interpolated("lanczos"),
    "realesrgan": _realesrgan,
    "fsrnet": _fsrnet,
    "fsrgan": _fsrgan,
    "pulse": _pulse,
    "fast": _fast,
}
METHOD_NAMES = tuple(_BUILDERS)
_RESTORERS: _Builders[Method] = {
    "input": _interpolated("input"),
    "bicubic": _interpolated("bicubic"),
    "lanczos": _interpolated("lanczos"),
    "nlm": _nlm,
    "realesrgan": _photo_realesrgan,
    "restore": _restore,
}
RESTORER_NAMES = tuple(_RESTORERS)
