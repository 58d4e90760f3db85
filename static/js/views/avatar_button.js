// An avatar as a button: choose and crop a picture, or remove it.
import { gettext } from "chat/i18n.js";
import { openCrop } from "chat/views/crop_dialog.js";
import { avatar, h, icon, toast } from "chat/views/dom.js";
import { pickFiles } from "chat/views/file_picker.js";
import { openMenu } from "chat/views/menu.js";

/** `entry` is what `avatar` shows. `save(file)` and `remove()` may reject with a Problem. */
export function avatarButton(entry, { save, remove }) {
  const choose = async () => {
    const [file] = await pickFiles({ accept: "image/*" });
    if (file) openCrop(file, { isGroup: entry.type === "group", save });
  };
  const removePicture = () => Promise.resolve(remove()).catch((problem) => toast(problem.message));
  const open = (event) => {
    if (!entry.img) choose();
    else
      openMenu(event.currentTarget, [
        { label: gettext("Choose a picture"), icon: "image", run: choose },
        { label: gettext("Remove the picture"), icon: "trash-2", danger: true, run: removePicture },
      ]);
  };
  const label = entry.img ? gettext("Change the picture") : gettext("Choose a picture");
  return h(
    "button",
    {
      type: "button",
      class: "avatar-button",
      "aria-label": label,
      title: label,
      "aria-haspopup": entry.img ? "menu" : null,
      on: { click: open },
    },
    avatar(entry, "xl"),
    h("span", { class: "avatar-mark" }, icon("camera")),
  );
}
