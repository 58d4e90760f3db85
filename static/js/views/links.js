// Finds web addresses in texts. Everything stays text; no markup is ever parsed.
const ADDRESS = /\bhttps?:\/\/[^\s<>"'，。；：！？、（）《》「」【】]+/giu;
const TAIL = /[.,;:!?)\]}'"]+$/;

/** Yields the parts of a text in order: {text} or {text, href}. */
export function* splitLinks(text) {
  let done = 0;
  for (const found of text.matchAll(ADDRESS)) {
    let address = found[0];
    const tail = TAIL.exec(address)?.[0] ?? "";
    // A closing bracket belongs to the address if the address has an opening one.
    if (tail && !(tail.startsWith(")") && address.includes("("))) address = address.slice(0, -tail.length);
    const href = URL.canParse(address) ? new URL(address).href : null;
    if (!href) continue;
    if (found.index > done) yield { text: text.slice(done, found.index) };
    yield { text: address, href };
    done = found.index + address.length;
  }
  if (done < text.length) yield { text: text.slice(done) };
}
