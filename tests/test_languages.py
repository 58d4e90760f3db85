"""Each language says everything, and everybody is answered in theirs."""

import re
from typing import Any

import opencc
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import to_locale

from tests import translations
from tests.people import Person

#: What a translation has to keep: values that are put in, and marks of HTML.
_KEPT = re.compile(r"%(?:\(\w+\))?[sd]|\{\w+\}|<[^>]+>")
#: OpenCC's conversion that leaves a Chinese catalogue as it is, because that is written so already.
_WRITTEN = {"zh_Hans": "t2s", "zh_Hant": "s2tw"}


def test_every_language_but_english_has_a_catalogue() -> None:
    assert sorted(to_locale(code) for code, _ in settings.LANGUAGES if code != "en") == translations.LOCALES


@pytest.mark.parametrize("domain", translations.DOMAINS)
@pytest.mark.parametrize("locale", translations.LOCALES)
def test_a_language_says_all_that_the_code_says_and_nothing_else(locale: str, domain: str) -> None:
    said, translated = translations.said(domain), translations.messages(locale, domain)
    with translation.override(translation.to_language(locale)):
        missing = {one for one in said - translated if translation.gettext(one[1]) == one[1]}  # Django says some itself
    assert not missing, f"append these to locale/{locale}/LC_MESSAGES/{domain}.po by hand"
    assert not translated - said, "nobody says these any more"


@pytest.mark.parametrize("domain", translations.DOMAINS)
@pytest.mark.parametrize("locale", translations.LOCALES)
def test_a_translation_is_whole_and_keeps_what_is_put_into_it(locale: str, domain: str) -> None:
    catalogue = translations.catalogue(locale, domain)
    assert not catalogue.obsolete_entries()
    forms = int(re.findall(r"nplurals=(\d+)", catalogue.metadata["Plural-Forms"])[0])
    for entry in catalogue:
        assert entry.translated() and not entry.fuzzy, entry.msgid
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        assert len(texts) == (forms if entry.msgid_plural else 1), entry.msgid
        for text in texts:
            assert text.strip(), entry.msgid
            kept = sorted(_KEPT.findall(text))
            assert kept in [sorted(_KEPT.findall(one)) for one in (entry.msgid, entry.msgid_plural)], text


def test_limits_and_kinds_of_fields_are_told_in_each_readers_language(person: Any) -> None:
    ann = person("ann")
    wrong = {"receiverId": "x", "content": "a" * 9000, "type": "text", "replyTo": ["y"], "clientId": {}}
    answers = [
        ann.request("post", "/private/send", body=wrong, headers={"Accept-Language": language}).json()["errors"]
        for language in ("en", "zh-CN", "en", "zh-TW")
    ]
    assert answers[0] == answers[2] != answers[1]
    assert answers[0].keys() == answers[1].keys() == {"receiverId", "content", "replyTo", "clientId"}
    for answer in (answers[1], answers[3]):
        told = " ".join(one for texts in answer.values() for one in texts)
        assert re.findall("[A-Za-z]{2,}", told) == ["UUID"] * 2
    short = [
        ann.request("patch", "/me", body={"password": "x1"}, headers={"Accept-Language": language}).text
        for language in ("en", "zh-CN", "zh-HK")
    ]
    assert "at least 8 characters" in short[0] and "至少要有 8 个字符" in short[1] and "至少要有 8 個字元" in short[2]


@pytest.mark.parametrize("locale", _WRITTEN)
def test_traditional_chinese_has_no_simplified_characters_and_simplified_no_traditional_ones(locale: str) -> None:
    converter = opencc.OpenCC(_WRITTEN[locale])
    strange = []
    for domain in translations.DOMAINS:
        for entry in translations.catalogue(locale, domain):
            text = "\n".join([entry.msgstr, *entry.msgstr_plural.values()])
            # Some characters are both, each in other words (后, 里, 了): the words decide, and then the character.
            pairs = zip(text, converter.convert(text), strict=True)
            strange += [(one, text.strip()) for one, to in pairs if one != to == converter.convert(one)]
    assert not strange


TRADITIONAL = ("zh-TW", "zh-HK,zh;q=0.9,en;q=0.8", "zh-mo", "zh-Hant-TW", "zh-Hant")
SIMPLIFIED = ("zh-CN", "zh-SG,zh;q=0.9,en;q=0.8", "zh", "zh-Hans-CN")
ENGLISH = ("en-GB", "tlh", "")


def test_errors_are_in_the_language_and_the_script_that_a_browser_asks_for(anonymous: Person) -> None:
    wanted = {
        **dict.fromkeys(TRADITIONAL, ("請先登入。", "此欄位為必填。")),
        **dict.fromkeys(SIMPLIFIED, ("请先登录。", "此字段必填。")),
        **dict.fromkeys(ENGLISH, ("Sign in first.", "This field is required.")),
    }
    got = {}
    for asked in wanted:
        headers = {"Accept-Language": asked}
        refused = anonymous.request("get", "/me", headers=headers).json()["title"]
        incomplete = anonymous.request("post", "/login", body={}, headers=headers).json()["errors"]["name"]
        got[asked] = (refused, *incomplete)
    assert got == wanted
