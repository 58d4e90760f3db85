// The dialog for what I say beside my name: an emoji, a short text, and when it ends.
import { gettext } from "chat/i18n.js";
import { serverNow } from "chat/timing.js";
import { openDialog } from "chat/views/dialog.js";
import { h, statusWords } from "chat/views/dom.js";
import { field, showFieldErrors } from "chat/views/form_field.js";

const TEXT_MAX = 60;
const MINUTE_SECONDS = 60;

/** Midnight at the end of a day here, `ahead` days from today. */
function endOfDay(ahead = 0) {
  const now = new Date(serverNow());
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead + 1);
}

const secondsUntil = (moment) => Math.max(MINUTE_SECONDS, Math.round((moment - serverNow()) / 1000));

/** null: it does not end. */
const ENDS = {
  never: [gettext("Until I change it"), () => null],
  halfHour: [gettext("For 30 minutes"), () => 30 * MINUTE_SECONDS],
  hour: [gettext("For an hour"), () => 60 * MINUTE_SECONDS],
  today: [gettext("Today"), () => secondsUntil(endOfDay())],
  date: [gettext("Until the end of a day…"), (day) => secondsUntil(new Date(`${day}T24:00`))],
};

const SUGGESTIONS = [
  { emoji: "📅", text: gettext("In a meeting"), end: "hour" },
  { emoji: "🎯", text: gettext("Concentrating"), end: "halfHour" },
  { emoji: "🏠", text: gettext("At home today"), end: "today" },
  { emoji: "🤒", text: gettext("Ill"), end: "today" },
  { emoji: "🏖️", text: gettext("On holiday"), end: "date" },
];

export function openStatusDialog({ store, actions }) {
  const known = store.statusOf(store.me.id) ?? { emoji: "", text: "" };
  const emoji = field(gettext("Emoji"), {
    value: known.emoji,
    maxlength: "32",
    autocomplete: "off",
    class: "input status-face",
  });
  const text = field(gettext("What you are doing"), {
    value: known.text,
    maxlength: String(TEXT_MAX),
    autocomplete: "off",
    dir: "auto",
    name: "status",
  });
  const day = field(gettext("Last day"), {
    type: "date",
    min: isoDay(new Date(serverNow())),
    value: isoDay(endOfDay()),
  });
  const end = h(
    "select",
    { class: "input", id: "status-end", on: { change: () => choose(end.value) } },
    Object.entries(ENDS).map(([name, [label]]) => h("option", { value: name }, label)),
  );
  const suggestions = h(
    "div",
    { class: "status-suggestions", role: "group", "aria-label": gettext("Suggestions") },
    SUGGESTIONS.map((one) =>
      h(
        "button",
        {
          type: "button",
          class: "button small",
          on: {
            click: () => {
              emoji.input.value = one.emoji;
              text.input.value = one.text;
              choose(one.end);
            },
          },
        },
        statusWords(one),
      ),
    ),
  );
  const form = h(
    "form",
    { class: "status-form", id: "status-form", on: { submit: save } },
    h("div", { class: "status-words" }, emoji.element, text.element),
    suggestions,
    h("div", { class: "field" }, h("label", { for: "status-end" }, gettext("It ends")), end),
    day.element,
  );
  const isSet = store.statusOf(store.me.id) !== null;
  const buttons = [
    isSet && h("button", { type: "button", class: "button quiet", on: { click: clear } }, gettext("Clear the status")),
    h("button", { type: "submit", form: "status-form", class: "button primary" }, gettext("Save")),
  ].filter(Boolean);
  const { close } = openDialog(gettext("Your status"), { kind: "status-dialog", content: [form], buttons });

  function choose(name) {
    end.value = name;
    day.element.hidden = name !== "date";
  }

  async function save(event) {
    event.preventDefault();
    const seconds = ENDS[end.value][1](day.input.value);
    const status = { emoji: emoji.input.value.trim(), text: text.input.value.trim() };
    try {
      if (!status.emoji && !status.text) await actions.account.clearStatus();
      else await actions.account.setStatus({ ...status, seconds });
      close();
    } catch (problem) {
      showFieldErrors(problem, { text, emoji, seconds: day });
    }
  }

  async function clear() {
    try {
      await actions.account.clearStatus();
      close();
    } catch (problem) {
      text.showError(problem.message);
    }
  }

  choose("never");
  text.input.focus();
}

const isoDay = (date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
