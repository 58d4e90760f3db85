// The settings dialog. A new section is a module in settings/ and a line in SECTIONS: {name, label,
// icon, build(context)}. `build` returns an element; its context is {store, actions, close,
// signal}, and `signal` is aborted when the section is left.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, iconButton, toast } from "chat/views/dom.js";
import { openLayer } from "chat/views/layers.js";
import { appearance } from "chat/views/settings/appearance.js";
import { devices } from "chat/views/settings/devices.js";
import { groups } from "chat/views/settings/groups.js";
import { notifications } from "chat/views/settings/notifications.js";
import { password } from "chat/views/settings/password.js";
import { presence } from "chat/views/settings/presence.js";
import { profile } from "chat/views/settings/profile.js";

const SECTIONS = [profile, password, appearance, notifications, presence, groups, devices];
const NARROW = "(width < 48rem)";

export function openSettings({ store, actions }) {
  let leave = new AbortController();
  let leaveLayer = () => {};
  const title = gettext("Settings");
  const back = iconButton("arrow-left", gettext("Back"), () => show(null), { class: "back" });
  const content = h("section", { class: "settings-content", tabindex: "-1" });
  const buttons = new Map(
    SECTIONS.map((section) => [
      section.name,
      h(
        "button",
        { type: "button", on: { click: () => show(section) } },
        icon(section.icon),
        h("span", {}, section.label),
        icon("chevron-right"),
      ),
    ]),
  );
  const sections = h("nav", { class: "settings-sections", "aria-label": title, on: { keydown: moveFocus } }, [
    ...buttons.values(),
  ]);
  const { dialog, heading, close } = openDialog(title, {
    kind: "settings",
    content: [sections, content],
    onClose: () => {
      leaveLayer();
      leave.abort();
    },
  });
  heading.before(back);

  /** A narrow page shows the sections or one of them, a wide page both. */
  function show(section) {
    leave.abort();
    leave = new AbortController();
    leaveLayer();
    dialog.dataset.pane = section ? "section" : "sections";
    const isNarrow = matchMedia(NARROW).matches;
    heading.textContent = section && isNarrow ? section.label : title;
    // Back leads from a section to the sections.
    if (section && isNarrow) leaveLayer = openLayer(() => show(null));
    const before = sections.querySelector("[aria-current]");
    before?.removeAttribute("aria-current");
    if (!section) {
      content.replaceChildren();
      before?.focus();
      return;
    }
    buttons.get(section.name).setAttribute("aria-current", "true");
    content.setAttribute("aria-label", section.label);
    content.replaceChildren(h("h3", {}, section.label), section.build({ store, actions, close, signal: leave.signal }));
    content.scrollTop = 0;
    if (isNarrow) content.focus({ preventScroll: true });
  }

  function moveFocus(event) {
    const all = [...buttons.values()];
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!to) return;
    event.preventDefault();
    all.at((all.indexOf(document.activeElement) + to) % all.length).focus();
  }

  dialog.dataset.pane = "sections";
  buttons.get(SECTIONS[0].name).focus();
  // The page's boot data lacks what only the user may see, such as invisibility.
  actions.account
    .load()
    .catch((problem) => toast(problem.message))
    .then(
      () =>
        dialog.isConnected && !matchMedia(NARROW).matches && dialog.dataset.pane === "sections" && show(SECTIONS[0]),
    );
}
