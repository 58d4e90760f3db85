// Settings: where the account is signed in, and signing out there.
import { gettext, interpolate } from "chat/i18n.js";
import { confirm } from "chat/views/dialog.js";
import { h, icon, replaceAfterPress } from "chat/views/dom.js";
import { statusLine } from "chat/views/form_field.js";
import { fullTime, lastSeen } from "chat/views/format.js";
import { deviceName, isHandheld } from "chat/views/settings/device_names.js";

export const devices = {
  name: "devices",
  label: gettext("Devices"),
  icon: "monitor-smartphone",
  build({ actions, signal }) {
    const list = h("ul", { class: "devices" });
    const status = statusLine();
    const others = h(
      "button",
      { type: "button", class: "button danger", hidden: true, on: { click: signOutOthers } },
      icon("log-out"),
      gettext("Sign out everywhere else"),
    );

    const row = (device) =>
      h(
        "li",
        { "data-device": device.id },
        icon(device.kind === "token" ? "key-round" : isHandheld(device.name) ? "smartphone" : "monitor"),
        h("span", { class: "device-text" }, h("bdi", { title: device.name }, deviceName(device.name)), note(device)),
        !device.current &&
          h(
            "button",
            {
              type: "button",
              class: "button small",
              "aria-label": interpolate(gettext("Sign out %(device)s"), { device: deviceName(device.name) }),
              on: { click: () => signOutOne(device) },
            },
            gettext("Sign out there"),
          ),
      );
    const note = ({ current, kind, lastSeenAt }) =>
      h(
        "small",
        {},
        current
          ? h("strong", {}, gettext("This device"))
          : h("time", { datetime: lastSeenAt, title: fullTime(new Date(lastSeenAt)) }, lastSeen(lastSeenAt)),
        kind === "token" && ` · ${gettext("app or program")}`,
      );

    async function load() {
      try {
        const all = await actions.account.devices();
        if (signal.aborted) return;
        all.sort((one, other) => other.current - one.current);
        replaceAfterPress(list, all.map(row));
        others.hidden = all.length < 2;
      } catch (problem) {
        status.show(problem.message, { isError: true });
      }
    }
    async function run(work, done) {
      try {
        await work;
        status.show(done);
      } catch (problem) {
        status.show(problem.message, { isError: true });
      }
      await load();
      list.querySelector("button")?.focus();
    }
    const signOutOne = (device) =>
      run(
        actions.account.signOutDevice(device.id),
        interpolate(gettext("Signed out: %(device)s"), { device: deviceName(device.name) }),
      );
    async function signOutOthers() {
      const isSure = await confirm(gettext("Sign out everywhere else?"), gettext("Only this device stays signed in."), {
        action: gettext("Sign out"),
      });
      if (isSure) await run(actions.account.signOutOtherDevices(), gettext("Only this device is signed in."));
    }

    load();
    return h(
      "div",
      { class: "settings-form" },
      h("p", {}, gettext("You are signed in on these devices. When you were last seen is exact to some minutes.")),
      list,
      h("div", { class: "settings-end" }, others, status.element),
    );
  },
};
