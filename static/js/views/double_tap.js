// Two taps of a finger on the same place.
const PAUSE_MS = 300;
const MOVE_MAX_PX = 24;
/** What does something by one tap. */
const ALIVE = "a, button, input, textarea, [role='slider']";

/** Calls `run(target)` for two taps, by the finger's own time, on what does nothing by one. The mouse has other ways. */
export function onDoubleTap(element, run) {
  let last = null;
  element.addEventListener("pointerup", ({ pointerType, isPrimary, target, clientX: x, clientY: y, timeStamp: at }) => {
    const before = last;
    last = null;
    if (pointerType !== "touch" || !isPrimary || target.closest(ALIVE) || !target.closest(".bubble")) return;
    if (before && at - before.at < PAUSE_MS && Math.hypot(x - before.x, y - before.y) < MOVE_MAX_PX) run(target);
    else last = { at, x, y };
  });
}
