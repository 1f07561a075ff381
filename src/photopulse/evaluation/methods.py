"""The table of methods that can be compared, by name."""

from collections.abc import Callable, Mapping
from typing import cast, get_args

from photopulse.evaluation.interpolated import Interpolated
from photopulse.evaluation.method import Method, MethodOptions
from photopulse.evaluation.restorers import FaceNetwork, RealESRGAN
from photopulse.evaluation.searched import Searched
from photopulse.search.fast import FastSettings
from photopulse.search.names import Quality
from photopulse.search.pulse import PulseSettings
from photopulse.upscaling.upscale import UpscaleSettings


def make_method(text: str, options: MethodOptions | None = None) -> Method:
    """Builds the method of that text, e.g. ``"bicubic"`` or ``"pulse:400"`` (steps); its weights load at first use.

    Raises:
        ValueError: if there is no such method, or it takes no such number.
    """
    name, _, argument = text.partition(":")
    if name not in _BUILDERS:
        raise ValueError(f"unknown method {name!r}; choose one of {', '.join(METHOD_NAMES)}")
    return _BUILDERS[name](argument, options or MethodOptions())


def _interpolated(name: str) -> Callable[[str, MethodOptions], Method]:
    def build(argument: str, _options: MethodOptions) -> Method:
        _refuse_argument(name, argument)
        return Interpolated(name=name)

    return build


def _realesrgan(argument: str, options: MethodOptions) -> Method:
    _refuse_argument("realesrgan", argument)
    return RealESRGAN(device=options.device)


def _fsrnet(argument: str, options: MethodOptions) -> Method:
    _refuse_argument("fsrnet", argument)
    return FaceNetwork(name="fsrnet", device=options.device)


def _fsrgan(argument: str, options: MethodOptions) -> Method:
    _refuse_argument("fsrgan", argument)
    return FaceNetwork(name="fsrgan", device=options.device)


def _pulse(argument: str, options: MethodOptions) -> Method:
    """``pulse``, or ``pulse:400`` with a number of steps."""
    if argument and (not argument.isdecimal() or int(argument) < 1):
        raise ValueError(f"cannot read the steps of 'pulse:{argument}': write for example pulse:400")
    classic = PulseSettings(steps=int(argument)) if argument else PulseSettings()
    name = f"pulse:{classic.steps}" if argument else "pulse"
    settings = UpscaleSettings(method="classic", classic=classic, degradation=options.degradation)
    return Searched(name=name, settings=settings, options=options)


def _fast(argument: str, options: MethodOptions) -> Method:
    """``fast``, with a quality ``fast:best``, or corrected at last ``fast:exact``."""
    if argument and argument not in (*get_args(Quality), "exact"):
        raise ValueError(f"cannot read 'fast:{argument}': write fast:draft, fast:best or fast:exact")
    settings = UpscaleSettings(
        fast=FastSettings(quality=cast(Quality, argument)) if argument in get_args(Quality) else FastSettings(),
        degradation=options.degradation,
        exact=argument == "exact",
    )
    return Searched(name=f"fast:{argument}" if argument else "fast", settings=settings, options=options)


def _refuse_argument(name: str, argument: str) -> None:
    if argument:
        raise ValueError(f"{name} takes no settings, got {argument!r}")


_BUILDERS: Mapping[str, Callable[[str, MethodOptions], Method]] = {
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
