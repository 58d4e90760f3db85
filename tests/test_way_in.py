"""The way in: the addresses at which a chat answers, what it says at others, and what it is called."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.server import PASSWORD, Person, Server


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A chat that serves its network, with an owner who gave it a name."""
    with Server(tmp_path_factory.mktemp("network"), HOST="0.0.0.0") as server:
        form = {"name": "Olga", "password": PASSWORD, "as_owner": "1", "installation": " Tea \x07 Team & Söhne "}
        assert post_form(server.url, "/sign-up/", form).status_code == 302
        yield server


def post_form(url: str, path: str, form: dict[str, str]) -> httpx.Response:
    """As a browser at this address posts it."""
    with httpx.Client(base_url=url, timeout=60) as browser:
        browser.get(path)
        return browser.post(
            path, data={**form, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}, headers={"Origin": url}
        )


def addresses(server: Server) -> list[str]:
    return [found.rstrip("/") for found in re.findall(r"http://\S+", Path(server.log).read_text())]


def page_at(server: Server, host: str, path: str = "/sign-in/", **headers: str) -> httpx.Response:
    return server.http.get(path, headers={"Host": host, "Accept": "text/html", **headers})


def test_a_chat_that_serves_its_network_prints_every_address_and_colleagues_sign_up_there(network: Server) -> None:
    here, *elsewhere = addresses(network)
    assert here == network.url and elsewhere
    for number, address in enumerate(elsewhere):
        host = urlsplit(address).netloc
        assert page_at(network, host).status_code == 200
        if host[0].isdigit():  # names need a name server
            answer = post_form(address, "/sign-up/", {"name": f"Colleague {number}", "password": PASSWORD})
            assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert any(urlsplit(address).netloc[0].isdigit() for address in elsewhere)


def test_at_an_unknown_address_a_page_says_what_to_set_and_a_program_gets_a_code(network: Server) -> None:
    page = page_at(network, "chat.example:8443")
    assert page.status_code == 400
    assert "ALLOWED_ORIGINS=http://chat.example:8443" in page.text and "pages" in page.text
    assert "聊天服务不认识这个地址" in page_at(network, "chat.example", **{"Accept-Language": "zh-CN"}).text
    hostile = page_at(network, "<script>alert(1)</script>")
    assert hostile.status_code == 400 and "<script>alert" not in hostile.text
    program = network.http.get("/me", headers={"Host": "chat.example", "Accept": "application/json"})
    assert program.status_code == 400 and program.json()["code"] == "unknown_host"


def test_a_chat_that_serves_only_here_names_no_other_address(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        assert addresses(server) == [server.url]
        assert page_at(server, "192.168.1.5").status_code == 400


def test_a_chat_has_the_name_that_its_owner_gave_it(network: Server) -> None:
    page = network.http.get("/sign-in/").text
    assert page.count("Tea Team &amp; Söhne") >= 2 and "<title>" in page
    assert re.search(r"<title>[^<]*Tea Team &amp; Söhne[^<]*</title>", page)
    assert network.http.get("/manifest.webmanifest").json()["name"] == "Tea Team & Söhne"
    assert '"title": "Tea Team & S\\u00f6hne"' in network.http.get("/sw.js").text


def test_an_invitation_shows_what_it_is_for_to_those_who_have_its_code_and_to_nobody_else(network: Server) -> None:
    ann, bob = Person(network, "Ann"), Person(network, "Bob")
    group = ann.create_group("Biscuits & Tea", bob)
    code = ann.post("/group/invite", groupId=group)["inviteCode"]

    def page(**query: str) -> httpx.Response:
        return network.http.get(f"/chat/group/{group}/", params=query, headers={"Accept": "text/html"})

    shown = page(invite=code, by=ann.id)
    assert shown.status_code == 200
    for part in ("Biscuits &amp; Tea", "Ann invites you", "2 members", "/sign-up/?next=", "/sign-in/?next="):
        assert part in shown.text
    assert "invites you" not in page(invite=code).text
    assert "Olga" not in page(invite=code, by="01890000-0000-7000-8000-000000000000").text
    wrong = page(invite=code[:-1] + "!", by=ann.id)
    assert wrong.status_code == 404 and "Biscuits" not in wrong.text and "Ann" not in wrong.text
    assert page().status_code == 302
