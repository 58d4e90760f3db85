// The user's own menu: settings, theme, language, sign-out.
import { gettext } from "chat/i18n.js";
import { onPageEntry } from "chat/views/layers.js";
import { statusWords, toast } from "chat/views/dom.js";
import { pausedLine, PAUSES } from "chat/views/levels.js";
import { openMenu } from "chat/views/menu.js";
import { isCurrentLanguage, LANGUAGES, setLanguage, setTheme, theme, THEMES } from "chat/views/preferences.js";
import { openShortcutsHelp } from "chat/views/shortcuts.js";
import { openSettings } from "chat/views/settings/settings_dialog.js";
import { openStatusDialog } from "chat/views/status_dialog.js";

const CLEAR_TIMEOUT_MS = 1000;

export function openAccountMenu(anchor, { store, actions, router, admin }) {
  openMenu(anchor, [
    { heading: store.me.name },
    { label: gettext("Saved messages"), icon: "bookmark", run: () => router.go(actions.chats.saved()) },
    { label: gettext("Settings"), icon: "settings", run: () => openSettings({ store, actions }) },
    statusItem({ store, actions }),
    pauseItem(anchor, { store, actions }),
    matchMedia("(hover: hover)").matches && {
      label: gettext("Keyboard shortcuts"),
      icon: "keyboard",
      run: openShortcutsHelp,
    },
    "-",
    ...THEMES.map(([name, label, icon]) => ({ label, icon, checked: name === theme(), run: () => setTheme(name) })),
    "-",
    ...LANGUAGES.map(([code, label]) => ({
      label,
      icon: "languages",
      lang: code,
      checked: isCurrentLanguage(code),
      run: () => setLanguage(code, actions),
    })),
    "-",
    admin && { label: gettext("Administration"), icon: "shield", run: () => onPageEntry(() => location.assign(admin)) },
    {
      label: gettext("Sign out"),
      icon: "log-out",
      danger: true,
      run: async () => {
        await Promise.race([
          actions.account.clearBrowser(),
          new Promise((resolve) => setTimeout(resolve, CLEAR_TIMEOUT_MS)),
        ]);
        document.getElementById("sign-out").submit();
      },
    },
  ]);
}

function statusItem({ store, actions }) {
  const status = store.statusOf(store.me.id);
  const label = status ? statusWords(status) : gettext("Set a status…");
  return { label, icon: "smile", run: () => openStatusDialog({ store, actions }) };
}

/** Leads to how long notifications are paused, or ends the pause. */
function pauseItem(anchor, { store, actions }) {
  const pause = (silentFor) =>
    actions.notifications.changePreferences({ silentFor }).catch(({ message }) => toast(message));
  store.endPause();
  const { silentUntil } = store.notifying;
  if (silentUntil) return { label: pausedLine(silentUntil), icon: "bell-off", run: () => pause(null) };
  const choose = () =>
    openMenu(anchor, [
      { heading: gettext("Pause notifications") },
      ...PAUSES.map(({ label, icon, seconds }) => ({ label, icon, run: () => pause(seconds()) })),
    ]);
  return { label: gettext("Pause notifications…"), icon: "bell-off", run: choose };
}
