"""The reports of a bias audit: a page in Markdown, a table in CSV, and everything in JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from photopulse.audit.bias_audit import ALL, LEAST_FACES, TONE, GroupSummary, Shift, groupings, summarise_audit
from photopulse.audit.rows import SHIFTS, AuditRow
from photopulse.files import write_text
from photopulse.reporting.cells import to_csv
from photopulse.reporting.estimates import Estimate
from photopulse.runs.json_text import json_text

AUDIT_VERSION = 1
FLAG = "\u2020"

_HEAD = """# Bias audit

{found}

Square brackets hold 95 % intervals: Wilson's for shares, the percentile bootstrap for the rest. {flag} marks groups
of fewer than {least} faces, too few for conclusions.

How to read it:

- **Success** is the share of faces whose downscaled result is within a mean squared error of 0.001 (PULSE's paper) or
  0.002 (the default of its code) of the input; **error** is the median of that error.
- **Shift** is the change of the skin's individual typology angle (ITA) in degrees, and that of its lightness L* (0 is
  black, 100 is white): above 0 is lighter. L* is the more stable of the two: on pale or grey skin, a change that is
  hardly visible can be many degrees. **Small** compares the input with the downscaled result, in the same pixels; it is
  small if the search succeeds. **Large** compares the sharp original with the result, each on its own skin; the search
  does not constrain it, so it shows what the generator prefers.
- **Lighter** and **darker** are the shares of faces whose result is in another tone group than the sharp original.
- Tone groups depend on the picture, and so on its light and exposure: pale skin in a dark photo counts as brown, and
  bluish light gives angles above 90. They do not describe a person's identity. A face at the end of the scale can only
  move towards the middle, and one that was measured too light or too dark by chance will seem to move there (regression
  to the mean): keep this in mind when you compare groups of one audit, or audits of the same photos.
"""

_HEAD_WITHOUT_FACES = """# Audit

{found} Faces and skin were not looked for (--no-faces), so that the tables of skin tone are left out.

Square brackets hold 95 % intervals: Wilson's for shares, the percentile bootstrap for the rest. {flag} marks groups
of fewer than {least} pictures, too few for conclusions. **Success** is the share of pictures whose downscaled result is
within a mean squared error of 0.001 or 0.002 of the input; **error** is the median of that error.
"""

_SUCCESS_COLUMNS = ("faces", "failed", "success at 1e-3", "success at 2e-3", "error, median of 1e-3")
_STATISTICS = ("mean", "median", "mean amount")
_SHIFT_COLUMNS = ("faces", *(f"{scale} {statistic}" for scale in ("ITA", "L*") for statistic in _STATISTICS))
_LARGE_COLUMNS = (*_SHIFT_COLUMNS, "lighter", "darker")

Words = Callable[[GroupSummary], Sequence[str]]
Summaries = Mapping[str, Sequence[GroupSummary]]


def write_audit(folder: Path, rows: Iterable[AuditRow]) -> None:
    """Writes ``audit.md``, ``audit.csv`` (one line per group) and ``audit.json`` (groups and rows) into a folder.

    The groupings are all, tone and each label. Each file is written atomically.

    Raises:
        PhotopulseError: if the folder cannot be written to.
    """
    rows = list(rows)
    summaries = {by: summarise_audit(rows, by) for by in groupings(rows)}
    write_text(folder / "audit.md", _page(rows, summaries))
    write_text(folder / "audit.csv", _table(summaries))
    write_text(folder / "audit.json", _json(rows, summaries))


def audit_json(rows: Iterable[AuditRow]) -> str:
    """Returns an audit as JSON text: ``groups``, a list of summaries for each grouping, and ``rows``."""
    rows = list(rows)
    return _json(rows, {by: summarise_audit(rows, by) for by in groupings(rows)})


def _json(rows: Sequence[AuditRow], summaries: Summaries) -> str:
    content = {
        "version": AUDIT_VERSION,
        "photopulse": version("photopulse"),
        "command": "audit",
        "groups": {by: [asdict(group) for group in groups] for by, groups in summaries.items()},
        "rows": [
            {**asdict(row), **{name: getattr(row, name) for name in SHIFTS}, "labels": dict(row.labels)} for row in rows
        ],
    }
    return json_text(content)


def _page(rows: Sequence[AuditRow], summaries: Summaries) -> str:
    if any(row.error is None for row in rows) and not any(row.tone_group for row in rows):
        return _page_without_faces(rows, summaries)
    parts = [_HEAD.format(found=_found(rows), flag=FLAG, least=LEAST_FACES)]
    for by, groups in summaries.items():
        parts += [f"## {_title(by)}\n", _markdown("", _SUCCESS_COLUMNS, groups, _success_words)]
        parts += [_markdown("shift, small", _SHIFT_COLUMNS, groups, _small_words)]
        parts += [_markdown("shift, large", _LARGE_COLUMNS, groups, _large_words)]
    return "\n".join(parts)


def _page_without_faces(rows: Sequence[AuditRow], summaries: Summaries) -> str:
    """Returns the page of an audit of other things than faces: only what does not need skin."""
    parts = [_HEAD_WITHOUT_FACES.format(found=_found(rows, "pictures"), flag=FLAG, least=LEAST_FACES)]
    for by, groups in summaries.items():
        if groups:
            title = "All pictures" if by == ALL else _title(by)
            parts += [f"## {title}\n", _markdown("", ("pictures", *_SUCCESS_COLUMNS[1:]), groups, _success_words)]
    return "\n".join(parts)


def _found(rows: Sequence[AuditRow], what: str = "faces") -> str:
    """Returns the page's first sentence: numbers of what was audited, and the generator and search."""
    measured = [row for row in rows if row.error is None]
    faceless = sum(row.ita_output is None and row.tone_group is not None for row in measured)
    methods = sorted({f"{row.generator}, {row.method}, {row.steps} steps" for row in measured})
    words = [f"{len(measured)} {what} measured, {len(rows) - len(measured)} failed"]
    words += [f"no face found in {faceless} outputs"] if faceless else []
    return "; ".join([*words, *methods]) + "."


def _title(by: str) -> str:
    return {ALL: "All faces", TONE: "By tone of the sharp original"}.get(by, f"By {_plain(by)}")


def _markdown(corner: str, columns: Sequence[str], groups: Sequence[GroupSummary], words: Words) -> str:
    lines = [(corner or "group", *columns), ("---", *("---:" for _ in columns))]
    lines += [(_plain(group.group) + (f" {FLAG}" if group.too_small else ""), *words(group)) for group in groups]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _success_words(group: GroupSummary) -> list[str]:
    return [
        str(group.measured),
        str(group.failed),
        _share(group.success),
        _share(group.success_code),
        _estimate(group.error, scale=1e3, digits=2),
    ]


def _small_words(group: GroupSummary) -> list[str]:
    return [str(group.shift_small.mean.count), *_shift_words(group.shift_small), *_shift_words(group.lightness_small)]


def _large_words(group: GroupSummary) -> list[str]:
    shifts = (*_shift_words(group.shift_large), *_shift_words(group.lightness_large))
    return [str(group.shift_large.mean.count), *shifts, _share(group.lighter), _share(group.darker)]


def _shift_words(shift: Shift) -> list[str]:
    signed = [_estimate(estimate, digits=1, sign="+") for estimate in (shift.mean, shift.median)]
    return [*signed, _estimate(shift.mean_absolute, digits=1)]


def _share(estimate: Estimate) -> str:
    return _estimate(estimate, scale=100, digits=0, unit=" %")


def _estimate(estimate: Estimate, *, scale: float = 1, digits: int, unit: str = "", sign: str = "") -> str:
    def word(value: float) -> str:
        # Adding 0 turns -0.0 into 0.0.
        return f"{round(value * scale, digits) + 0.0:{sign}.{digits}f}"

    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return word(estimate.value) + unit
    return f"{word(estimate.value)}{unit} [{word(estimate.low)}, {word(estimate.high)}]"


def _plain(text: str) -> str:
    """Prepares a text of the user's for a Markdown cell: one line, with column separators escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(summaries: Summaries) -> str:
    lines = [_flat({"by": by, **asdict(group)}) for by, groups in summaries.items() for group in groups]
    return to_csv([lines[0] if lines else ("by", "group"), *(line.values() for line in lines)])


def _flat(content: dict[str, object], prefix: str = "") -> dict[str, object]:
    """Flattens nested dicts to one, with names such as ``success.low``."""
    flat: dict[str, object] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            flat[prefix + name] = value
    return flat
