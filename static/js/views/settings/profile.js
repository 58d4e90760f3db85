// Settings: what others see, name and picture.
import { gettext } from "chat/i18n.js";
import { avatarButton } from "chat/views/avatar_button.js";
import { h, replaceIfChanged } from "chat/views/dom.js";
import { field, showFieldErrors, statusLine } from "chat/views/form_field.js";

export const profile = {
  name: "profile",
  label: gettext("Profile"),
  icon: "user",
  build({ store, actions, signal }) {
    const face = h("div", { class: "settings-face" });
    const name = field(gettext("Your name"), {
      value: store.me.name,
      maxlength: "40",
      required: true,
      autocomplete: "off",
      spellcheck: "false",
      dir: "auto",
      hint: gettext("You sign in with it, too."),
    });
    const status = statusLine();
    const submit = h("button", { type: "submit", class: "button primary" }, gettext("Save"));
    const form = h(
      "form",
      { class: "settings-form", novalidate: true },
      name.element,
      h("div", { class: "settings-end" }, submit, status.element),
    );
    const showFace = () =>
      replaceIfChanged(face, JSON.stringify([store.me.id, store.me.img, store.me.name]), () =>
        avatarButton(
          { ...store.me, online: false },
          { save: (file) => actions.account.setAvatar(file), remove: () => actions.account.update({ img: "" }) },
        ),
      );

    showFace();
    signal.addEventListener("abort", store.on("people", showFace));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      status.show("");
      submit.disabled = true;
      try {
        await actions.account.update({ name: name.input.value });
        name.input.value = store.me.name;
        status.show(gettext("Saved."));
      } catch (problem) {
        showFieldErrors(problem, { name });
      } finally {
        submit.disabled = false;
      }
    });
    return h("div", { class: "settings-parts" }, face, form);
  },
};
