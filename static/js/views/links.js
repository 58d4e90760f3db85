// Finds web and e-mail addresses in texts.
//
// Where an address ends follows Unicode's report on link detection (UTS #58): some characters never
// belong to it, some only if it goes on after them, and brackets only in pairs. Beyond the report:
// punctuation of scripts that write without spaces always ends an address, and so do their letters
// directly after an ASCII letter or digit.

/** Letters of scripts whose words are not divided by spaces, or which add their endings to names. */
export const UNSPACED = String.raw`[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]&&[\p{L}\p{M}\p{N}]]`;
const SPACED = String.raw`[[\p{L}\p{M}\p{N}\u200c\u200d]--${UNSPACED}]`;

/** What begins an address, and the "@" of one. No letter or digit of ASCII stands before a beginning. */
const BEGINNING = /(?<![a-z0-9+.@\-])(?:https?:\/\/|mailto:|www\.)|@/giv;
/** What never belongs to an address, written as it is. */
const HARD =
  /^[\p{White_Space}\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Bidi_Control}\u200b\u2060\ufeff\ufffc\ufffd<>"`\\[[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Pd}\p{Terminal_Punctuation}\p{Sentence_Terminal}\p{Quotation_Mark}…‥⋯〜～｜＆＃＠＊％＋＝]--[\p{ASCII}‐‑־’]]]$/v;
/** What belongs to an address only if it goes on. */
const SOFT = /^[.,;:!?'’]$/v;
const CLOSING = new Map(["()", "[]", "{}"].map(([open, close]) => [close, open]));
const OPENING = new Set(CLOSING.values());
/** What a writer puts around an address, by what stands before it. */
const AROUND = new Map(["''", "‘’", "**", "__", "~~", "||"].map(([start, end]) => [start, end]));

const LABEL = String.raw`(?:${SPACED}|_)(?:[${SPACED}_\-]*(?:${SPACED}|_))?`;
const MIXED = String.raw`(?:[\p{L}\p{M}\p{N}_\u200c\u200d]|-(?=[\p{L}\p{M}\p{N}_\-]))+`;
// A label that begins in ASCII and goes on in another script is whole only if another one follows.
const DOMAIN = String.raw`(?:${MIXED}\.(?=[\p{L}\p{N}]))*(?:${LABEL}|${UNSPACED}(?:[\p{L}\p{M}\p{N}]|-(?=[\p{L}\p{M}\p{N}\-]))*)`;
const HOST = new RegExp(String.raw`(?:\[[0-9a-f:.]+\]|${DOMAIN})`, "iyv");
const PORT = /:\d{1,5}(?!\d)/y;
const USER = /[^\s\/?#@\p{Quotation_Mark}<>\\]{1,64}@/vy;
/** The part of an e-mail address before its "@", found from its end. */
const MAILBOX = new RegExp(
  String.raw`(?:${SPACED}|_)(?:(?:${SPACED}|[!#$%&'*+=?^_\{\|\}~\-]|\.(?!\.))*(?:${SPACED}|[_+=~\-]))?$`,
  "v",
);
const MAILBOX_MAX = 64;
const UNSPACED_LETTER = new RegExp(`^${UNSPACED}`, "v");
const PROSE = new RegExp(String.raw`^(?:${UNSPACED}|\p{Extended_Pictographic})`, "v");
const GOES_ON = new RegExp(SPACED, "v");

/** Yields the parts of a text in order: {text} or {text, href}. */
export function* splitLinks(text) {
  let done = 0;
  for (const { 0: beginning, index } of text.matchAll(BEGINNING)) {
    if (index < done) continue;
    const found = beginning === "@" ? mailAt(text, index, done) : addressAt(text, index, beginning.toLowerCase());
    if (!found) continue;
    if (found.start > done) yield { text: text.slice(done, found.start) };
    yield { text: text.slice(found.start, found.end), href: found.href };
    done = found.end;
  }
  if (done < text.length) yield { text: text.slice(done) };
}

function addressAt(text, start, beginning) {
  if (beginning === "mailto:") {
    const at = text.indexOf("@", start);
    const found = at > 0 && at - start <= MAILBOX_MAX + beginning.length && mailAt(text, at, start + beginning.length);
    return found && found.start === start + beginning.length ? { start, end: found.end, href: found.href } : null;
  }
  const isBare = beginning === "www.";
  let end = isBare ? start : start + beginning.length;
  if (!isBare) end = after(USER, text, end) ?? end;
  const host = after(HOST, text, end);
  if (host === undefined || (isBare && !/^www\.[^.]+\../iv.test(text.slice(start, host)))) return null;
  end = after(PORT, text, host) ?? host;
  if (/[/?#]/.test(text[end] ?? "")) end = endOfPath(text, end, text.slice(0, start).at(-1));
  const address = text.slice(start, end);
  const href = parsed(isBare ? `https://${address}` : address);
  return href && { start, end, href };
}

function mailAt(text, at, from) {
  const before = MAILBOX.exec(text.slice(Math.max(from, at - MAILBOX_MAX), at));
  const end = before ? after(HOST, text, at + 1) : undefined;
  // Names of computers without a dot are no addresses: "name@home" is said of other things, too.
  if (end === undefined || !/\.[^.\d][^.]+$/v.test(text.slice(at + 1, end))) return null;
  const start = at - before[0].length;
  if (/[@/]/.test(text[start - 1] ?? "")) return null;
  const href = parsed(`mailto:${text.slice(start, end)}`);
  return href && { start, end, href };
}

/** Where the address ends whose path, query or fragment begins at `at`; `before` stands before it. */
function endOfPath(text, at, before) {
  const around = AROUND.get(before);
  const open = [];
  let safe = at;
  let previous = "";
  for (let next; at < text.length; at += next.length, previous = next) {
    next = String.fromCodePoint(text.codePointAt(at));
    if (HARD.test(next)) break;
    if (OPENING.has(next)) open.push({ bracket: next, at });
    else if (CLOSING.has(next)) {
      if (open.pop()?.bracket !== CLOSING.get(next)) break;
      safe = at + next.length;
    } else if (next === around || SOFT.test(next)) {
      if (next === around && !GOES_ON.test(text[at + 1] ?? "")) break;
      if (/^https?:\/\//i.test(text.slice(at + 1, at + 9))) break;
      if (/['’]/.test(next) && UNSPACED_LETTER.test(text.slice(at + 1, at + 3))) break;
    } else if (/[0-9a-z]/i.test(previous) && beginsProse(text, at)) break;
    else safe = at + next.length;
  }
  // A bracket that is never closed belongs to the sentence.
  return open.length ? Math.min(safe, open[0].at) : safe;
}

/** Whether an address in ASCII ends here because a text in another script follows, and nothing of
 * an address after it. */
function beginsProse(text, at) {
  if (!PROSE.test(text.slice(at, at + 2))) return false;
  const rest =
    /^(?:[\p{L}\p{M}\p{N}\p{Emoji_Presentation}]|\u200d|\ufe0f)*(?<sign>[\/=&%#_\-]|\.[a-z]|\?[a-z])?/iv.exec(
      text.slice(at, at + 64),
    );
  return !rest.groups.sign;
}

function after(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

const parsed = (address) => (URL.canParse(address) ? new URL(address).href : null);
