// Texts as their readers see them: where one may be cut, and when two say the same.
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** What a reader sees as the characters of a text: families of emoji, letters with their marks. */
export const graphemes = (text) => Array.from(segmenter.segment(text), ({ segment }) => segment);

/** The beginning of a text, of at most `most` code units, which ends between two graphemes. */
export function cut(text, most) {
  if (text.length <= most) return text;
  const { index } = segmenter.segment(text).containing(most);
  // One character that fills all the room is not writing.
  return text.slice(0, index || most);
}

// Case folding beyond lower case: ß is ss, the ς at the end of a word is σ, İ and ı are i.
const lower = (text) => text.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").replaceAll("ı", "i");

/**
 * A text for comparison: equal for what differs only in case, width, normal form, invisible
 * characters, and in the kind and number of blanks. `chatproject/core/text.py` folds alike.
 */
export const fold = (text) =>
  lower(text.normalize("NFKC"))
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}+|(?<=i)\u0307/gu, "")
    .normalize("NFKC")
    .replace(/[\s\u0085]+/g, " ")
    .trim();

/** Where a text says the same as `wanted`: its graphemes before, there, and after; or null. */
export function findIn(text, wanted) {
  const query = fold(wanted);
  if (!query || !fold(text).includes(query)) return null;
  const written = graphemes(text);
  let folded = "";
  // For each grapheme, where its folding begins.
  const begins = written.map((one) => {
    const begin = folded.length;
    const more = fold(one) || (/\s/.test(one) && !folded.endsWith(" ") ? " " : "");
    folded += more;
    return begin;
  });
  const at = folded.indexOf(query);
  if (at < 0) return null;
  const first = begins.findLastIndex((begin) => begin <= at);
  const end = begins.findIndex((begin) => begin >= at + query.length);
  const last = end < 0 ? written.length : end;
  return { before: written.slice(0, first), hit: written.slice(first, last), after: written.slice(last) };
}
