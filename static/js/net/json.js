// JSON that every reader takes.

/** A text cut in the middle of a character gets U+FFFD there, as in every other encoding of texts. */
const wellFormed = (_, value) => (typeof value === "string" ? (value.toWellFormed?.() ?? value) : value);

export const toJson = (value) => JSON.stringify(value, wellFormed);
