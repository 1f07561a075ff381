"""The files of the page: they stand for themselves, and say what the settings say."""

import re
from html.parser import HTMLParser
from importlib.resources import files
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from photopulse.restoration.stages import DOING
from photopulse.restoration.why_not import WhyNot
from photopulse.web.restore_form import read_restore_form
from photopulse.web.restore_task import INVENTED, NOT_INVENTED
from photopulse.web.upscale_form import read_upscale_form
from photopulse.web.upscale_task import IMAGINARY
from photopulse.web.verify_form import read_verify_form
from photopulse.web.verify_task import CHECKING, NO_PROOF

PAGE = Path(str(files("photopulse.web") / "page"))
SCRIPTS = sorted(PAGE.glob("*.js"))
INDEX = (PAGE / "index.html").read_text("utf-8")
WORDS = {name: (PAGE / "strings" / f"{name}.js").read_text("utf-8") for name in ("en", "zh")}


class Fields(HTMLParser):
    """The fields of the forms with what they say before anybody touched them, by form and name."""

    def __init__(self) -> None:
        super().__init__()
        self.form, self.select, self.values = "", "", {}
        self.feed(INDEX)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "form":
            self.form = found["id"]
        elif tag == "input" and self.form and found["type"] != "file":
            self.values[self.form, found["name"]] = "" if found["type"] == "checkbox" else found.get("value", "")
        elif tag == "select" and self.form:
            self.select = found["name"]
        elif tag == "option" and self.select:
            value = found.get("value", self.values.get((self.form, self.select), "1"))
            if "selected" in found or (self.form, self.select) not in self.values:
                self.values[self.form, self.select] = value

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = ""


@pytest.mark.parametrize(
    ("form", "read"), [("restore", read_restore_form), ("upscale", read_upscale_form), ("verify", read_verify_form)]
)
def test_the_page_begins_with_the_defaults_of_the_settings(form, read):
    values = {name: value for (of, name), value in Fields().values.items() if of == form and name != "input"}
    defaults = {name: parameter.default for name, parameter in signature(read).parameters.items()}
    for name, value in values.items():
        default = defaults[name]
        # Fields that say nothing are not sent.
        is_unset = default is None or default is False
        assert value == "" if is_unset else type(default)(value) == default, name
    # The other fields are files, places of the page's own, or chosen by clicking.
    others = {
        "restore": {"file", "mask", "face"},
        "upscale": {"file", "align", "fit"},
        "verify": {"file"},
    }
    assert set(defaults) - set(values) == others[form]


@pytest.mark.parametrize("language", WORDS)
def test_every_word_of_the_page_is_in_every_language(language):
    keys = set(re.findall(r"^  (\w+):", WORDS[language], re.MULTILINE))
    assert keys == set(re.findall(r"^  (\w+):", WORDS["en"], re.MULTILINE))
    scripts = "".join(path.read_text("utf-8") for path in SCRIPTS)
    used = {*re.findall(r'data-(?:text|label)="(\w+)"', INDEX), *re.findall(r'word\("(\w+)"', scripts)}
    chosen = re.findall(r'word\([^()]*\? "(\w+)" : "(\w+)"', scripts)
    assert used | {key for pair in chosen for key in pair} == keys - {"server"}


def test_what_the_server_says_is_there_in_chinese():
    for text in (*DOING.values(), *WhyNot, INVENTED, NOT_INVENTED, IMAGINARY, CHECKING, NO_PROOF):
        assert f'"{text}":' in WORDS["zh"]


def test_no_file_of_the_page_names_another_host():
    for path in (PAGE / "index.html", PAGE / "api.html", PAGE / "style.css", *SCRIPTS):
        assert "://" not in path.read_text("utf-8"), path.name


def channels(colour: str) -> list[float]:
    """Linear red, green and blue of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    values = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted(np.dot((0.2126, 0.7152, 0.0722), channels(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_letters_and_borders_have_enough_contrast(scheme):
    assert contrast("#fff", "#000") == pytest.approx(21)
    assert contrast("#777", "#fff") == pytest.approx(4.48, abs=0.01)  # A known value.
    roots = re.findall(r":root \{(.*?)\}", (PAGE / "style.css").read_text("utf-8"))
    colours = dict(re.findall(r"--(\w+): (#\w+);", roots[scheme]))
    for back in ("back", "card"):
        for letters in ("text", "soft", "accent", "bad"):
            assert contrast(colours[letters], colours[back]) >= 4.5, (letters, back)
        assert contrast(colours["line"], colours[back]) >= 3, back  # Borders of fields (1.4.11).
    assert contrast(colours["on"], colours["accent"]) >= 4.5


def test_no_rule_of_the_style_sets_colours_of_its_own():
    rules = (PAGE / "style.css").read_text("utf-8").partition("* {")[2]
    # But for what lies on photos, which is white on black.
    assert {*re.findall(r"#[0-9a-f]{3,6}\b", rules)} <= {"#fff", "#000"}
