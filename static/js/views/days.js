// What day it is, and in which time zone: both change under an open page.
const CHECK_MS = 10_000;

const listeners = new Set();
const zoneNow = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
let zone = zoneNow();
let offset = new Date().getTimezoneOffset();
let day = new Date().toDateString();

/** The time zone by its name, as of the last check. */
export const timeZone = () => zone;

/** Calls `listener()` when another day begins, or in another time zone. */
export function onDayChange(listener) {
  listeners.add(listener);
}

/** Whether the time zone is another one than at the last look; cheap, for every time that is written. */
export function hasZoneChanged() {
  if (new Date().getTimezoneOffset() === offset) return false;
  check();
  return true;
}

function check() {
  const before = `${zone} ${offset} ${day}`;
  zone = zoneNow();
  offset = new Date().getTimezoneOffset();
  day = new Date().toDateString();
  if (before !== `${zone} ${offset} ${day}`) queueMicrotask(() => listeners.forEach((listener) => listener()));
}

setInterval(check, CHECK_MS);
document.addEventListener("visibilitychange", check);
window.addEventListener("focus", check);
