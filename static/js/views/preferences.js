// Theme, language and the formatting of messages: the choices, and how they are set.
import { gettext, language } from "chat/i18n.js";
import { storage } from "chat/storage.js";

export const THEMES = [
  ["", gettext("Like the system"), "monitor"],
  ["light", gettext("Light"), "sun"],
  ["dark", gettext("Dark"), "moon"],
];
const languageForm = document.getElementById("set-language");
export const LANGUAGES = [...languageForm.elements.language.options].map(({ value, text }) => [value, text]);
const YEAR_SECONDS = 31_536_000;

export const theme = () => document.documentElement.dataset.theme ?? "";

/**
 * The cookie lets the server write the theme into the page, so that no other theme flashes first.
 */
export function setTheme(name) {
  const root = document.documentElement;
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  document.cookie = `theme=${name}; path=/; max-age=${name ? YEAR_SECONDS : 0}; samesite=lax`;
}

const FORMATTING = "formatting";
const formattingListeners = new Set();
let isFormattingOn = storage.get(FORMATTING) !== "off";

/** Whether messages are shown with their marks drawn, or as they were typed. */
export const isFormatted = () => isFormattingOn;

export function setFormatted(isOn) {
  storage.set(FORMATTING, isOn ? "on" : "off");
  applyFormatting();
}

/** Calls `listener()` when messages are to be drawn in the other way. */
export function onFormattingChange(listener) {
  formattingListeners.add(listener);
}

function applyFormatting() {
  isFormattingOn = storage.get(FORMATTING) !== "off";
  for (const listener of formattingListeners) listener();
}

window.addEventListener("storage", ({ key }) => {
  if (key === FORMATTING) applyFormatting();
});

export const isCurrentLanguage = (code) => code === language.toLowerCase();

/** Sets the language of this browser, by a cookie, and of the account; reloads the page. */
export async function setLanguage(code, actions) {
  await actions.account.setLanguage(code).catch(() => {});
  languageForm.elements.language.value = code;
  languageForm.elements.next.value = location.pathname;
  languageForm.submit();
}
