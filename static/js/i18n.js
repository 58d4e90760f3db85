// Translations come from Django's catalogue (/jsi18n/), which is loaded before any module.
const catalog = globalThis.django ?? {};

export const gettext = catalog.gettext ?? ((text) => text);
export const ngettext = catalog.ngettext ?? ((one, many, count) => (count === 1 ? one : many));
export const pgettext = catalog.pgettext ?? ((context, text) => text);

/** Puts named values into a translated sentence: interpolate("%(name)s joined", {name}). */
export const interpolate = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

/** What the installation is called. */
export const chatName = document.querySelector("meta[name=application-name]")?.content || gettext("Chat");

export const language = document.documentElement.lang || "en";
