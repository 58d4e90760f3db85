// Settings: theme, language, and how messages are shown.
import { gettext } from "chat/i18n.js";
import { h, icon } from "chat/views/dom.js";
import {
  isCurrentLanguage,
  isFormatted,
  LANGUAGES,
  setFormatted,
  setLanguage,
  setTheme,
  theme,
  THEMES,
} from "chat/views/preferences.js";

export const appearance = {
  name: "appearance",
  label: gettext("Appearance and language"),
  icon: "palette",
  build: ({ actions }) =>
    h(
      "div",
      { class: "settings-parts" },
      choice(
        gettext("Appearance"),
        "theme",
        THEMES.map(([value, label, name]) => ({ value, label, face: icon(name), isChosen: value === theme() })),
        setTheme,
      ),
      choice(
        gettext("Language"),
        "language",
        LANGUAGES.map(([value, label]) => ({ value, label, lang: value, isChosen: isCurrentLanguage(value) })),
        (code) => setLanguage(code, actions),
      ),
      h(
        "label",
        { class: "switch" },
        h("input", {
          type: "checkbox",
          id: "formatting",
          role: "switch",
          checked: isFormatted(),
          on: { change: (event) => setFormatted(event.target.checked) },
        }),
        h(
          "span",
          {},
          gettext("Show formatted messages"),
          h("small", {}, gettext("Bold, lists, code and so on. Without, messages are shown as they were typed.")),
        ),
      ),
    ),
};

/** Radio buttons side by side; `choose` is called with the value of the chosen one. */
export const choice = (label, name, options, choose) =>
  h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, label),
    h(
      "div",
      { class: "choices" },
      options.map(({ value, label: word, face, lang, isChosen }) =>
        h(
          "label",
          { lang },
          h("input", { type: "radio", name, value, checked: isChosen, on: { change: () => choose(value) } }),
          face,
          h("span", {}, word),
        ),
      ),
    ),
  );
