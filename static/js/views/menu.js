// A menu at a button or at the pointer, with arrows, Home, End, first letters, Enter and Esc;
// closing restores the focus. ← and → go along a line of choices.
import { fold } from "chat/text.js";
import { h, icon, inPlaceOf } from "chat/views/dom.js";
import { openLayer } from "chat/views/layers.js";

let open = null;

export function closeMenu() {
  open?.close();
}

/**
 * `items`: {label, icon, run, danger, checked}, "-" for a separator, {heading}, or {heading, choices}: items side by
 * side, which show their `face` or icon instead of their label; falsy ones are left out. `at` is a box or a point
 * {x, y}. The focus returns to `anchor`.
 */
export function openMenu(anchor, items, at = anchor.getBoundingClientRect()) {
  const wasHere = open?.anchor === anchor;
  closeMenu();
  if (wasHere) return;
  const runs = [];
  const menu = h(
    "div",
    { class: "menu", role: "menu", popover: "manual" },
    items.filter(Boolean).map((item) => entry(item, runs)),
  );
  // Everything outside an open modal dialog is inert, so the menu goes inside.
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, at);
  anchor.setAttribute("aria-expanded", "true");

  const controller = new AbortController();
  const { signal } = controller;
  const close = () => {
    if (open?.menu !== menu) return;
    open = null;
    leaveLayer();
    controller.abort();
    const hadFocus = menu.contains(document.activeElement);
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    if (hadFocus) inPlaceOf(anchor)?.focus();
  };
  open = { menu, anchor, close };
  const leaveLayer = openLayer(close);
  const buttons = [...menu.querySelectorAll("button")];
  // A line of choices stands above what is done most.
  (menu.querySelector(":scope > button") ?? buttons[0])?.focus();
  menu.addEventListener("keydown", (event) => {
    const here = buttons.indexOf(document.activeElement);
    const to =
      { Home: 0, End: buttons.length - 1, ...arrows(buttons, here) }[event.key] ?? beginsWith(event, buttons, here);
    if (to !== undefined) buttons.at(to % buttons.length).focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  menu.addEventListener("click", (event) => {
    const run = runs[event.target.closest("button")?.dataset.index];
    if (!run) return;
    close();
    run();
  });
  menu.addEventListener("contextmenu", (event) => event.preventDefault());
  document.addEventListener(
    "pointerdown",
    (event) => {
      if (!menu.contains(event.target) && !anchor.contains(event.target)) close();
    },
    { signal, capture: true },
  );
  window.addEventListener("resize", close, { signal });
  window.addEventListener("blur", close, { signal });
}

/** The index of the next entry that begins with the pressed letter. */
function beginsWith({ key, ctrlKey, metaKey, altKey }, buttons, here) {
  if ([...key].length > 1 || key === " " || ctrlKey || metaKey || altKey) return undefined;
  const begins = (button) => fold(button.textContent).startsWith(fold(key));
  const steps = buttons.findIndex((_, step) => begins(buttons[(here + 1 + step) % buttons.length]));
  return steps === -1 ? undefined : here + 1 + steps;
}

/** Where the arrows lead from an entry: ↑ and ↓ to the next line, ← and → within a line of choices. */
function arrows(buttons, here) {
  const line = buttons[here]?.closest(".menu-line");
  if (!line) {
    const above = buttons[here - 1]?.closest(".menu-line");
    return { ArrowDown: here + 1, ArrowUp: above ? buttons.findIndex((one) => above.contains(one)) : here - 1 };
  }
  const first = buttons.findIndex((button) => line.contains(button));
  const last = buttons.findLastIndex((button) => line.contains(button));
  const [back, on] = document.dir === "rtl" ? ["ArrowRight", "ArrowLeft"] : ["ArrowLeft", "ArrowRight"];
  return {
    ArrowDown: last + 1,
    ArrowUp: first - 1,
    [on]: here === last ? first : here + 1,
    [back]: here === first ? last : here - 1,
  };
}

/** The element of an item; what its buttons do is appended to `runs`. */
function entry(item, runs) {
  if (item === "-") return h("hr");
  if (item.choices)
    return h(
      "div",
      { class: "menu-line", role: "group", "aria-label": item.heading },
      item.choices.map((one) => entry({ isCompact: true, ...one }, runs)),
    );
  if (item.heading) return h("p", { class: "menu-label" }, item.heading);
  const isChoice = item.checked !== undefined;
  const role = !isChoice ? "menuitem" : item.isCompact ? "menuitemcheckbox" : "menuitemradio";
  const index = runs.push(item.run) - 1;
  return h(
    "button",
    {
      type: "button",
      role,
      "aria-label": item.isCompact && item.label,
      title: item.isCompact && item.label,
      "aria-checked": isChoice ? String(item.checked) : null,
      class: item.danger && "danger",
      "data-index": String(index),
      lang: item.lang,
      tabindex: "-1",
    },
    item.icon && icon(item.icon),
    item.isCompact ? item.face : item.label,
  );
}

/**
 * Places a floating box inside the window: at a point {x, y}, or below its anchor's box, or above
 * it without room below.
 */
export function place(box, { left = 0, right, top, bottom, x, y }) {
  const margin = 8;
  const { offsetWidth: width, offsetHeight: height } = box;
  // A DOMRect has x and y, too.
  const isPoint = bottom === undefined;
  const isTurned = document.dir === "rtl" || left + width + margin > innerWidth;
  const start = isPoint ? x : isTurned ? right - width : left;
  const below = isPoint ? y : bottom + 4;
  const above = isPoint ? y - height : top - height - 4;
  box.style.left = `${Math.max(margin, Math.min(start, innerWidth - width - margin))}px`;
  box.style.top = `${below + height + margin > innerHeight ? Math.max(margin, above) : below}px`;
}
