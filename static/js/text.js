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
