// My own menu: how the page looks, which language it speaks, and the way out.
import { gettext, language } from "chat/i18n.js";
import { openMenu } from "chat/views/menu.js";

const THEMES = [
  ["", gettext("Like the system"), "monitor"],
  ["light", gettext("Light"), "sun"],
  ["dark", gettext("Dark"), "moon"],
];
const LANGUAGES = [["zh-hans", "简体中文"], ["en", "English"]];
const PATIENCE = 1000;
const YEAR = 31_536_000;

export function openAccountMenu(anchor, { store, actions, admin }) {
  const root = document.documentElement;
  const theme = root.dataset.theme ?? "";
  openMenu(anchor, [
    { heading: store.me.name },
    { heading: gettext("Appearance") },
    ...THEMES.map(([value, label, icon]) => ({ label, icon, checked: value === theme, run: () => setTheme(value) })),
    "-",
    { heading: gettext("Language") },
    ...LANGUAGES.map(([code, label]) => ({ label, icon: "languages", lang: code, checked: code === language.toLowerCase(), run: () => setLanguage(code, actions) })),
    "-",
    admin && { label: gettext("Administration"), icon: "shield", run: () => location.assign(admin) },
    {
      label: gettext("Sign out"),
      icon: "log-out",
      danger: true,
      run: async () => {
        await Promise.race([actions.leaveNothing(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
        document.getElementById("sign-out").submit();
      },
    },
  ]);
}

/** In a cookie, so that the server writes it into the page and nothing flashes. */
function setTheme(theme) {
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? YEAR : 0}; samesite=lax`;
}

/** For this browser by its cookie, and for this person on the server. */
async function setLanguage(code, actions) {
  await actions.speak(code).catch(() => {});
  const form = document.getElementById("set-language");
  form.elements.language.value = code;
  form.elements.next.value = location.pathname;
  form.submit();
}
