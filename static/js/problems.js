// What failures have in common, by the codes of docs/api.md.
const TRANSIENT_CODES = new Set(["offline", "rate_limited", "slow_mode", "busy"]);

/** Whether a failure passes by itself: what was asked for may be asked again. All others are final. */
export const isTransient = ({ code }) => TRANSIENT_CODES.has(code);
