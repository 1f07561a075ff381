import csv
import json

import pytest

from photopulse.audit.bias_audit import summarise_audit
from photopulse.audit.report import write_audit
from photopulse.audit.rows import AuditRow
from photopulse.errors import PhotopulseError


def row(number, **told):
    measured = {
        "tone_group": "tan" if number % 2 else "dark",
        "ita_original": 20.0 if number % 2 else -40.0,
        "ita_output": 25.0,
        "ita_input": 20.0,
        "ita_output_small": 19.0,
        "lightness_original": 50.0,
        "lightness_output": 51.5,
        "lightness_input": 50.0,
        "lightness_output_small": 49.9,
        "downscale_mse": 5e-4 * (number % 4),
        "labels": {"hair": "a|b"} if number % 3 else {},
        "generator": "tiny",
        "method": "classic",
        "steps": 3,
    }
    return AuditRow(image=f"{number}.png", **(measured | told))


ROWS = [row(number) for number in range(21)] + [AuditRow(image="bad\udcff.png", error="no face")]


@pytest.fixture
def written(tmp_path):
    write_audit(tmp_path / "out", ROWS)
    return tmp_path / "out"


def test_the_page_has_every_group_with_its_size(written):
    page = (written / "audit.md").read_text(encoding="utf-8")
    assert "21 faces measured, 1 failed; tiny, classic, 3 steps." in page
    # 6 and 5 of 21 faces have an error of 0 and 5e-4, 5 have 1e-3, 5 have 1.5e-3.
    assert "| all | 21 | 1 | 76 % [55, 89] | 100 % [85, 100] | 0.50 [0.50, 1.00] |" in page
    assert "| tan | 10 |" in page
    assert "| (not given) \u2020 | 7 |" in page
    assert "| a\\|b | 14 |" in page
    large = page.split("By tone")[1].split("shift, large")[1]
    angle = "+65.0 [+65.0, +65.0] | +65.0 [+65.0, +65.0] | 65.0 [65.0, 65.0]"
    lightness = "+1.5 [+1.5, +1.5] | +1.5 [+1.5, +1.5] | 1.5 [1.5, 1.5]"
    assert f"| dark | 11 | {angle} | {lightness} | 100 %" in large


def test_the_table_has_a_line_for_each_group(written):
    with (written / "audit.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["by"], line["group"]) for line in lines] == [
        ("all", "all"),
        ("tone", "tan"),
        ("tone", "dark"),
        ("hair", "a|b"),
        ("hair", "(not given)"),
    ]
    dark = summarise_audit(ROWS, "tone")[1]
    assert float(lines[2]["success.low"]) == dark.success.low
    assert float(lines[2]["shift_large.mean.value"]) == 65
    assert float(lines[2]["lightness_small.median.value"]) == pytest.approx(-0.1)


def test_the_json_holds_groups_and_rows(written):
    content = json.loads((written / "audit.json").read_text(encoding="utf-8"))
    assert content["groups"]["all"][0]["measured"] == 21
    assert (content["rows"][1]["shift_small"], content["rows"][1]["labels"]) == (-1, {"hair": "a|b"})
    assert content["rows"][1]["lightness_shift_large"] == 1.5
    assert content["rows"][-1]["image"] == "bad\udcff.png"


def test_an_audit_without_faces_is_written_too(tmp_path):
    write_audit(tmp_path, [AuditRow(image="a.png", error="no")])
    assert "| all \u2020 | 0 | 1 | - | - | - |" in (tmp_path / "audit.md").read_text(encoding="utf-8")
    write_audit(tmp_path, [])
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["rows"] == []


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(PhotopulseError, match="-o"):
        write_audit(tmp_path / "out", ROWS)
