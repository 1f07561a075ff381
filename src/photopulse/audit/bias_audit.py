"""Statistics of a bias audit by group: success, error and change of skin tone, each with its interval.

Reporting by group follows Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from photopulse.audit.rows import AuditRow
from photopulse.faces.skin_tone import TONE_GROUPS, tone_group
from photopulse.reporting.estimates import Estimate, estimate, share

ALL, TONE = "all", "tone"
RESERVED_LABELS = (ALL, TONE)
NOT_GIVEN = "(not given)"
LEAST_FACES = 10

# Largest downscaling error that counts as success in PULSE's paper, and by default in its released code.
PAPER_EPS, CODE_EPS = 1e-3, 2e-3


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Change of a skin measure over a group, in the measure's unit; positive is lighter.

    Attributes:
        mean: mean change.
        median: median change.
        mean_absolute: mean of the absolute changes.
    """

    mean: Estimate
    median: Estimate
    mean_absolute: Estimate


@dataclass(frozen=True, kw_only=True)
class GroupSummary:
    """Statistics of one group of faces.

    Attributes:
        group: name of the group.
        measured: number of faces that were searched and measured.
        failed: number of photos without a measurement; they are counted nowhere else.
        too_small: whether fewer than 10 faces were measured, too few for conclusions.
        success: share of faces whose result downscales to the input within 1e-3, the paper's bound.
        success_code: the same within 2e-3, the default of PULSE's code.
        error: median mean squared error between the downscaled result and the input.
        shift_small: change of the typology angle in degrees from the input to the downscaled result, in the same
            pixels.
        shift_large: change of the typology angle in degrees from the sharp original to the result, each on its own
            skin.
        lightness_small: like ``shift_small``, for L* (0 to 100).
        lightness_large: like ``shift_large``, for L*.
        lighter: share of faces whose result is in a lighter tone group than the sharp original.
        darker: share of faces whose result is in a darker tone group.
    """

    group: str
    measured: int
    failed: int
    too_small: bool
    success: Estimate
    success_code: Estimate
    error: Estimate
    shift_small: Shift
    shift_large: Shift
    lightness_small: Shift
    lightness_large: Shift
    lighter: Estimate
    darker: Estimate


def summarise_audit(rows: Iterable[AuditRow], by: str = TONE) -> list[GroupSummary]:
    """Computes the statistics of an audit, group by group.

    Args:
        rows: rows of one run.
        by: ``"tone"`` for the tone groups of the sharp originals, lightest first; ``"all"`` for one group of all;
            else the name of a label, whose values are sorted. Faces without that label form a group of their own.
            Photos that failed before their tone was measured are in no tone group.
    """
    return [_summary(name, members) for name, members in grouped(rows, by)]


def grouped(rows: Iterable[AuditRow], by: str) -> list[tuple[str, list[AuditRow]]]:
    """Divides rows into named groups, in the order of ``summarise_audit``; groups without rows are left out."""
    groups: dict[str, list[AuditRow]] = {}
    for row in rows:
        name = _group_of(row, by)
        if name is not None:
            groups.setdefault(name, []).append(row)
    order = TONE_GROUPS if by == TONE else sorted(groups, key=lambda name: (name == NOT_GIVEN, name))
    return [(name, groups[name]) for name in order if name in groups]


def groupings(rows: Iterable[AuditRow]) -> list[str]:
    """Lists all groupings of rows: all, tone, and each label."""
    return [ALL, TONE, *dict.fromkeys(name for row in rows for name in row.labels)]


def _group_of(row: AuditRow, by: str) -> str | None:
    if by == ALL:
        return ALL
    return row.tone_group if by == TONE else row.labels.get(by) or NOT_GIVEN


def _summary(name: str, rows: Sequence[AuditRow]) -> GroupSummary:
    # Only rows without an error are measured; one without a value for a statistic is left out of that statistic.
    measured = [row for row in rows if row.error is None]
    errors = _finite(row.downscale_mse for row in measured)
    moves = _finite(_group_move(row) for row in measured)
    return GroupSummary(
        group=name,
        measured=len(measured),
        failed=len(rows) - len(measured),
        too_small=len(measured) < LEAST_FACES,
        success=share([error <= PAPER_EPS for error in errors]),
        success_code=share([error <= CODE_EPS for error in errors]),
        error=estimate(errors, np.median),
        shift_small=_shift(row.shift_small for row in measured),
        shift_large=_shift(row.shift_large for row in measured),
        lightness_small=_shift(row.lightness_shift_small for row in measured),
        lightness_large=_shift(row.lightness_shift_large for row in measured),
        lighter=share([move > 0 for move in moves]),
        darker=share([move < 0 for move in moves]),
    )


def _group_move(row: AuditRow) -> int | None:
    """Returns by how many tone groups the result is lighter (above 0) or darker than the original."""
    if row.ita_original is None or row.ita_output is None:
        return None
    before, after = (TONE_GROUPS.index(tone_group(angle)) for angle in (row.ita_original, row.ita_output))
    return before - after


def _shift(shifts: Iterable[float | None]) -> Shift:
    known = _finite(shifts)
    return Shift(
        mean=estimate(known, np.mean),
        median=estimate(known, np.median),
        mean_absolute=estimate([abs(value) for value in known], np.mean),
    )


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
