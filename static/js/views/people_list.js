// A dialog with a list of people: who has read a message, who was brought in.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, h, markedName, toast } from "chat/views/dom.js";

/** Shows the people whom the request `loading` answers. */
export async function showPeople(title, loading, store) {
  const people = await loading.catch((problem) => toast(problem.message));
  if (!people) return;
  const lines = people.map((user) =>
    h(
      "div",
      { class: "person" },
      avatar({ ...user, online: store.isOnline(user.id) }, "m"),
      h("span", { class: "person-text" }, markedName(user)),
    ),
  );
  openDialog(title, { content: lines.length ? lines : [h("p", { class: "no-result" }, gettext("Nobody yet."))] });
}
