// Settings: notifications on this device, and on how many others; and what notifies on all of them.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { afterPress, h, icon, toast } from "chat/views/dom.js";
import { notifyingSettings } from "chat/views/settings/notifying.js";

const WHY = {
  insecure: [
    "lock",
    gettext(
      "Not on this page: browsers allow notifications only over https, or on the machine that the chat runs on. Ask whoever runs this chat for its https address.",
    ),
  ],
  impossible: [
    "bell-off",
    gettext("This browser has no notifications, or not in a private window. The chat works without."),
  ],
  uninstalled: [
    "download",
    gettext(
      "On this device they are for apps on the home screen: open the browser’s Share menu, choose “Add to Home Screen”, and open the chat from there.",
    ),
  ],
  refused: [
    "bell-off",
    gettext(
      "The browser has been told not to allow notifications of this page. To allow them, press the sign left of the address, find “Notifications” there, allow them, and load the page again.",
    ),
  ],
};

export const notifications = {
  name: "notifications",
  label: gettext("Notifications"),
  icon: "bell",
  build: (context) =>
    h("div", { class: "settings-parts" }, new NotificationSection(context.actions).element, notifyingSettings(context)),
};

class NotificationSection {
  #notifications;
  #status = null;
  #switch = h("input", { type: "checkbox", id: "notify-here", role: "switch", on: { change: () => this.#toggle() } });
  #content = h("input", {
    type: "checkbox",
    id: "notify-content",
    role: "switch",
    on: { change: () => this.#change(() => this.#notifications.showContent(this.#content.checked)) },
  });
  #contentRow = h(
    "label",
    { class: "switch" },
    this.#content,
    h(
      "span",
      {},
      gettext("Show who and what"),
      h("small", {}, gettext("Without, it only says that there is a new message.")),
    ),
  );
  #sound = h("input", {
    type: "checkbox",
    id: "notify-sound",
    role: "switch",
    on: { change: () => this.#notifications.setSound(this.#sound.checked) },
  });
  #soundRow = h(
    "label",
    { class: "switch" },
    this.#sound,
    h(
      "span",
      {},
      gettext("Play a sound here"),
      h("small", {}, gettext("When somebody writes in a conversation that you are not looking at.")),
    ),
  );
  #hint = h("p", { class: "hint", id: "notify-how", role: "status" });
  #others = h("p", { class: "hint", hidden: true });
  #test = h(
    "button",
    { type: "button", class: "button small", id: "notify-test", on: { click: () => this.#sendTest() } },
    gettext("Send a test"),
  );

  constructor(actions) {
    this.#notifications = actions.notifications;
    this.element = h("div", { class: "notification-settings" });
    this.#render();
    this.#load();
  }

  async #load() {
    this.#status = await this.#notifications.pushStatus().catch(() => null);
    this.#render();
  }

  #render() {
    afterPress(this.element, () => this.#draw());
  }

  #draw() {
    const { state, showsContent } = this.#notifications;
    const others = this.#status?.otherDevices ?? 0;
    this.#others.hidden = !others;
    this.#others.textContent = interpolate(
      ngettext(
        "%(count)s other device of yours is told as well.",
        "%(count)s other devices of yours are told as well.",
        others,
      ),
      { count: others },
    );
    this.#sound.checked = this.#notifications.hasSound;
    if (state in WHY) {
      const [sign, why] = WHY[state];
      this.element.replaceChildren(
        h("p", { class: "why", "data-state": state }, icon(sign), h("span", {}, why)),
        this.#soundRow,
        this.#others,
      );
      return;
    }
    const isOn = state === "on";
    this.#switch.checked = isOn;
    this.#content.checked = showsContent;
    this.#contentRow.hidden = this.#test.hidden = !isOn;
    this.#hint.textContent = this.#reachText(isOn);
    const here = h(
      "label",
      { class: "switch" },
      this.#switch,
      h(
        "span",
        {},
        gettext("Notify me here"),
        h("small", {}, gettext("When somebody writes and you are not looking. Muted chats stay silent.")),
      ),
    );
    this.element.replaceChildren(here, this.#contentRow, this.#soundRow, this.#hint, this.#test, this.#others);
  }

  #reachText(isOn) {
    if (!isOn) return Notification.permission === "granted" ? "" : gettext("The browser will ask you to allow it.");
    if (!this.#status) return "";
    if (this.#status.isOn)
      return gettext("You are told here even when the chat is not open, as long as the browser runs.");
    if (!this.#status.key)
      return gettext(
        "You are told here while the chat is open in some tab. Whoever runs this chat has turned the rest off.",
      );
    return gettext(
      "You are told here while the chat is open in some tab. For more, this browser would need its maker’s push service, which it cannot reach.",
    );
  }

  #toggle() {
    return this.#change(() => (this.#switch.checked ? this.#notifications.turnOn() : this.#notifications.turnOff()));
  }

  async #change(work) {
    const inputs = [this.#switch, this.#content];
    for (const input of inputs) input.disabled = true;
    try {
      this.#status = (await work()) ?? (await this.#notifications.pushStatus());
    } catch (problem) {
      toast(problem.message);
    } finally {
      for (const input of inputs) input.disabled = false;
      this.#render();
    }
  }

  async #sendTest() {
    this.#test.disabled = true;
    try {
      await this.#notifications.test(this.#status?.isOn);
      this.#hint.textContent = gettext(
        "Sent. If nothing appears within some seconds, look whether your system keeps notifications back: “Do not disturb”, or those of this browser.",
      );
    } catch (problem) {
      toast(problem.message);
    } finally {
      this.#test.disabled = false;
    }
  }
}
