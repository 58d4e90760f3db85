// Settings: a new password. A guest's first one makes a full account.
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { field, showFieldErrors, statusLine } from "chat/views/form_field.js";

export const password = {
  name: "password",
  label: gettext("Password"),
  icon: "key-round",
  build({ store, actions }) {
    const old = field(gettext("Current password"), {
      type: "password",
      autocomplete: "current-password",
      required: true,
    });
    const fresh = field(gettext("New password"), {
      type: "password",
      autocomplete: "new-password",
      required: true,
      hint: gettext("Every other device is signed out."),
    });
    const show = ({ target }) => {
      for (const { input } of [old, fresh]) input.type = target.checked ? "text" : "password";
    };
    const status = statusLine();
    const submit = h("button", { type: "submit", class: "button primary" });
    const forGuests = h(
      "p",
      {},
      gettext("You are a guest: signed out, you could not come back. With a password you can."),
    );
    const form = h(
      "form",
      { class: "settings-form", novalidate: true },
      forGuests,
      // Password managers look for the user name.
      h("input", {
        class: "visually-hidden",
        autocomplete: "username",
        value: store.me.name,
        tabindex: "-1",
        "aria-hidden": "true",
        readonly: true,
      }),
      old.element,
      fresh.element,
      h(
        "label",
        { class: "switch" },
        h("input", { type: "checkbox", on: { change: show } }),
        h("span", {}, gettext("Show what I type")),
      ),
      h("div", { class: "settings-end" }, submit, status.element),
    );

    function renderMode() {
      const { isGuest } = store.me;
      forGuests.hidden = !isGuest;
      old.element.hidden = isGuest;
      submit.textContent = isGuest ? gettext("Set the password") : gettext("Change the password");
    }

    renderMode();
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      status.show("");
      for (const one of [old, fresh]) one.clearError();
      submit.disabled = true;
      const { isGuest } = store.me;
      try {
        await actions.account.update({
          password: fresh.input.value,
          ...(!isGuest && { oldPassword: old.input.value }),
        });
        for (const { input } of [old, fresh]) input.value = "";
        renderMode();
        status.show(gettext("The password is changed, and every other device is signed out."));
      } catch (problem) {
        showFieldErrors(problem, isGuest ? { password: fresh } : { oldPassword: old, password: fresh });
      } finally {
        submit.disabled = false;
      }
    });
    return form;
  },
};
