"""Texts for comparison."""

import pytest

from chatproject.core.text import simplified


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("看著這個訊息，繁體中文的處理", "看着这个讯息，繁体中文的处理"),
        ("頭髮 發現", "头发 发现"),
        ("臺灣 台灣", "台湾 台湾"),  # of Taiwan
        ("衞生 糭", "卫生 粽"),  # of Hong Kong
        ("㑮", "𫝈"),  # beyond the first plane
        ("abc é エリ子 한국 👩‍👩‍👧", "abc é エリ子 한국 👩‍👩‍👧"),
        ("", ""),
    ],
)
def test_traditional_characters_become_simplified_ones_in_their_places(written, means):
    assert simplified(written) == means
    assert len(simplified(written)) == len(written)


def test_equal_words_are_equal_in_each_script():
    assert simplified("什麼") == simplified("什么")


def test_what_is_simplified_stays_so():
    every = "".join(map(chr, (*range(0x3400, 0xA000), *range(0x20000, 0x2FA20))))
    assert simplified(simplified(every)) == simplified(every)
    assert len(simplified(every)) == len(every)
