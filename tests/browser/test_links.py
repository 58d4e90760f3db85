"""Which part of a text is an address. Links are written in ⟦ ⟧."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Someone, reload
from tests.browser.server import Person

ADDRESSES = """
brackets: (⟦https://example.com/a⟧) [⟦https://example.com/a⟧] {⟦https://example.com/a⟧} <⟦https://example.com/a⟧>
(see ⟦https://en.wikipedia.org/wiki/Set_(mathematics)⟧)
(⟦https://example.com/a_(b)?c=d⟧), and [words](⟦https://example.com/a⟧)
⟦https://example.com/docs⟧(see below)
⟦https://example.com/?a[]=1&a[]=2⟧ and ⟦https://example.com/?f[x][0]=y⟧.
（⟦https://example.com/a⟧）【⟦https://example.com/b⟧】〔⟦https://example.com/c⟧〕［⟦https://example.com/d⟧］
“⟦https://example.com/a⟧”后 ‘⟦https://example.com/a⟧’后 "⟦https://example.com/a⟧", '⟦https://example.com/a⟧'.
«⟦https://example.com/a⟧» ‹⟦https://example.com/a⟧› „⟦https://example.com/a⟧“ 「⟦https://example.com/a⟧」です
『⟦https://example.com/a⟧』《⟦https://example.com/a⟧》〈⟦https://example.com/a⟧〉〝⟦https://example.com/a⟧〟
⟦https://example.com/rubik's_cube⟧ ⟦https://example.com/rubik’s_cube⟧ ⟦https://example.com⟧'s
⟦https://example.com/a⟧。然后 ⟦https://example.com/a⟧，b ⟦https://example.com/a⟧……c ⟦https://example.com/a⟧——d
⟦https://example.com/a⟧؟ ⟦https://example.com/a⟧। ⟦https://example.com/a⟧、⟦https://example.com/b⟧
看⟦https://example.com/a⟧这个 看⟦https://example.com⟧吧 ⟦https://example.com:8080⟧吧 ⟦https://example.com⟧（官网）
⟦https://example.com/a⟧를 보세요 ⟦https://example.com/a⟧を見て ⟦https://example.com/a⟧ครับ ⟦https://example.com/a⟧👍
⟦https://zh.wikipedia.org/wiki/北京_(消歧义)⟧。⟦https://example.com/?q=北京&x=1⟧ ⟦https://example.com/C语言/a.html⟧
⟦https://例子.测试/路径⟧ ⟦https://пример.рф/путь⟧! ⟦https://münchen.de/straße⟧ ⟦https://ja.wikipedia.org/wiki/ジョン・レノン⟧
⟦www.example.com⟧, 看⟦www.example.com/a⟧。 but not www.a or awww.example.com
⟦http://localhost:8000/x⟧ ⟦http://[::1]:8000/a⟧ ⟦HTTPS://EXAMPLE.COM/A⟧ ⟦https://example.com?x=1⟧ ⟦https://example.com#x⟧
⟦https://example.com/a⟧... ⟦https://example.com/a⟧? ⟦https://example.com⟧. *⟦https://example.com/a⟧* _⟦https://example.com/a_b⟧_
⟦https://www.google.com/maps/@39.9,116.4,12z⟧ ⟦https://web.archive.org/web/2020/https://example.com/⟧
⟦https://example.com/a⟧,⟦https://example.org/b⟧ ⟦https://example.com/a;b=1;c⟧ ⟦https://example.com/~ann/⟧
⟦ann@example.com⟧ 写信给⟦ann.lee+tag@sub.example.co.uk⟧。 <⟦ann@example.com⟧> '⟦ann@example.com⟧' ⟦o'brien@example.com⟧
⟦mailto:ann@example.com⟧ 邮箱:⟦ann@例子.中国⟧ but not @ann, a@b, @ann@example.social or ann@127.0.0.1
javascript:alert(1) https:// https://. http://? ftp.example.com
""".strip().splitlines()

#: The text of a message, its links between ⟦ and ⟧.
MARKED = """(text) =>
  [...text.childNodes].map((one) => one.nodeName === "A" ? `⟦${one.textContent}⟧` : one.textContent).join("")"""


def test_an_address_ends_where_a_reader_says_it_ends(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    said = "\n".join(ADDRESSES)
    bob.say(ann, said.replace("⟦", "").replace("⟧", ""))
    # Of what is between the marks of bold and italic text test_formatting.py tells.
    ann.page.evaluate("localStorage.setItem('formatting', 'off')")
    reload(ann.page)
    ann.open(bob)
    text = ann.page.locator(".message .text")
    assert text.evaluate(MARKED).splitlines() == ADDRESSES
    hrefs = ann.page.locator(".message a").evaluate_all("(links) => links.map((one) => one.href)")
    assert {href.split(":")[0] for href in hrefs} == {"https", "http", "mailto"}
    expect(ann.page.locator(".message a", has_text="ann.lee+tag")).to_have_attribute(
        "href", "mailto:ann.lee+tag@sub.example.co.uk"
    )
    expect(ann.page.locator(".message a", has_text="www.example.com/a")).to_have_attribute(
        "href", "https://www.example.com/a"
    )
