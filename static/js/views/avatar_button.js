// A head that one may change: choose a picture and crop it, or take it away.
import { gettext } from "chat/i18n.js";
import { pick } from "chat/views/conversation/attachments.js";
import { openCrop } from "chat/views/crop_dialog.js";
import { avatar, h, icon, toast } from "chat/views/dom.js";
import { openMenu } from "chat/views/menu.js";

/** `who` is what `avatar` shows. `save(file)` and `remove()` may reject with a Problem. */
export function avatarButton(who, { save, remove }) {
  const choose = async () => {
    const [file] = await pick({ accept: "image/*" });
    if (file) openCrop(file, { isGroup: who.type === "group", save });
  };
  const takeAway = () => Promise.resolve(remove()).catch((problem) => toast(problem.message));
  const offer = (event) => {
    if (!who.img) choose();
    else openMenu(event.currentTarget, [{ label: gettext("Choose a picture"), icon: "image", run: choose }, { label: gettext("Remove the picture"), icon: "trash-2", danger: true, run: takeAway }]);
  };
  const label = who.img ? gettext("Change the picture") : gettext("Choose a picture");
  return h(
    "button",
    { type: "button", class: "avatar-button", "aria-label": label, title: label, "aria-haspopup": who.img ? "menu" : null, on: { click: offer } },
    avatar(who, "xl"),
    h("span", { class: "avatar-mark" }, icon("camera")),
  );
}
