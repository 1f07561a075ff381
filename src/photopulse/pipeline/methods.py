"""The table of methods that can be compared, by name."""

from collections.abc import Callable, Mapping

from photopulse.pipeline.interpolated import Interpolated
from photopulse.pipeline.method import Method, MethodOptions
from photopulse.pipeline.networks import FaceNetwork, RealESRGAN
from photopulse.pipeline.searched import Pulse


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
    if not argument:
        return Pulse(options=options)
    if not argument.isdecimal() or int(argument) < 1:
        raise ValueError(f"cannot read the steps of 'pulse:{argument}': write for example pulse:400")
    return Pulse(options=options, steps=int(argument), name=f"pulse:{int(argument)}")


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
}
METHOD_NAMES = tuple(_BUILDERS)
