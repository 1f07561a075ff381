"""Settings of generators from the constructor's arguments that NVIDIA's network files keep (``init_kwargs``)."""

import reprlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from photopulse.errors import PhotopulseError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SettingsT = TypeVar("SettingsT", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class OfficialNames:
    """How the official arguments of a network correspond to the fields of our settings.

    Arguments inside ``synthesis_kwargs`` count as top-level ones; those inside ``mapping_kwargs`` get the prefix
    ``mapping.``.

    Attributes:
        renamed: official argument -> our field, where they differ.
        fixed: official arguments of which one value is supported.
        ignored: official arguments that matter to training or to half precision only.
    """

    renamed: Mapping[str, str]
    fixed: Mapping[str, object]
    ignored: Collection[str]


def read_settings(
    kind: type[SettingsT],
    init_kwargs: Mapping[str, object],
    names: OfficialNames,
    *,
    defaults: Mapping[str, object] | None = None,
) -> SettingsT:
    """Builds the settings of a generator from the ``init_kwargs`` of an official network file.

    Args:
        kind: the class of the settings.
        init_kwargs: as stored in the file.
        names: how its arguments correspond to fields.
        defaults: values of fields that the file does not name, where they differ from those of ``kind``.

    Raises:
        PhotopulseError: an argument is unknown, has a value that is not supported or of a wrong type.
    """
    try:
        values = read_init_kwargs(init_kwargs, names, known=[field.name for field in fields(kind)])
        return kind(**{**(defaults or {}), **values})
    except (ValueError, TypeError) as problem:
        wrong_type = isinstance(problem, TypeError)
        raise PhotopulseError(
            "cannot build the generator",
            why=f"a setting has a value of the wrong type ({problem})" if wrong_type else str(problem),
            fix="use a network of the official StyleGAN2 or StyleGAN3 code",
        ) from problem


def read_init_kwargs(
    init_kwargs: Mapping[str, object], names: OfficialNames, *, known: Collection[str]
) -> dict[str, Any]:
    """Translates official arguments to the fields ``known`` of a settings class.

    Raises:
        ValueError: an unknown argument, or a value that is not supported.
    """
    values: dict[str, Any] = {}
    # Keep the known fields, check the fixed ones and refuse the unknown ones.
    for key, value in _flattened(init_kwargs):
        field = names.renamed.get(key, key)
        if field in known:
            values[field] = value
        elif key in names.fixed:
            if value != names.fixed[key]:
                raise ValueError(f"its {key} is {reprlib.repr(value)}, and only {names.fixed[key]!r} is supported")
        elif key not in names.ignored:
            raise ValueError(f"it has the unknown setting {key} = {reprlib.repr(value)}")
    # Without a resolution there is no network to build.
    if "resolution" not in values:
        raise ValueError("its settings do not tell the resolution")
    return values


def _flattened(init_kwargs: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in init_kwargs.items():
        if key in ("mapping_kwargs", "synthesis_kwargs"):
            if not isinstance(value, Mapping):
                raise ValueError(f"its {key} are no mapping")
            prefix = "mapping." if key == "mapping_kwargs" else ""
            for name, inner in cast("Mapping[str, object]", value).items():
                yield prefix + name, inner
        else:
            yield key, value
