// The progress of an upload, as a ring around the button that cancels it; and that the server prepares it.
import { gettext } from "chat/i18n.js";
import { h, icon, svg } from "chat/views/dom.js";

const RADIUS = 20;
const CIRCUMFERENCE = 2 * Math.PI * RADIUS;

export function progress(part = 0) {
  const ring = svg(
    "svg",
    { viewBox: "0 0 44 44", "aria-hidden": "true" },
    svg("circle", { cx: "22", cy: "22", r: String(RADIUS) }),
    svg("circle", { cx: "22", cy: "22", r: String(RADIUS), class: "done" }),
  );
  const element = h(
    "span",
    { class: "progress" },
    // Beside the button, not around it: screen readers ignore what is inside a progress bar.
    h(
      "span",
      { role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": gettext("Sending") },
      ring,
    ),
    h(
      "button",
      {
        type: "button",
        "data-act": "discard",
        "aria-label": gettext("Cancel sending"),
        title: gettext("Cancel sending"),
      },
      icon("x"),
    ),
    h("span", { class: "progress-note", hidden: true }, gettext("Being prepared…")),
  );
  setProgress(element, part);
  return element;
}

export function setProgress(element, part = 0) {
  const bar = element.firstChild;
  const isPreparing = part >= 1;
  element.classList.toggle("preparing", isPreparing);
  element.lastChild.hidden = !isPreparing;
  bar.setAttribute("aria-label", isPreparing ? gettext("Being prepared…") : gettext("Sending"));
  // Nobody knows how far that is.
  if (isPreparing) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(Math.round(part * 100)));
  // Never quite empty, so that it is visible.
  element.querySelector(".done").style.strokeDasharray = `${Math.max(0.04, part) * CIRCUMFERENCE} ${CIRCUMFERENCE}`;
}
