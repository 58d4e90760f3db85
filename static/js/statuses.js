// What people say of themselves beside their names: {emoji, text, until}, which ends by itself.
import { serverNow } from "chat/timing.js";

/** A longer time than a timer takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The status, or null if it is over. */
export const livingStatus = (status, now = serverNow()) =>
  status && (!status.until || Date.parse(status.until) > now) ? status : null;

/** Calls `onEnd()` when one of the statuses that were given to `watch` is over. */
export class StatusEnds {
  #onEnd;
  #timer = 0;
  #next = Infinity;

  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  watch(status) {
    const end = status?.until ? Date.parse(status.until) : Infinity;
    if (end >= this.#next || end <= serverNow()) return;
    this.#next = end;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), Math.min(end - serverNow(), TIMER_MAX_MS));
  }

  #end() {
    this.#next = Infinity;
    this.#onEnd();
  }
}
