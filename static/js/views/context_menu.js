// The ways to request a context menu: right click, long press, the menu key, Shift+F10.

const LONG_PRESS_MS = 500;
const MOVE_MAX_PX = 10;

/**
 * Calls `open(target, at)` with the element and the point {x, y}; from the keyboard without a
 * point. If `open` returns false, the browser's own menu opens.
 */
export function onContextMenu(element, open) {
  let press = 0;
  let origin = null;
  // A long press that was handled is followed by the browser's own event on some phones, and by a
  // click on others.
  let isHandled = false;

  element.addEventListener("contextmenu", (event) => {
    clearTimeout(press);
    if (isHandled || open(event.target, { x: event.clientX, y: event.clientY }) !== false) event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    const isRequest = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    if (isRequest && open(event.target) !== false) event.preventDefault();
  });
  // iOS has no contextmenu event for a long press.
  element.addEventListener(
    "touchstart",
    (event) => {
      const { clientX: x, clientY: y } = event.touches[0];
      clearTimeout(press);
      origin = { x, y };
      isHandled = false;
      press = setTimeout(() => {
        isHandled = open(event.target, origin) !== false;
      }, LONG_PRESS_MS);
    },
    { passive: true },
  );
  element.addEventListener(
    "touchmove",
    (event) => {
      const { clientX: x, clientY: y } = event.touches[0];
      if (Math.hypot(x - origin.x, y - origin.y) > MOVE_MAX_PX) clearTimeout(press);
    },
    { passive: true },
  );
  element.addEventListener("touchend", (event) => {
    clearTimeout(press);
    if (isHandled && event.cancelable) event.preventDefault();
  });
  element.addEventListener("touchcancel", () => clearTimeout(press), { passive: true });
}
