"""Who may ask, and what keeps a page in."""

import base64

import pytest

from photopulse.web.settings import ServeSettings

from .conftest import picture, send

SECRET = "correct horse"


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_an_address_that_others_reach_needs_a_secret(host):
    with pytest.raises(ValueError, match="give --token or --password-file"):
        ServeSettings(host=host)
    assert ServeSettings(host=host, secret=SECRET).host == host


def test_a_secret_must_not_be_short():
    with pytest.raises(ValueError, match="8 characters"):
        ServeSettings(secret="short")


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong horse"}, basic("user:wrong"), {"authorization": "Basic %%%"}, basic("none")],
)
def test_who_does_not_know_the_secret_is_not_let_in(connect, headers):
    client = connect(secret=SECRET)
    for path in ("/", "/metrics", "/openapi.json", "/api/v1/jobs/x"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.post("/api/v1/restore", files={"file": ("a.png", picture())}, headers=headers).status_code == 401
    assert client.get("/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [{"authorization": f"Bearer {SECRET}"}, basic(f"any:{SECRET}")])
def test_who_knows_the_secret_is_let_in_under_any_name_of_the_machine(connect, headers):
    client = connect(secret=SECRET, host="0.0.0.0", base_url="http://photos.example.org")
    assert client.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8000"},
    ],
)
def test_no_other_site_can_send_or_delete_anything(connect, headers):
    client = connect()
    post = client.post("/api/v1/restore", files={"file": ("a.png", picture())}, headers=headers)
    assert (post.status_code, client.delete("/api/v1/jobs/x", headers=headers).status_code) == (403, 403)


def test_the_own_page_and_programs_can_send(connect):
    client = connect()
    for headers in ({"origin": "http://127.0.0.1:8000"}, {"sec-fetch-site": "same-origin"}, {}):
        answer = client.post("/api/v1/restore", files={"file": ("a.png", picture())}, headers=headers)
        assert answer.status_code == 202


@pytest.mark.parametrize(
    ("name", "status"),
    [("evil.example:8000", 403), ("", 403), ("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:8000", 200)],
)
def test_a_name_that_was_made_to_lead_here_is_refused(connect, name, status):
    assert connect().get("/metrics", headers={"host": name}).status_code == status


def test_every_answer_keeps_a_page_from_other_hosts(connect):
    client = connect()
    for answer in (client.get("/"), client.get("/nowhere"), client.get("/metrics"), send(client, "restore", b"x")):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
