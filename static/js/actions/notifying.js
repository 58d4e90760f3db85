// Whether a message notifies me: the rule of accounts/notifying.py, of what the server has told. `isCalled`: it mentions
// me, or has a keyword of mine.

export const notifies = ({ hears, muted }, isCalled) =>
  (hears === "all" && !muted) || (isCalled && hears !== "nothing");

/** `times` are those in which nothing notifies, {from, until, mentions}; `now` in milliseconds since 1970. */
export const isQuiet = (times, isCalled, now) =>
  times.some(
    ({ from, until, mentions }) => Date.parse(from) <= now && now < Date.parse(until) && !(isCalled && mentions),
  );
