// Settings: what notifies me, on all devices: levels, keywords, quiet hours, and a pause.
import { gettext } from "chat/i18n.js";
import { timeZone } from "chat/views/days.js";
import { h, replaceIfChanged } from "chat/views/dom.js";
import { field, showFieldErrors, statusLine } from "chat/views/form_field.js";
import { weekday } from "chat/views/format.js";
import { LEVELS, pausedLine, PAUSES } from "chat/views/levels.js";
import { choice } from "chat/views/settings/appearance.js";

const WEEK = [1, 2, 3, 4, 5, 6, 7];
const FIRST_HOURS = { from: "22:00", until: "07:00", days: WEEK, mentions: false };

/** An element; it fills itself when the server has answered. */
export function notifyingSettings({ store, actions, signal }) {
  const status = statusLine();
  const pause = h("div", { class: "pause-setting", role: "group", "aria-label": gettext("Pause notifications") });
  const parts = h("div", { class: "settings-parts" });
  const element = h(
    "div",
    { class: "notifying-settings settings-parts" },
    h("h4", {}, gettext("On all of my devices")),
    pause,
    parts,
    status.element,
  );
  let shown = null;

  async function save(change) {
    status.show("");
    try {
      shown = await actions.notifications.changePreferences(change);
      status.show(gettext("Saved."));
      return null;
    } catch (problem) {
      status.show(problem.message, { isError: true });
      return problem;
    }
  }

  function showPause() {
    const { silentUntil } = store.notifying;
    replaceIfChanged(pause, String(silentUntil), () => {
      const button = (label, silentFor) =>
        h(
          "button",
          { type: "button", class: "button small", on: { click: () => save({ silentFor: silentFor() }) } },
          label,
        );
      if (!silentUntil)
        return [
          h("strong", {}, gettext("Pause notifications")),
          h(
            "div",
            { class: "settings-end" },
            PAUSES.map(({ label, seconds }) => button(label, seconds)),
          ),
        ];
      return [
        h("strong", { role: "status" }, pausedLine(silentUntil)),
        h(
          "div",
          { class: "settings-end" },
          button(gettext("Notify me again"), () => null),
        ),
      ];
    });
  }

  function show() {
    const levels = (label, name, key) =>
      choice(
        label,
        name,
        LEVELS.map(({ level, label: word }) => ({ value: level, label: word, isChosen: shown[key] === level })),
        async (level) => {
          if (await save({ [key]: level })) show();
        },
      );
    parts.replaceChildren(
      levels(gettext("Private conversations"), "private-level", "privateLevel"),
      levels(gettext("Groups"), "group-level", "groupLevel"),
      keywords(),
      quietHours(),
    );
  }

  function keywords() {
    const words = field(gettext("Keywords"), {
      hint: gettext("Separated by commas. A message that has one notifies you as a mention does."),
      value: shown.keywords.join(", "),
      autocomplete: "off",
      dir: "auto",
      class: "input keywords",
    });
    words.input.addEventListener("change", async () => {
      const said = words.input.value.split(/[,，、;；\n]/u).map((word) => word.trim());
      const problem = await save({ keywords: said.filter(Boolean) });
      if (problem) showFieldErrors(problem, { keywords: words });
      else words.input.value = shown.keywords.join(", ");
    });
    return words.element;
  }

  function quietHours() {
    const hours = shown.quietHours;
    const isOn = h("input", { type: "checkbox", role: "switch", class: "quiet-on", checked: Boolean(hours) });
    const box = h("div", { class: "quiet-hours", hidden: !hours });
    isOn.addEventListener("change", async () => {
      const problem = await save({ quietHours: isOn.checked ? { ...FIRST_HOURS, timeZone: timeZone() } : null });
      if (problem) isOn.checked = !isOn.checked;
      else {
        box.hidden = !shown.quietHours;
        if (shown.quietHours) fill();
      }
    });

    function fill() {
      const now = shown.quietHours;
      const from = field(gettext("From"), { type: "time", required: true, value: now.from });
      const until = field(gettext("Until"), { type: "time", required: true, value: now.until });
      const zone = field(gettext("By the clocks of"), {
        value: now.timeZone,
        list: "time-zones",
        autocomplete: "off",
        dir: "ltr",
      });
      const zones = h(
        "datalist",
        { id: "time-zones" },
        [...new Set([timeZone(), ...(Intl.supportedValuesOf?.("timeZone") ?? [])])].map((name) =>
          h("option", { value: name }),
        ),
      );
      const days = WEEK.map((day) =>
        h(
          "label",
          {},
          h("input", { type: "checkbox", value: String(day), checked: now.days.includes(day) }),
          h("bdi", {}, weekday(day)),
        ),
      );
      const mentions = h("input", { type: "checkbox", role: "switch", class: "quiet-mentions", checked: now.mentions });
      const chosenDays = () =>
        days
          .map((one) => one.querySelector("input"))
          .filter((one) => one.checked)
          .map((one) => Number(one.value));
      box.replaceChildren(
        h("div", { class: "quiet-times" }, from.element, until.element),
        h(
          "fieldset",
          { class: "choice quiet-days" },
          h("legend", {}, gettext("On these days")),
          h("div", { class: "choices" }, days),
        ),
        zone.element,
        zones,
        h(
          "label",
          { class: "switch" },
          mentions,
          h("span", {}, gettext("Mentions and keywords notify me nevertheless")),
        ),
      );
      box.onchange = async () => {
        if (!from.input.value || !until.input.value || !chosenDays().length) return;
        const problem = await save({
          quietHours: {
            from: from.input.value,
            until: until.input.value,
            days: chosenDays(),
            timeZone: zone.input.value.trim(),
            mentions: mentions.checked,
          },
        });
        if (problem) zone.showError(problem.errors?.quietHours?.join(" ") ?? problem.message);
        else zone.clearError();
      };
    }
    if (hours) fill();
    return h(
      "div",
      { class: "quiet-setting" },
      h(
        "label",
        { class: "switch" },
        isOn,
        h(
          "span",
          {},
          gettext("Quiet hours"),
          h("small", {}, gettext("No notification and no sound in these hours. What comes is counted as always.")),
        ),
      ),
      box,
    );
  }

  const stop = store.on("notifying", showPause);
  signal.addEventListener("abort", stop, { once: true });
  showPause();
  actions.notifications.preferences().then(
    (found) => {
      shown = found;
      show();
    },
    (problem) => status.show(problem.message, { isError: true }),
  );
  return element;
}
