"""Avatars of people and groups: who sets them, who sees them, and what is left of the upload."""

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from PIL import Image

from tests import hostile
from tests.people import PASSWORD, Person
from tests.test_media import refusal, require_harmless, stored_files
from tests.test_media_files import require_clean_picture

MINE, GROUPS = "/me/avatar", "/group/avatar"


def ask(one: Person, content: bytes | None = None, path: str = MINE, **data: Any) -> Any:
    content = hostile.jpeg() if content is None else content
    return one.request("post", path, files={"media": ("me.png", content)}, data=data)


def show(one: Person, content: bytes | None = None) -> str:
    """Set a person's own avatar; returns its address."""
    answer = ask(one, content)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["img"])


def show_group(one: Person, room: Any) -> str:
    answer = ask(one, path=GROUPS, groupId=room["id"])
    assert answer.status_code == 200, answer.text
    return str(answer.json()["avatar"])


def path_of(address: str) -> str:
    return address.removeprefix("/uploads/")


# Oneself --------------------------------------------------------------------------------------------------------------


def test_a_picture_of_somebody_is_seen_by_everybody_who_is_signed_in(person: Any, anonymous: Person) -> None:
    ann, eve = person("ann"), person("eve")
    address = show(ann)
    assert ann.get("/me")["img"] == address
    for one in (ann, eve):
        handed = one.request("get", address)
        require_harmless(handed)
        assert handed.headers["content-type"] == "image/webp"
        assert handed.headers["cache-control"] == "private, max-age=31536000, immutable"
        with Image.open(io.BytesIO(handed.content)) as picture:
            assert picture.size == (256, 256)
    assert refusal(anonymous.request("get", address)) == (404, "not_found")


def test_watchers_and_ones_other_devices_are_told_of_a_new_picture(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    anns, bobs = ann.connect(), bob.connect()
    bobs.emit("EmitWatchPresence", {"userIds": [ann.id]})
    bobs.next("OnUserStatus")
    address = show(ann)
    assert anns.next("OnUserUpdate")["img"] == bobs.next("OnUserUpdate")["img"] == address


def test_the_picture_before_is_gone_and_so_is_one_that_is_taken_away(person: Any) -> None:
    ann = person("ann")
    first, second = show(ann), show(ann)
    assert first != second and refusal(ann.request("get", first)) == (404, "not_found")
    assert path_of(first) not in stored_files() and path_of(second) in stored_files()
    ann.patch("/me", {"name": f"{ann.name}!", "img": second})
    assert ann.request("get", second).status_code == 200, "setting the present picture again changes nothing"
    ann.patch("/me", {"img": ""})
    assert refusal(ann.request("get", second)) == (404, "not_found") and path_of(second) not in stored_files()


ADDRESSES = (
    "/message/search?q=the",
    "/",
    "/a.png",
    "/uploads/images/0123456789abcdef0123456789abcdef.png",
    "/uploads/avatars/../../me",
    "/uploads/avatars/0123456789abcdef0123456789abcdef.webp?next=/me",
    "/uploads/avatars/0123456789abcdef0123456789abcdef.webp",
    "https://example.org/me.png",
    "{site}/me",
    "//example.org/me.png",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_a_picture_but_what_was_uploaded_for_it(
    person: Any, group: Any, anonymous: Person, server: str, address: str
) -> None:
    address = address.replace("{site}", server)
    ann = person("ann")
    mine, room = show(ann), group(ann)
    theirs = show_group(ann, room)
    assert refusal(ann.request("patch", "/me", body={"img": address})) == (400, "invalid")
    body = {"groupId": room["id"], "avatar": address}
    assert refusal(ann.request("post", "/group/update", body=body)) == (400, "invalid")
    assert ann.get("/me")["img"] == mine
    assert [one["avatar"] for one in ann.get("/group/list")] == [theirs]
    # Older clients name one where they create somebody or something: it is dropped, or refused.
    name = {"name": f"guest {person.unique()}"}
    for asker, path, field in (
        (anonymous, "/createUser", "img"),
        (anonymous, "/login", "img"),
        (ann, "/group/create", "avatar"),
    ):
        more = {"password": PASSWORD, "name": f"x {person.unique()}"} if path == "/login" else {}
        answer = asker.request("post", path, body={**name, field: address, **more})
        assert (answer.status_code, answer.json().get(field)) in ((201, ""), (400, None)), answer.text


def test_a_web_address_from_an_older_client_keeps_nobody_out(person: Any, anonymous: Person) -> None:
    for address in ("https://example.org/me.png", "/avatars/1.png"):
        body = {"name": f"guest {person.unique()}", "img": address}
        assert anonymous.post("/createUser", body, status=201)["img"] == ""


def test_nobody_shows_or_deletes_what_is_somebody_elses(person: Any, group: Any) -> None:
    ann, eve = person("ann"), person("eve")
    address = show(ann)
    room = group(eve)
    for answer in (
        eve.request("patch", "/me", body={"img": address}),
        eve.request("post", "/group/update", body={"groupId": room["id"], "avatar": address}),
        eve.request("post", "/group/create", body={"name": "tea", "avatar": address}),
    ):
        assert refusal(answer) == (400, "invalid")
    eve.patch("/me", {"img": ""})
    assert ann.request("get", address).status_code == 200


def test_the_middle_is_shown_upright_and_tells_nothing_of_where_it_was_taken(person: Any) -> None:
    taken = hostile.encoded(hostile.photo(900, 300), "JPEG", exif=hostile.gps_exif(orientation=6))
    ann = person("ann")
    seen = ann.request("get", show(ann, taken)).content
    require_clean_picture(seen, taken, "image/webp")
    with Image.open(io.BytesIO(seen)) as picture:
        assert picture.size == (256, 256)
        left, right = (picture.convert("RGB").getpixel((x, 128)) for x in (8, 247))
    # Turned, white is on the right: what was above.
    assert isinstance(left, tuple) and isinstance(right, tuple) and right[1] > left[1] + 100


def test_a_small_picture_is_not_made_larger_and_a_moving_one_stands_still(person: Any) -> None:
    ann = person("ann")
    with Image.open(io.BytesIO(ann.request("get", show(ann, hostile.gif())).content)) as picture:
        assert picture.size == (64, 64) and getattr(picture, "n_frames", 1) == 1


@pytest.mark.parametrize("name", ["a PNG of 21 kB that is 13000 x 13000", *list(hostile.IMAGES)[::6]])
def test_a_hostile_picture_is_shown_clean_or_not_at_all(person: Any, name: str) -> None:
    ann, before = person("ann"), stored_files()
    content = hostile.IMAGES[name]()
    answer = ask(ann, content)
    if answer.status_code == 200:
        handed = ann.request("get", answer.json()["img"])
        require_harmless(handed)
        require_clean_picture(handed.content, content, "image/webp")
    else:
        assert answer.status_code == 400 and answer.json()["detail"]
        assert stored_files() == before and ann.get("/me")["img"] == ""


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty"), (hostile.HTML, "not_a_picture"), (hostile.SVG, "not_a_picture")]
)
def test_what_is_no_picture_leaves_the_one_before(person: Any, content: bytes, code: str) -> None:
    ann = person("ann")
    address = show(ann)
    assert refusal(ask(ann, content)) == (400, code)
    assert ann.get("/me")["img"] == address and ann.request("get", address).status_code == 200


def test_a_picture_may_be_as_large_as_an_upload(person: Any, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 10_000
    assert refusal(ask(person("ann"))) == (413, "too_large")


def test_pictures_are_counted_with_uploads_and_charged_to_nobody(person: Any, settings: Any) -> None:
    settings.RATE_UPLOADS, settings.UPLOAD_QUOTA = "2/h", 1
    ann, bob = person("ann"), person("bob")
    show(ann)
    show(ann)
    answer = ask(ann)
    assert refusal(answer) == (429, "rate_limited") and int(answer.headers["retry-after"]) > 60
    show(bob)


def test_an_anonymous_upload_leaves_nothing_here(anonymous: Person) -> None:
    before = stored_files()
    assert refusal(ask(anonymous)) == (401, "sign_in")
    assert stored_files() == before


def test_a_browser_proves_that_its_page_asked(person: Any, browser: Any) -> None:
    page = browser().signed_in(person("ann"))
    page.get("/")
    form: dict[str, Any] = {"files": {"media": ("a", hostile.jpeg())}}
    assert page._client.post(MINE, **form).status_code == 403
    assert page._client.post(MINE, **form, headers={"X-CSRFToken": page.cookies["csrftoken"]}).status_code == 200


# Groups ---------------------------------------------------------------------------------------------------------------


def test_a_groups_picture_is_its_admins_to_change(person: Any, group: Any, anonymous: Person) -> None:
    ann, bob, eve = person("ann"), person("bob"), person("eve")
    room = group(ann, bob, joinPolicy="closed")
    before = stored_files()
    for one, told in ((bob, (403, "forbidden")), (eve, (404, "not_found")), (anonymous, (401, "sign_in"))):
        assert refusal(ask(one, path=GROUPS, groupId=room["id"])) == told
    assert stored_files() == before
    address = show_group(ann, room)
    assert bob.get("/group/list")[0]["avatar"] == address
    assert bob.request("get", address).status_code == 200


def test_a_group_is_told_of_its_new_picture_in_a_line_that_the_first_one_has_not(person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    bobs = bob.connect()
    first = show_group(ann, room)
    assert bobs.next("OnGroupUpdate")["avatar"] == first
    assert [one["system"]["action"] for one in bob.get("/group/messages", groupId=room["id"])] == ["created"]
    ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    second = show_group(ann, room)
    assert bobs.next("OnGroupUpdate")["avatar"] == second
    line = bob.get("/group/messages", groupId=room["id"])[-1]
    assert line["system"]["action"] == "picture" and line["system"]["actor"]["id"] == ann.id
    assert line["content"] == f"{ann.name} changed the picture of the group"
    assert refusal(ann.request("get", first)) == (404, "not_found")


def test_a_groups_picture_is_gone_when_it_is_taken_away_and_when_the_group_ends(person: Any, group: Any) -> None:
    ann = person("ann")
    room = group(ann)
    for end in (
        lambda: ann.post("/group/update", {"groupId": room["id"], "avatar": ""}),
        lambda: ann.post("/group/dissolve", {"groupId": room["id"]}),
    ):
        address = show_group(ann, room)
        assert path_of(address) in stored_files()
        end()
        assert path_of(address) not in stored_files()


# Where it is stored ---------------------------------------------------------------------------------------------------


def test_nginx_is_told_where_it_is_and_how_long_it_may_be_kept(person: Any, settings: Any) -> None:
    settings.X_ACCEL_REDIRECT = "/stored/"
    ann = person("ann")
    address = show(ann)
    answer = ann.request("get", address)
    assert answer.headers["x-accel-redirect"] == address.replace("/uploads/", "/stored/")
    assert "immutable" in answer.headers["cache-control"] and answer.headers["content-type"] == "image/webp"


def test_another_storage_does_the_same(person: Any, settings: Any) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    before = stored_files()
    ann = person("ann")
    first, second = show(ann), show(ann)
    assert stored_files() == before
    assert ann.request("get", first).status_code == 404
    assert ann.request("get", second).content[8:12] == b"WEBP"


def test_an_address_that_is_guessed_or_bent_leads_nowhere(person: Any) -> None:
    ann = person("ann")
    address = show(ann)
    stem = address.removesuffix(".webp")
    for bent in (f"{stem}.png", stem, f"{stem[:-1]}0.webp", f"/uploads/avatars/../avatars/{'0' * 32}.webp"):
        if bent != address:
            assert refusal(ann.request("get", bent)) == (404, "not_found")


def test_what_nobody_shows_is_swept_and_what_somebody_shows_is_not(person: Any, group: Any) -> None:
    ann = person("ann")
    mine, groups = show(ann), show_group(ann, group(ann))
    root = Path(configured.MEDIA_ROOT)
    stray, fresh = (root / "avatars" / f"{letter * 32}.webp" for letter in "ab")
    for path in (stray, fresh):
        path.write_bytes(b"x")
    two_hours_ago = time.time() - 7200
    for path in (stray, root / path_of(mine), root / path_of(groups)):
        os.utime(path, (two_hours_ago, two_hours_ago))
    call_command("sweep_uploads", stdout=io.StringIO())
    assert not stray.exists() and fresh.exists()
    assert {path_of(mine), path_of(groups)} <= stored_files()
    fresh.unlink()


# Devices --------------------------------------------------------------------------------------------------------------


def test_signing_out_everywhere_else_leaves_only_this_device(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    telephone = person.remember(ann.signed_in_again())
    heard, kept = telephone.connect(), ann.connect()
    ann.delete("/me/sessions", status=204)
    assert heard.next("OnLogout") == {"reason": "signed_out"}
    assert telephone.request("get", "/me").status_code == 401
    assert [one["current"] for one in ann.get("/me/sessions")] == [True]
    assert kept.silent("OnLogout") and bob.get("/me")
