"""A study in a real browser, by keyboard only: Debian's chromium, driven by Selenium."""

import re
import socket
import time
from collections import Counter
from contextlib import contextmanager
from importlib.resources import files
from threading import Thread
from urllib.parse import urlsplit

import numpy as np
import pytest
import uvicorn
from PIL import Image

from photopulse.study.answers import read_answers
from photopulse.study.make import make_study
from photopulse.study.plan import read_plan
from photopulse.study.settings import StudySettings
from photopulse.web.settings import ServeSettings
from photopulse.web.study_app import make_study_app

from .test_browser import browser, find, hosts, pytestmark

__all__ = ["browser", "find", "pytestmark"]

PAGE = files("photopulse.web") / "study_page"
SIDE = 128


@pytest.fixture
def make(tmp_path):
    """Makes a study of four methods and five faces; each picture has one level of grey, the higher the better."""

    def build(kind, side=SIDE, **settings):
        random = np.random.default_rng(0)
        for quality, method in enumerate(("nearest", "bicubic", "mine", "original")):
            (tmp_path / "methods" / method).mkdir(parents=True)
            for face in range(5):
                level = 60 * quality + 10 + random.integers(0, 20)
                Image.new("RGB", (side, side), (level, level, level)).save(tmp_path / f"methods/{method}/{face}.png")
        told = StudySettings(kind=kind, training=1, gold=1, ratings=1, **settings)
        return tmp_path / "study", make_study(tmp_path / "methods", tmp_path / "study", told)

    return build


@contextmanager
def serving(folder):
    """Serves a study on this machine and yields the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = make_study_app(ServeSettings(), folder)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def keys(browser):
    """Presses keys wherever the focus is, as a keyboard does."""
    from selenium.webdriver.common.action_chains import ActionChains

    return lambda *pressed: ActionChains(browser).send_keys(*pressed).perform()


@pytest.fixture
def trial(browser):
    """Waits for the trial with this number, and returns the brightness and the sizes of its pictures as drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    script = """
    const place = +document.querySelector("#progress").value;
    const shown = !document.querySelector("#trial").hidden && place === arguments[0];
    const images = [...document.querySelectorAll("#pictures img")];
    if (!shown || !images.every((image) => image.complete)) return null;
    return images.map((image) => {
      const canvas = new OffscreenCanvas(1, 1).getContext("2d");
      canvas.drawImage(image, 0, 0, 1, 1);
      const box = image.getBoundingClientRect();
      return [canvas.getImageData(0, 0, 1, 1).data[0], box.width, box.height];
    });
    """

    def wait(number):
        return WebDriverWait(browser, 30, poll_frequency=0.05).until(lambda one: one.execute_script(script, number))

    return wait


@pytest.fixture
def answer(browser, keys):
    """Presses the key of an answer, and waits for the next trial or the end."""
    from selenium.webdriver.support.ui import WebDriverWait

    script = """
    return document.querySelector("#trial").hidden || +document.querySelector("#progress").value > arguments[0];
    """

    def press(number, key):
        time.sleep(0.25)  # Keys are ignored for a moment after pictures appear.
        keys(key)
        WebDriverWait(browser, 30, poll_frequency=0.05).until(lambda one: one.execute_script(script, number))

    return press


def test_a_whole_mos_study_is_rated_by_keys_with_a_pause(browser, find, make, keys, trial, answer):
    from selenium.webdriver.common.keys import Keys

    folder, study = make("mos", repeats=0.1)
    total = len(study.seats[0])
    with serving(folder) as address:
        browser.get(address)
        assert "Rate how good each picture looks" in find("#instructions").text
        assert "Your name" in find("#consent").text
        find("#begin")
        keys(Keys.ENTER)
        given = []
        for number in range(total):
            ((level, width, height),) = trial(number)
            # True size: one pixel of the picture is one CSS px.
            assert (width, height) == (SIDE, SIDE)
            given.append(1 + level // 60 if number >= 2 else (1, 5)[number])
            if number == 5:
                # Pause, and go on by the link in another tab.
                keys(Keys.ESCAPE)
                link = find("#link").get_attribute("href")
                assert urlsplit(link).fragment
                browser.switch_to.new_window("tab")
                browser.get(link)
                find("#resume")
                keys(Keys.ENTER)
                trial(number)
            answer(number, str(given[-1]))
        assert "Thank you" in find("#end").text
        assert browser.get_log("browser") == []
        assert hosts(browser) == {urlsplit(address).netloc}
    (rater,) = read_answers(folder, read_plan(folder))
    assert [one.answer for one in rater.answers] == given
    assert all(
        one.seen.seconds >= 0.2 and one.seen.whole and re.fullmatch(r"\d+x\d+", one.seen.screen)
        for one in rater.answers
    )
    assert Counter(one.role for one in rater.answers) == {"training": 2, "rating": 12, "repeat": 2, "gold": 1}


def test_a_whole_study_of_pairs_is_answered_on_a_phone(browser, find, make, keys, trial, answer):
    from selenium.webdriver.common.keys import Keys

    phone = {"width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    folder, study = make("pairs", repeats=0)
    total = len(study.seats[0])
    with serving(folder) as address:
        browser.get(address)
        find("#begin")
        keys(Keys.ENTER)
        for number in range(total):
            left, right = trial(number)
            assert left[1:] == right[1:] == [SIDE, SIDE]
            assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
            key = Keys.ARROW_LEFT if left[0] > right[0] else Keys.ARROW_RIGHT
            answer(number, key)
        find("#end")
        assert browser.get_log("browser") == []
        assert hosts(browser) == {urlsplit(address).netloc}
    (rater,) = read_answers(folder, read_plan(folder))
    # The better one was chosen, whichever side it was on.
    order = ["nearest", "bicubic", "mine", "original"]
    for one in rater.answers:
        chosen, other = one.pictures[one.answer - 1], one.pictures[2 - one.answer]
        assert order.index(study.by_id[chosen].method) > order.index(study.by_id[other].method)
    assert {one.answer for one in rater.answers} == {1, 2}
    assert {(one.seen.window.split("x")[0], one.seen.zoom) for one in rater.answers} == {("390", 3.0)}


def test_what_is_larger_than_the_screen_is_scrolled_to_and_recorded(browser, find, make, keys, trial, answer):
    from selenium.webdriver.common.keys import Keys

    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 600, "deviceScaleFactor": 1, "mobile": True}
    )
    folder, _ = make("mos", side=512)
    with serving(folder) as address:
        browser.get(address)
        find("#begin")
        keys(Keys.ENTER)
        ((_, width, height),) = trial(0)
        assert (width, height) == (512, 512)
        assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
        box = browser.execute_script("return document.querySelector('#answers').getBoundingClientRect().bottom")
        assert box <= 600
        answer(0, "1")
        assert browser.get_log("browser") == []
    assert [one.seen.whole for one in read_answers(folder, read_plan(folder))[0].answers] == [False]


def test_an_answer_that_cannot_be_saved_is_told_and_given_again(browser, find, make, keys, trial, answer):
    from selenium.webdriver.common.keys import Keys

    folder, _ = make("real")
    with serving(folder) as address:
        browser.get(address)
        find("#begin")
        keys(Keys.ENTER)
        trial(0)
        browser.execute_cdp_cmd("Network.enable", {})
        lost = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", lost)
        time.sleep(0.3)
        keys("1")
        assert "Your answer is not saved: the server cannot be reached." in find("#trouble").text
        back = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", back)
        answer(0, "2")
        trial(1)
        # The language changes in the middle of a trial.
        find("#language").send_keys("中")
        assert find("#question").text.startswith("哪张图片是照片")
    assert [one.answer for one in read_answers(folder, read_plan(folder))[0].answers] == [2]


def test_every_word_is_in_every_language():
    page = (PAGE / "index.html").read_text("utf-8") + (PAGE / "study.js").read_text("utf-8")
    used = {*re.findall(r'data-text="(\w+)"', page), *re.findall(r'word\("(\w+)"', page)}
    for language in ("en", "zh"):
        words = (PAGE / "strings" / f"{language}.js").read_text("utf-8")
        assert used | {"server"} == set(re.findall(r"^  (\w+):", words, re.MULTILINE))
