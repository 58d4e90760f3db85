"""Bold, italic and struck text, code, quotes, lists and named links: drawn in the page, stored as typed."""

import itertools
import random
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser import firefox
from tests.browser.conftest import TIMEOUT_MS, Someone, Watch, reload, unique
from tests.browser.server import Person, Server

#: What people write without meaning any mark.
AS_TYPED = r"""
snake_case_names
2*3*4
2 * 3 * 4
:_)
a_b
C:\dir\*
C:\dir\*.txt and D:\*.doc
~~~
>_< >_<
^_^ ^_^ -_- T_T o_o
(*^▽^*) (*^▽^*) *_* *_*
:* :*
$5*3*2, ¥5~¥10
*.py,*.js
src/**/*.js and lib/**/*.js
长*宽*高
报告_最终_版.docx
好的~~谢谢~~ 哈哈~~
f(*args, **kwargs)
int *a, *b; char** c;
/home/*/x/*/y
/*comment*/ x /*y*/
__init__.py and __main__.py
2024. 我们
01. 我们
3.5 米
1.你好
-好
*好
>500元
>
*
_
`
**
****
[x]
[x](y)
[x](javascript:alert(1))
[https://good.example](https://other.example)
![x](data:text/html,1)
\*not\*
https://example.com/c_d_e/*f*/g_h
# a title
""".strip().splitlines()

#: What is typed, and its elements as HTML without attributes; a named link with what its address is.
FORMATTED = {
    "这是**重点**，": "这是<strong>重点</strong>，",
    "**重点：**很好": "<strong>重点：</strong>很好",
    "很好**「重点」**很好": "很好<strong>「重点」</strong>很好",
    "这是*斜体*。": "这是<em>斜体</em>。",
    "原价~~100~~80元": "原价<del>100</del>80元",
    "__bold__ and _it_.": "<strong>bold</strong> and <em>it</em>.",
    "***x*** **a *b* c** *a **b***": (
        "<strong><em>x</em></strong> <strong>a <em>b</em> c</strong> <em>a <strong>b</strong></em>"
    ),
    "~~**x**~~ `a*b*c` ``a`b``": "<del><strong>x</strong></del> <code>a*b*c</code> <code>a`b</code>",
    "**a **b**": "**a <strong>b</strong>",
    "**https://example.com/a_b_c**": "<strong><a>https://example.com/a_b_c</a></strong>",
    "[the **docs**](https://example.com/a_(b))。": "<a=https://example.com/a_(b)>the <strong>docs</strong></a>。",
    "a\n> b\n> c\nd": "a<blockquote>b\nc</blockquote>d",
    "> > x": "<blockquote><blockquote>x</blockquote></blockquote>",
    "- a\n  - b\n- c": "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
    "9. a\n10. **b**\n   c": "<ol><li=9>a</li><li=10><strong>b</strong>\nc</li></ol>",
    "```js\nlet a;\n\n  b\n```\nx": "<div><div><span>js</span></div><pre><code>let a;\n\n  b</code></pre></div>x",
    "> ```\n> a\n> b\n> ```": (
        "<blockquote><div><div><span></span></div><pre><code>a\nb</code></pre></div></blockquote>"
    ),
    "```\nno end": "```\nno end",
}

DRAW = """async (texts) => {
  const { richText } = await import("chat/views/rich_text.js");
  const said = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    const name = node.localName;
    if (name === "button") return "";
    const value = node.dataset.leadsTo ? `=${node.getAttribute("href")}` : name === "li" && node.value ? `=${node.value}` : "";
    return `<${name}${value}>${[...node.childNodes].map(said).join("")}</${name}>`;
  };
  return texts.map((text) => richText(text).map((one) => said(one instanceof Node ? one : new Text(one))).join(""));
}"""

#: Draws each text and returns what may not be: other elements or attributes, other addresses, lost characters.
INSPECT = r"""async (texts) => {
  const { richText } = await import("chat/views/rich_text.js");
  const { parse, plain } = await import("chat/views/markdown.js");
  const ALLOWED = {
    STRONG: [], EM: [], DEL: [], CODE: ["data-language"], BLOCKQUOTE: [], UL: [], OL: ["class"], LI: ["value"], PRE: ["dir", "tabindex"],
    SPAN: ["class", "data-icon", "aria-hidden"], DIV: ["class"],
    BUTTON: ["type", "class", "aria-label", "title"], A: ["href", "target", "rel", "dir", "data-leads-to"],
  };
  // Between two leaves stand marks and nothing else.
  const MARKS = /^(?:[*_~`>\s\-[]|\d{1,3}\.[ \t]|`{3,}[\w+#.\-]*|\]\((?:https?:\/\/|mailto:)[^\s<>"`]*\))*$/i;
  const leavesOf = (nodes) => nodes.flatMap((node) => (node.kind === "text" ? [node] : leavesOf(node.children)));
  const complaints = [];
  for (const text of texts) {
    const complain = (what) => complaints.push(`${what}: ${JSON.stringify(text)}`);
    const box = document.createElement("div");
    box.append(...richText(text));
    document.body.append(box);
    for (const one of box.querySelectorAll("*:not(svg, svg *)")) {
      const allowed = ALLOWED[one.nodeName];
      if (!allowed) complain(one.nodeName);
      for (const { name } of one.attributes) if (!allowed?.includes(name)) complain(`${one.nodeName} ${name}`);
      if (one.href && !/^(?:https?|mailto):/.test(one.href)) complain(one.href);
      if (one.matches("a a")) complain("a link in a link");
    }
    box.remove();
    let at = 0;
    for (const { start, text: part } of leavesOf(parse(text))) {
      if (start < at || text.slice(start, start + part.length) !== part) complain("a leaf elsewhere");
      if (!MARKS.test(text.slice(at, start))) complain(`lost ${text.slice(at, start)}`);
      at = start + part.length;
    }
    if (!MARKS.test(text.slice(at))) complain(`lost ${text.slice(at)}`);
    plain(text);
  }
  return complaints;
}"""

WRAPPERS = (
    "{}",
    "**{}**",
    "_{}_",
    "`{}`",
    "> {}",
    "- {}",
    "1. {}",
    "```html\n{}\n```",
    "[{}](https://example.com)",
    "[x]({})",
    "![x]({})",
    '[x]({} "title")',
    "[x](<{}>)",
    "[[x]({})](https://example.com)",
    "<{}>",
    '<a href="{}">x</a>',
)
PAYLOADS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "&#106;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//example.com/x",
    "https://example.com/\u202egnp.exe",
    "https://example.com\\@other.example",
    "https://user:pass@example.com",
    "https://example.com/)](javascript:alert(1)",
    'https://example.com/" onmouseover="alert(1)',
    "https://exa\u200bmple.com/\ufeff",
    "https:javascript:alert(1)",
    "mailto:a@example.com?body=<script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<script>document.title='owned'</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\ud835\udc8b\ud835\udc82vascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
)
ATTACKS = [wrapper.format(payload) for wrapper, payload in itertools.product(WRAPPERS, PAYLOADS)]


def mixtures() -> list[str]:
    """Random sequences of marks and texts, the same in every run."""
    chance = random.Random(7)
    parts = [
        *("*", "**", "_", "__", "~~", "`", "``", "```", "\n", "\n> ", "\n- ", "\n  - ", "\n1. ", "[", "]", "](", ")"),
        *(
            "](https://example.com/a_b)",
            "https://example.com/*x*",
            " ",
            "a",
            "重点",
            "：",
            "1",
            "\\",
            "😀",
            "\u202e",
            "js\n",
        ),
    ]
    return ["".join(chance.choices(parts, k=chance.randint(2, 24))) for _ in range(1500)]


#: What takes a parser long that looks back or ahead again and again.
HOSTILE = (
    *(
        "*a ",
        "**a *b _c __d ~~e ",
        "_a",
        "a* ",
        "`",
        "`a``b",
        "[",
        "[a](",
        "](https://a",
        "> > > > a\n",
        "- a\n",
        "*_*_",
    ),
    *("```a\n", "***a ", "*@a.b ", "*https://a.b ", "a*\n", "\\*", "  \t", "@", "[a](https://b((", "1. [`*_\n"),
)

#: The times of reading each text at 4,000 and at 20,000 characters, the best of three, in milliseconds.
TIMES = """async (pieces) => {
  const { parse, plain } = await import("chat/views/markdown.js");
  const time = (text) => Math.min(...[1, 2, 3].map(() => {
    const begin = performance.now();
    plain(text);
    parse(text);
    return performance.now() - begin;
  }));
  return pieces.map((piece) => [4_000, 20_000].map((length) => time(piece.repeat(length).slice(0, length))));
}"""

#: The parts without marks of a text with a mention, and where each begins.
LEAVES = """async () => {
  const { richText } = await import("chat/views/rich_text.js");
  const leaves = [];
  const leaf = (text, start) => leaves.push([text, start]) && text;
  richText("**@a_b_** hi _x_", { mentions: [{ start: 2, length: 5 }], leaf });
  return leaves;
}"""

CODE = "def greet(name):\n\treturn f'hello {name}'\n"


def assert_drawn(page: Page) -> None:
    assert page.evaluate(DRAW, list(FORMATTED)) == list(FORMATTED.values())
    drawn = page.evaluate(DRAW, AS_TYPED)
    assert [text.replace("<a>", "").replace("</a>", "") for text in drawn] == AS_TYPED
    assert page.evaluate(INSPECT, [*ATTACKS, *mixtures(), *AS_TYPED, *FORMATTED]) == []


def grows(took: list[float]) -> bool:
    """Whether a text takes longer than it is longer."""
    short, long = took
    return long >= 12 * short + 50


def test_marks_are_drawn_beside_every_script_and_ordinary_text_stays_as_typed(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    assert_drawn(ann.page)
    assert ann.page.evaluate(LEAVES) == [["@a_b_", 2], [" hi ", 9], ["x", 14]]
    suspects = list(HOSTILE)
    for _ in range(10):  # on a busy machine each of three may have been interrupted
        suspects = [
            piece for piece, took in zip(suspects, ann.page.evaluate(TIMES, suspects), strict=True) if grows(took)
        ]
    assert suspects == []
    for attack in ATTACKS[:: len(ATTACKS) // 10]:
        bob.say(ann, attack)
    ann.open(bob)
    expect(ann.page.locator(".message .text")).to_have_count(len(ATTACKS[:: len(ATTACKS) // 10]))
    assert (
        ann.page.locator(".text").locator("script, img, svg:not(.fence svg), iframe, [onclick], [style]").count() == 0
    )
    assert ann.page.title() != "owned"


@pytest.mark.skipif(not firefox.FIREFOX, reason="Firefox is missing: apt-get install firefox-esr")
def test_firefox_draws_the_same(playwright: Playwright, site: Server, watch: Watch) -> None:
    with firefox.launch(playwright) as browser:
        context = browser.new_context(base_url=site.url, locale="en-GB", **firefox.AS_IT_IS)
        context.set_default_timeout(TIMEOUT_MS)
        watch.over(context)
        assert_drawn(Someone(unique("Ann"), context.new_page()).page)
        context.close()


def test_what_is_typed_is_kept_and_shown_with_or_without_its_marks(
    someone: Callable[..., Someone], person: Callable[[str], Person]
) -> None:
    ann, bob = someone("Ann"), person("Bob")
    page = ann.page
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    ann.find(bob)
    # Ctrl+B, Ctrl+I and their undoing.
    field = page.locator("#text")
    field.fill("see the docs")
    field.evaluate("(field) => field.setSelectionRange(4, 12)")
    page.keyboard.press("Control+b")
    expect(field).to_have_value("see **the docs**")
    page.keyboard.press("Control+i")
    expect(field).to_have_value("see ***the docs***")
    page.keyboard.press("Control+i")
    page.keyboard.press("Control+b")
    expect(field).to_have_value("see the docs")
    page.keyboard.press("Control+Shift+x")
    expect(field).to_have_value("see ~~the docs~~")
    page.keyboard.press("Control+z")
    expect(field).to_have_value("see the docs")
    page.keyboard.press("Control+b")
    page.keyboard.press("End")
    # In a code block Enter breaks the line; what is pasted keeps its tabs.
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("```python")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(CODE)
    page.keyboard.type("```")
    page.keyboard.press("Enter")
    typed = f"see **the docs**\n```python\n{CODE}```"
    message = page.locator(".message.own[data-state=sent]")
    expect(message.locator("strong")).to_have_text("the docs")
    assert message.locator("pre").text_content() == CODE.rstrip()
    expect(message.locator(".fence-head")).to_have_text("python")
    expect(message.locator(".code-k")).to_have_text(["def", "return"])
    expect(message.locator(".code-f")).to_have_text("greet")
    assert message.locator("pre").text_content() == CODE.rstrip()
    message.get_by_role("button", name="Copy the code").click()
    assert page.evaluate("copied") == CODE.rstrip()
    message.click(button="right")
    page.get_by_role("menuitem", name="Copy", exact=True).click()
    assert page.evaluate("copied") == typed
    # One line shows no marks; to be edited, it is what was typed.
    preview = ann.row(bob.name).locator(".chat-preview")
    line = "see the docs def greet(name): return f'hello {name}'"
    expect(preview).to_have_text(line)
    field.press("ArrowUp")
    expect(field).to_have_value(typed)
    page.keyboard.press("Escape")
    message.click(button="right")
    page.get_by_role("menuitem", name="Reply").click()
    expect(page.locator(".about-text span")).to_have_text(line)
    page.keyboard.press("Escape")
    # Who wants to sees what was typed.
    page.click(".me-button")
    page.get_by_role("menuitem", name="Settings").click()
    page.get_by_role("button", name="Appearance and language").click()
    page.get_by_role("switch", name="Show formatted messages").uncheck()
    page.keyboard.press("Escape")
    assert message.locator(".text").text_content() == typed
    expect(preview).to_contain_text("see **the docs** ```python")
    reload(page)
    expect(preview).to_contain_text("see **the docs** ```python")
    assert message.locator(".text").text_content() == typed
