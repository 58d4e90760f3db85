"""Pictures, voice, places and files, from the upload to the recall."""

from typing import Any

from tests import hostile


def test_a_picture_goes_from_one_to_the_other(person: Any) -> None:
    ann, bob = person("ann"), person("bob")
    up = ann.upload(hostile.jpeg(), "cat.jpg", "images")
    sent = ann.post("/private/send", {"receiverId": bob.id, "type": "image", "mediaUrl": up["mediaUrl"]}, status=201)
    print(up, sent)
    answer = bob.request("get", up["mediaUrl"])
    print(answer.status_code, answer.headers)
    assert answer.status_code == 200
