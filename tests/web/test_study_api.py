"""The API of a study: what raters are told, what is recorded, what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from photopulse.study.answers import read_answers
from photopulse.study.make import make_study
from photopulse.study.plan import read_plan
from photopulse.study.settings import StudySettings
from photopulse.web.settings import ServeSettings
from photopulse.web.study_app import make_study_app

SEEN = {"seconds": "2.5", "screen": "390x844", "window": "390x664", "zoom": "3", "whole": "true"}


@pytest.fixture
def study(tmp_path) -> Path:
    """A mos study of four methods and six faces of 16 px."""
    random = np.random.default_rng(0)
    for method in ("original", "nearest", "mine", "yours"):
        (tmp_path / "methods" / method).mkdir(parents=True)
        for face in range(6):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "methods" / method / f"{face}.png")
    settings = StudySettings(training=1, gold=1, ratings=2, consent="Yes?")
    make_study(tmp_path / "methods", tmp_path / "study", settings)
    return tmp_path / "study"


@pytest.fixture
def client(study):
    with TestClient(make_study_app(ServeSettings(), study), base_url="http://127.0.0.1:8000") as client:
        yield client


def begin(client) -> dict:
    response = client.post("/api/v1/raters", data={"agree": "true"})
    assert response.status_code == 201
    return response.json()


def give(client, rater: dict, **others):
    told = {"trial": rater["trial"]["number"], "answer": rater["trial"]["example"] or 3, **SEEN, **others}
    return client.post(f"/api/v1/raters/{rater['rater']}/answers", data=told)


def test_a_whole_study_is_answered_and_recorded(client, study):
    told = client.get("/api/v1/study").json()
    assert told["kind"] == "mos"
    assert told["consent"] == "Yes?"
    rater = begin(client)
    while rater["trial"] is not None:
        assert rater["answers"] == [1, 2, 3, 4, 5]
        (address,) = rater["trial"]["pictures"]
        picture = client.get(address)
        assert picture.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(picture.content)).size == (16, 16)
        rater = give(client, rater).json()
    (recorded,) = read_answers(study, read_plan(study))
    assert len(recorded.answers) == rater["total"]
    assert {one.seen.screen for one in recorded.answers} == {"390x844"}
    assert {one.seen.zoom for one in recorded.answers} == {3.0}
    assert {one.role for one in recorded.answers} == {"training", "rating", "repeat", "gold"}


def test_a_link_leads_back_to_where_the_rater_was(client):
    rater = give(client, begin(client)).json()
    again = client.get(f"/api/v1/raters/{rater['rater']}").json()
    assert again == rater
    assert again["trial"]["number"] == 1
    assert again["following"]["number"] == 2


def test_raters_are_not_told_methods_gold_questions_and_repeats(client, study):
    rater = begin(client)
    texts = []
    while rater["trial"] is not None:
        response = give(client, rater)
        texts.append(response.text)
        rater = response.json()
    for word in ("gold", "repeat", "nearest", "mine", "original", "pictures/0"):
        assert not any(word in text for text in texts)


def test_without_consent_nobody_begins(client, study):
    for told in ({}, {"agree": "false"}):
        assert client.post("/api/v1/raters", data=told).status_code == 422
    assert read_answers(study, read_plan(study)) == []


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"answer": 6}, 409),
        ({"answer": 2}, 409),
        ({"trial": 3}, 409),
        ({"trial": 10**6}, 409),
        ({"seconds": "nan"}, 422),
        ({"seconds": -1}, 422),
        ({"zoom": "inf"}, 422),
        ({"screen": "<b>"}, 422),
        ({"window": "1" * 100}, 422),
    ],
)
def test_answers_that_cannot_be_are_refused(client, study, wrong, status):
    response = give(client, begin(client), **wrong)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"what", "why", "fix"}
    assert read_answers(study, read_plan(study))[0].answers == []


def test_only_ones_own_next_pictures_are_shown(client):
    rater = begin(client)["rater"]
    for address in ("trials/2/0", "trials/0/1", "trials/-1/0", "trials/x/0", "trials/..%2f..%2fstudy.json/0"):
        assert client.get(f"/api/v1/raters/{rater}/{address}").status_code in {404, 422}
    assert client.get("/api/v1/raters/nobody").status_code == 404
    assert client.get("/api/v1/raters/nobody/trials/0/0").status_code == 404
    assert client.get("/study.json").status_code == 404


def test_the_gate_of_serve_stands_before_a_study(study):
    with TestClient(make_study_app(ServeSettings(secret="long enough"), study)) as client:
        assert client.get("/api/v1/study").status_code == 401
        assert client.get("/api/v1/study", auth=("anyone", "long enough")).status_code == 200
    with TestClient(make_study_app(ServeSettings(), study), base_url="http://127.0.0.1:8000") as client:
        foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        assert client.post("/api/v1/raters", data={"agree": "true"}, headers=foreign).status_code == 403
        assert "default-src 'self'" in client.get("/").headers["content-security-policy"]


def test_the_page_and_what_it_shares_with_serve_are_there(client):
    for name in ("", "study.js", "study.css", "style.css", "words.js", "icon.svg", "strings/en.js", "strings/zh.js"):
        response = client.get(f"/{name}")
        assert response.status_code == 200
        assert "://" not in response.text.replace("http://www.w3.org", "")
    assert "paths" in client.get("/openapi.json").json()
