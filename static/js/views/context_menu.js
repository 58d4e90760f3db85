// How one asks for the menu of a thing: right click, long press, the keyboard's own key or Shift+F10.

const LONG_PRESS = 500;
const SLIP = 10;

/**
 * Calls `offer(target, at)` with what was asked about and where; from the keyboard without a place. What `offer` declines
 * by answering false is the browser's.
 */
export function onMenuAsked(element, offer) {
  let press = 0;
  let start = null;
  // A long press that was answered is followed by the browser's own event on some phones, and by a click on others.
  let isAnswered = false;

  element.addEventListener("contextmenu", (event) => {
    clearTimeout(press);
    if (isAnswered || offer(event.target, { x: event.clientX, y: event.clientY }) !== false) event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    const isAsked = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    if (isAsked && offer(event.target) !== false) event.preventDefault();
  });
  // iOS has no contextmenu event for a long press.
  element.addEventListener("touchstart", (event) => {
    const { clientX: x, clientY: y } = event.touches[0];
    clearTimeout(press);
    start = { x, y };
    isAnswered = false;
    press = setTimeout(() => { isAnswered = offer(event.target, start) !== false; }, LONG_PRESS);
  }, { passive: true });
  element.addEventListener("touchmove", (event) => {
    const { clientX: x, clientY: y } = event.touches[0];
    if (Math.hypot(x - start.x, y - start.y) > SLIP) clearTimeout(press);
  }, { passive: true });
  element.addEventListener("touchend", (event) => {
    clearTimeout(press);
    if (isAnswered && event.cancelable) event.preventDefault();
  });
  element.addEventListener("touchcancel", () => clearTimeout(press), { passive: true });
}
