// Colours code blocks. What their parts are, the server says; each block is asked for once.

/** Blocks whose parts are known, or asked for: those of a page, not of all that one scrolls through. */
const KNOWN_MAX = 200;

const known = new Map();
let last = Promise.resolve();

/** Colours a `code` element. `ask(code, language)` resolves with a letter for each code unit. */
export async function highlight(element, ask) {
  const code = element.textContent;
  const { language } = element.dataset;
  const key = `${language} ${code}`;
  // One after the other: the server reads one block of a person at a time.
  if (!known.has(key)) known.set(key, (last = last.then(() => ask(code, language)).catch(() => forget(key))));
  if (known.size > KNOWN_MAX) known.delete(known.keys().next().value);
  const kinds = await known.get(key);
  if (kinds) color(element, kinds);
}

/** Without an answer the block is as it was, and the next time it is drawn it is asked for again. */
function forget(key) {
  known.delete(key);
  return "";
}

function color(element, kinds) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  let begin = 0;
  for (const text of texts) {
    const end = begin + text.length;
    text.replaceWith(...colored(text.data, kinds.slice(begin, end)));
    begin = end;
  }
}

function colored(text, kinds) {
  let at = 0;
  return [...kinds.padEnd(text.length).matchAll(/(.)\1*/g)].map(([run, kind]) => {
    const part = text.slice(at, (at += run.length));
    if (!/[a-z]/.test(kind)) return part;
    const span = document.createElement("span");
    span.className = `code-${kind}`;
    span.append(part);
    return span;
  });
}
