"""The files of the page: they stand for themselves, and say what the settings say."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import DOING
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.web.restore_task import INVENTED, NOT_INVENTED
from photopulse.web.upscale_task import IMAGINARY

PAGE = files("photopulse.web") / "page"
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
            self.values[self.form, found["name"]] = found["value"]
        elif tag == "select" and self.form:
            self.select = found["name"]
        elif tag == "option" and self.select:
            value = found.get("value", self.values.get((self.form, self.select), "1"))
            if "selected" in found or (self.form, self.select) not in self.values:
                self.values[self.form, self.select] = value

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = ""


def test_the_page_begins_with_the_defaults_of_the_settings():
    values = Fields().values
    restore, upscale = RestoreSettings(), BatchSettings()
    assert float(values["restore", "scale"]) == restore.scale
    assert float(values["restore", "fidelity"]) == restore.fidelity
    assert (values["restore", "strength"] or None) == restore.strength
    assert values["restore", "mode"] == restore.mode
    assert int(values["upscale", "count"]) == upscale.count
    assert values["upscale", "quality"] == upscale.upscale.fast.quality


@pytest.mark.parametrize("language", WORDS)
def test_every_word_of_the_page_is_in_every_language(language):
    keys = set(re.findall(r"^  (\w+):", WORDS[language], re.MULTILINE))
    assert keys == set(re.findall(r"^  (\w+):", WORDS["en"], re.MULTILINE))
    scripts = "".join((PAGE / name).read_text("utf-8") for name in ("page.js", "jobs.js"))
    used = {*re.findall(r'data-text="(\w+)"', INDEX), *re.findall(r'word\("(\w+)"', scripts)}
    assert used <= keys


def test_what_the_server_says_is_there_in_chinese():
    for text in (*DOING.values(), INVENTED, NOT_INVENTED, IMAGINARY):
        assert f'"{text}":' in WORDS["zh"]


def test_no_file_of_the_page_names_another_host():
    for name in ("index.html", "api.html", "style.css", "page.js", "jobs.js", "words.js", "api.js"):
        assert "://" not in (PAGE / name).read_text("utf-8"), name


def test_what_was_vendored_has_its_licence():
    (vendored,) = (PAGE / "vendor").iterdir()
    assert "MIT License" in (vendored / "LICENSE").read_text("utf-8")
