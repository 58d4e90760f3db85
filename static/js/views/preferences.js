// How the page looks and which language it speaks: what there is, and how it is chosen.
import { gettext, language } from "chat/i18n.js";

export const THEMES = [
  ["", gettext("Like the system"), "monitor"],
  ["light", gettext("Light"), "sun"],
  ["dark", gettext("Dark"), "moon"],
];
export const LANGUAGES = [["zh-hans", "简体中文"], ["en", "English"]];
const YEAR = 31_536_000;

export const theme = () => document.documentElement.dataset.theme ?? "";

/** In a cookie, so that the server writes it into the page and nothing flashes. */
export function setTheme(name) {
  const root = document.documentElement;
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  document.cookie = `theme=${name}; path=/; max-age=${name ? YEAR : 0}; samesite=lax`;
}

export const isSpoken = (code) => code === language.toLowerCase();

/** For this browser by its cookie, and for this person on the server. Loads the page anew. */
export async function setLanguage(code, actions) {
  await actions.speak(code).catch(() => {});
  const form = document.getElementById("set-language");
  form.elements.language.value = code;
  form.elements.next.value = location.pathname;
  form.submit();
}
