// Reads the small Markdown of messages: bold, italic, struck, code, quotes, lists and named links.
//
// It is a tree over what was typed: each leaf is a part of the text and knows where it begins, and
// between the leaves stand only marks. Nothing is unescaped, joined or put in order, so everything
// that is not surely a mark is shown as it was typed. Marks of one line end in that line.
//
// CommonMark decides by punctuation and blanks whether a mark begins or ends something, which fails
// in scripts that write without spaces. Here a mark stands beside their letters as beside blanks,
// except where people use it in other ways: 长*宽*高, 报告_最终_版, 好的~~.
//
// The text is read once: what is looked for ahead (the end of a code, of a fence) is looked for
// once for all places that ask.
import { splitLinks, UNSPACED } from "chat/views/links.js";

/** How deep quotes and lists are drawn inside each other. What is deeper stays as it was typed. */
const DEPTH_MAX = 4;
/** Longer addresses belong to no named link. */
const ADDRESS_MAX = 2000;

/** Whether there can be any mark in a text. */
const MARKED = /[*_~`]|\]\(|^[ \t]*(?:>|-|\d{1,3}\.)[ \t]/m;
const SPECIAL = /[*_~`[\]]/g;
const KINDS = { "*": "em", _: "em", "**": "strong", __: "strong", "~~": "del" };
const BLOCKS = new Set(["quote", "list", "item", "fence"]);

// Not the marks that make a sign an emoji.
const LETTERS = String.raw`[[\p{L}\p{M}\p{N}]--[\ufe0f\u20e3]]`;
const LETTER = new RegExp(`^${LETTERS}$`, "v");
/** A letter or digit of a script that divides its words by spaces. */
const SPACED_LETTER = new RegExp(`^[${LETTERS}--${UNSPACED}]$`, "v");
const BLANK = /^[\s\p{Z}\p{Cc}\p{Cf}]?$/v;
// Next to these signs of smileys, paths, formulas and code no single mark begins or ends.
const SIGNS_BEFORE = /^[@#$%&^=<>+\-/\\|:.)\]}]$/;
const SIGNS_AFTER = /^[@#$%&^=<>+\-/\\|]$/;
const NEVER_FIRST = /^[/\\.,;:!?)\]}%、。，：；！？）】」』》〉…]$/;
const FIRST = /^[\p{L}\p{M}\p{N}\p{Sc}\p{Extended_Pictographic}\p{Ps}\p{Pi}"'#@*_~`]$/v;
const LAST = /^[\p{L}\p{M}\p{N}\p{Sc}\p{Extended_Pictographic}\ufe0f\p{Pe}\p{Pf}\p{Terminal_Punctuation}"'%…*_~`]$/v;

const FENCE = /^[ \t]{0,3}(?<ticks>`{3,})(?<info>[^`]*)$/;
const LANGUAGE = /^[\w+#.-]{0,30}$/;
const QUOTE = /^[ \t]{0,3}>[ \t]+\S/;
const QUOTE_GOES_ON = /^[ \t]{0,3}>(?:[ \t]|$)/;
const ITEM = /^(?<indent>[ \t]*)(?<marker>[-*]|(?:0|[1-9]\d{0,2})\.)[ \t]+(?=\S)/;
const ITEM_GOES_ON = /^(?: {2}|\t)[ \t]*\S/;
const ADDRESS = /^(?:https?:\/\/|mailto:)[^\s]/iv;
const NEVER_IN_ADDRESS = /^[\s\p{Cc}\p{Bidi_Control}<>"`\[\]\\]$/v;

const leaf = (text, start, end) => ({ kind: "text", text: text.slice(start, end), start });

/**
 * The nodes of a text: {kind: "text", text, start}, or with `children` in the place of both: strong,
 * em, del, code, link ({href, isNamed}), quote, list ({isOrdered}), item ({marker}), fence
 * ({language}). Nothing is read inside `mentions`, {start, length} in order.
 */
export function parse(text, mentions = []) {
  if (!MARKED.test(text)) return parseLinks(text, mentions);
  const lines = [];
  for (let from = 0; from <= text.length;) {
    const end = text.indexOf("\n", from);
    const to = end < 0 ? text.length : end;
    lines.push([from, to]);
    from = to + 1;
  }
  const kept = keptParts(text, mentions);
  return merged(text, readBlocks({ text, kept, next: 0 }, lines, 0));
}

/** The nodes of a text in which only addresses are something else than text. */
export const parseLinks = (text, mentions = []) => {
  const nodes = [];
  let done = 0;
  for (const { start, end, node } of keptParts(text, mentions)) {
    if (node.kind === "text") continue;
    if (start > done) nodes.push(leaf(text, done, start));
    nodes.push(node);
    done = end;
  }
  if (done < text.length) nodes.push(leaf(text, done, text.length));
  return nodes;
};

/** A text without its marks, for one-line previews and screen readers. */
export function plain(text, mentions) {
  return MARKED.test(text) ? written(parse(text, mentions)) : text;
}

/** Whether a text ends inside a fence that is not closed. */
export function endsInFence(text) {
  let ticks = 0;
  for (const line of text.split("\n")) {
    if (!ticks) ticks = FENCE.exec(line)?.groups.ticks.length ?? 0;
    else if (ticksAtEnd(line) >= ticks) ticks = 0;
  }
  return ticks > 0;
}

function written(nodes) {
  let all = "";
  for (const { kind, text, marker, children } of nodes) {
    const isBlock = BLOCKS.has(kind);
    if (isBlock && all && !all.endsWith("\n")) all += "\n";
    all += `${marker ? `${marker} ` : ""}${text ?? written(children)}`;
    if (isBlock && !all.endsWith("\n")) all += "\n";
  }
  return all;
}

/** What no mark is looked for in: addresses and mentions, in order. */
function keptParts(text, mentions) {
  const kept = [];
  let done = 0;
  const addLinks = (to) => {
    let start = done;
    for (const { text: part, href } of splitLinks(text.slice(done, to))) {
      const end = start + part.length;
      if (href) kept.push({ start, end, node: { kind: "link", href, children: [leaf(text, start, end)] } });
      start = end;
    }
  };
  for (const { start, length } of mentions) {
    if (start < done) continue;
    addLinks(start);
    done = start + length;
    kept.push({ start, end: done, node: leaf(text, start, done) });
  }
  addLinks(text.length);
  return kept;
}

/** Text that is next to text becomes one leaf. */
function merged(text, nodes) {
  const all = [];
  for (const node of nodes) {
    const last = all.at(-1);
    const end = last?.kind === "text" ? last.start + last.text.length : -1;
    if (node.kind === "text" && node.start === end) all[all.length - 1] = { ...last, text: last.text + node.text };
    else all.push(node.children ? { ...node, children: merged(text, node.children) } : node);
  }
  return all;
}

// ── Blocks ────────────────────────────────────────────────────────────────
/** `lines` are [from, to] of each line; in a quote, of what stands behind its mark. */
function readBlocks(reading, lines, depth) {
  const { text } = reading;
  const lineAt = (index) => text.slice(...lines[index]);
  const nodes = [];
  // No fence of so many ticks is closed.
  let unclosed = Infinity;
  let isInParagraph = false;
  for (let index = 0; index < lines.length;) {
    const line = lineAt(index);
    let end = index;
    const ticks = FENCE.exec(line)?.groups.ticks.length ?? Infinity;
    if (ticks < unclosed) {
      end = index + 1;
      while (end < lines.length && ticksAtEnd(lineAt(end)) < ticks) end += 1;
      const fence = end < lines.length ? readFence(text, lines.slice(index, end + 1)) : null;
      if (end === lines.length) unclosed = ticks;
      if (fence) nodes.push(fence);
      end = fence ? end + 1 : index;
    } else if (depth < DEPTH_MAX && QUOTE.test(line)) {
      const inner = [];
      for (; end < lines.length && QUOTE_GOES_ON.test(lineAt(end)); end += 1) {
        const [from, to] = lines[end];
        inner.push([Math.min(text.indexOf(">", from) + 2, to), to]);
      }
      nodes.push({ kind: "quote", children: readBlocks(reading, inner, depth + 1) });
    } else if (ITEM.test(line)) {
      while (end < lines.length && (ITEM.test(lineAt(end)) || (end > index && goesOn(lineAt(end))))) end += 1;
      nodes.push(...readLists(reading, lines.slice(index, end)));
    }
    if (end > index) {
      index = end;
      isInParagraph = false;
      continue;
    }
    const [from, to] = lines[index];
    if (isInParagraph) nodes.push(leaf(text, lines[index - 1][1], lines[index - 1][1] + 1));
    nodes.push(...readLine(reading, from, to));
    isInParagraph = true;
    index += 1;
  }
  return nodes;
}

const goesOn = (line) => ITEM_GOES_ON.test(line) && !FENCE.test(line);

function ticksAtEnd(line) {
  const trimmed = line.trimEnd();
  let count = 0;
  while (trimmed[trimmed.length - 1 - count] === "`") count += 1;
  return count;
}

/** The fence in `lines`, from its first to its last; null if there is nothing in it. */
function readFence(text, lines) {
  const [first, last] = [lines[0], lines.at(-1)];
  const { ticks, info } = FENCE.exec(text.slice(...first)).groups;
  const language = info.trim();
  const isLanguage = LANGUAGE.test(language);
  const parts = lines.slice(1, -1).map(([from, to]) => leaf(text, from, to + 1));
  // What follows the ticks and is no language is code already; so is what stands before the last ticks.
  if (!isLanguage) parts.unshift(leaf(text, first[1] - info.length, first[1] + 1));
  const end = text.slice(...last).trimEnd();
  const code = end.slice(0, end.length - ticksAtEnd(end));
  if (code.trim()) parts.push(leaf(text, last[0], last[0] + code.length));
  else if (parts.length) parts.push(withoutLastBreak(parts.pop()));
  if (!parts.some((part) => part.text.trim())) return null;
  return { kind: "fence", language: isLanguage ? language : "", ticks: ticks.length, children: parts };
}

const withoutLastBreak = (part) => ({ ...part, text: part.text.slice(0, -1) });

/** The lists of lines that are items or go on one. What is indented further is a list in an item. */
function readLists(reading, lines) {
  const { text } = reading;
  const top = [];
  /** Open lists, each inside an item of the one before: {list, indent}. */
  const open = [];
  for (const [index, [from, to]] of lines.entries()) {
    const { 0: mark, groups } = ITEM.exec(text.slice(from, to)) ?? { 0: "" };
    if (!groups) {
      const begin = to - text.slice(from, to).trimStart().length;
      const end = lines[index - 1][1];
      open
        .at(-1)
        .list.children.at(-1)
        .children.push(leaf(text, end, end + 1), ...readLine(reading, begin, to));
      continue;
    }
    const indent = groups.indent.replaceAll("\t", "    ").length;
    const isOrdered = groups.marker.endsWith(".");
    while (open.length && indent < open.at(-1).indent) open.pop();
    const isDeeper = open.length && indent >= open.at(-1).indent + 2 && open.length < DEPTH_MAX;
    if (!isDeeper && open.length && open.at(-1).list.isOrdered !== isOrdered) open.pop();
    if (isDeeper || !open.length || open.at(-1).list.isOrdered !== isOrdered) {
      const list = { kind: "list", isOrdered, children: [] };
      (open.length ? open.at(-1).list.children.at(-1).children : top).push(list);
      open.push({ list, indent });
    }
    const children = readLine(reading, from + mark.length, to);
    open.at(-1).list.children.push({ kind: "item", marker: groups.marker, children });
  }
  return top;
}

// ── In a line ─────────────────────────────────────────────────────────────
function readLine(reading, from, to) {
  return new Line(reading, from, to).read();
}

class Line {
  #reading;
  #text;
  #line;
  #from;
  #to;
  #nodes = [];
  /** Where the text begins that is in no node yet. */
  #done;
  #at;
  /** Marks that may begin something, by mark: {place, end, isInWord}. `place` is that of its leaf in the nodes. */
  #begun = new Map();
  /** "[" that may begin a named link: {place, end}. */
  #brackets = [];
  /** Where runs of so many ticks begin, the last first. */
  #runsOfTicks = null;

  constructor(reading, from, to) {
    this.#reading = reading;
    this.#text = reading.text;
    this.#line = this.#text.slice(from, to);
    this.#done = this.#at = this.#from = from;
    this.#to = to;
  }

  read() {
    let special = -1;
    while (this.#at < this.#to) {
      if (special < this.#at) special = this.#nextSpecial();
      if (this.#takeKept(special)) continue;
      if (special >= this.#to) break;
      this.#at = special;
      const sign = this.#text[special];
      if (sign === "`") this.#readCode();
      else if (sign === "[") this.#beginLink();
      else if (sign === "]") this.#endLink();
      else this.#readMarks(sign);
    }
    this.#flush(this.#to);
    return this.#nodes;
  }

  #nextSpecial() {
    SPECIAL.lastIndex = this.#at - this.#from;
    return SPECIAL.test(this.#line) ? this.#from + SPECIAL.lastIndex - 1 : this.#to;
  }

  /** Takes an address or mention that begins before the next sign. */
  #takeKept(special) {
    const { kept } = this.#reading;
    while (kept[this.#reading.next]?.start < this.#at) this.#reading.next += 1;
    const { start, end, node } = kept[this.#reading.next] ?? {};
    if (!(start <= special && end <= this.#to)) return false;
    this.#flush(start);
    this.#nodes.push(node);
    this.#done = this.#at = end;
    // There is no link in a link, and none says another address than its own.
    if (node.kind === "link") this.#brackets = [];
    return true;
  }

  #flush(end) {
    if (end > this.#done) this.#nodes.push(leaf(this.#text, this.#done, end));
    this.#done = end;
  }

  #runLength(sign) {
    let end = this.#at + 1;
    while (end < this.#to && this.#text[end] === sign) end += 1;
    return end - this.#at;
  }

  /** Puts all nodes behind `place` into one, which replaces that at `place`. */
  #wrap(place, node) {
    const children = this.#nodes.splice(place + 1);
    this.#nodes[place] = { ...node, children };
    for (const [mark, one] of this.#begun) if (one.place >= place) this.#begun.delete(mark);
    while (this.#brackets.at(-1)?.place >= place) this.#brackets.pop();
  }

  // ── Code ────────────────────────────────────────────────────────────────
  #readCode() {
    const length = this.#runLength("`");
    const begin = this.#at + length;
    this.#runsOfTicks ??= this.#findTicks();
    const runs = this.#runsOfTicks.get(length);
    while (runs?.at(-1) < begin) runs.pop();
    const end = runs?.at(-1);
    if (end === undefined || !this.#text.slice(begin, end).trim()) {
      this.#at = begin;
      return;
    }
    this.#flush(this.#at);
    this.#nodes.push({ kind: "code", children: [leaf(this.#text, begin, end)] });
    this.#done = this.#at = end + length;
  }

  #findTicks() {
    const found = [...this.#text.slice(this.#at, this.#to).matchAll(/`+/g)].reverse();
    const runs = new Map();
    for (const { 0: run, index } of found) {
      if (!runs.has(run.length)) runs.set(run.length, []);
      runs.get(run.length).push(this.#at + index);
    }
    return runs;
  }

  // ── Named links ─────────────────────────────────────────────────────────
  #beginLink() {
    this.#flush(this.#at);
    this.#at += 1;
    this.#brackets.push({ place: this.#nodes.length, end: this.#at });
    this.#flush(this.#at);
  }

  #endLink() {
    const bracket = this.#brackets.pop();
    const label = this.#at;
    this.#at += 1;
    if (!bracket || this.#text[label + 1] !== "(" || BLANK.test(this.#text.slice(bracket.end, label).trim())) return;
    const end = this.#endOfAddress(label + 2);
    const address = this.#text.slice(label + 2, end);
    if (this.#text[end] !== ")" || end >= this.#to || !ADDRESS.test(address) || !URL.canParse(address)) return;
    this.#flush(label);
    this.#wrap(bracket.place, { kind: "link", href: new URL(address).href, isNamed: true });
    this.#brackets = [];
    this.#done = this.#at = end + 1;
  }

  /** Where the ")" stands that ends an address, or where it cannot go on. */
  #endOfAddress(begin) {
    let open = 0;
    let at = begin;
    for (; at < Math.min(this.#to, begin + ADDRESS_MAX); at += 1) {
      const sign = this.#text[at];
      if (NEVER_IN_ADDRESS.test(sign)) break;
      if (sign === "(") open += 1;
      if (sign === ")" && open-- === 0) break;
    }
    return at;
  }

  // ── Bold, italic, struck ────────────────────────────────────────────────
  #readMarks(sign) {
    const length = this.#runLength(sign);
    const begin = this.#at;
    const end = begin + length;
    this.#at = end;
    if (sign === "~" ? length !== 2 : length > 3) return;
    const before = begin > 0 ? this.#characterBefore(begin) : "";
    const after = end < this.#to ? String.fromCodePoint(this.#text.codePointAt(end)) : "";
    if (before === "\\") return;
    let at = begin;
    for (const mark of this.#toEnd(sign, length)) {
      if (!this.#mayEnd(mark, at, before, after)) continue;
      this.#flush(at);
      this.#wrap(this.#begun.get(mark).place, { kind: KINDS[mark] });
      at += mark.length;
      this.#done = at;
    }
    if (at > begin) return;
    for (const mark of length === 3 ? [sign.repeat(2), sign] : [sign.repeat(length)]) {
      if (!mayBegin(mark, before, after)) continue;
      this.#flush(at);
      at += mark.length;
      this.#begun.set(mark, { place: this.#nodes.length, end, isInWord: LETTER.test(before) });
      this.#flush(at);
    }
  }

  #characterBefore(at) {
    const isPair = /[\udc00-\udfff]/.test(this.#text[at - 1]);
    return this.#text.slice(Math.max(0, at - (isPair ? 2 : 1)), at);
  }

  /** The marks that a run may end, the one begun last first. */
  #toEnd(sign, length) {
    const marks = length === 3 ? [sign, sign.repeat(2)] : [sign.repeat(length)];
    const begun = marks.filter((mark) => this.#begun.has(mark));
    return begun.sort((one, other) => this.#begun.get(other).place - this.#begun.get(one).place);
  }

  #mayEnd(mark, at, before, after) {
    const begun = this.#begun.get(mark);
    if (!begun || BLANK.test(before) || !/[^\s*_~`]/.test(this.#text.slice(begun.end, at))) return false;
    // 原价~~100~~80元, but not: 好的~~谢谢~~
    if (mark === "~~") return begun.isInWord ? LETTER.test(after) : !SPACED_LETTER.test(after);
    if (SPACED_LETTER.test(after)) return false;
    // __init__.py, __init__()
    if (
      mark.startsWith("_") &&
      (LETTER.test(after) || /^(?:\.[a-z]|\()/.test(this.#text.slice(this.#at, this.#at + 2)))
    )
      return false;
    if (mark.length === 2) return true;
    // 长*宽*高
    return LAST.test(before) && !(begun.isInWord && LETTER.test(after)) && !SIGNS_AFTER.test(after);
  }
}

function mayBegin(mark, before, after) {
  if (BLANK.test(after) || SPACED_LETTER.test(before) || NEVER_FIRST.test(after) || /[/\\]/.test(before)) return false;
  if (mark.startsWith("_") && LETTER.test(before)) return false;
  return mark.length === 2 || (FIRST.test(after) && !SIGNS_BEFORE.test(before));
}
