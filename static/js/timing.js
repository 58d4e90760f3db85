// When work runs: once after a burst, or once a frame. And what time it is.
const HIDDEN_PAGE_DELAY_MS = 250;

/** What the server's clock said last, and this page's own clock, which nobody sets, at that moment. */
let told = null;

/** The server greeted or answered a heartbeat. */
export function setServerTime(iso) {
  const time = Date.parse(iso);
  if (!Number.isNaN(time)) told = { time, at: performance.now() };
}

/**
 * Milliseconds since 1970 by the server's clock; by this device's own until the server has told.
 * The device's clock may be wrong, and set while the page is open.
 */
export const serverNow = () => (told ? told.time + performance.now() - told.at : Date.now());

/**
 * Returns a function that calls `work` with its last arguments when it has not been called for
 * `milliseconds`.
 */
export function debounce(work, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), milliseconds);
  };
}

/**
 * Returns a function that runs `work` once in the next frame, however often it is called. A hidden
 * page has no frames; there it runs after HIDDEN_PAGE_DELAY_MS.
 */
export function oncePerFrame(work) {
  let frame = 0;
  let timer = 0;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    work();
  };
  return () => {
    if (timer) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, HIDDEN_PAGE_DELAY_MS);
  };
}
