// The dialog for a new conversation: a person to write to, or a group to join.
import { gettext } from "chat/i18n.js";
import { debounce } from "chat/timing.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, h, markedName, replaceAfterPress, toast } from "chat/views/dom.js";
import { memberCount } from "chat/views/format.js";

export function openPeopleDialog({ store, actions, router }) {
  const input = h("input", {
    class: "input",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: gettext("Name of a person or an open group"),
    "aria-label": gettext("Name of a person or an open group"),
  });
  const results = h("div", { class: "people" });
  const { close } = openDialog(gettext("New conversation"), { content: [input, results] });
  let lastSearch = 0;

  const pick = (open) => async () => {
    try {
      router.go(await open());
      close();
    } catch (problem) {
      toast(problem.message);
    }
  };
  const person = (user) =>
    line(
      { ...user, type: "private" },
      user.online ? gettext("online") : "",
      pick(() => actions.chats.withPerson(user)),
    );
  const group = (one) =>
    line(
      { ...one, img: one.avatar, type: "group" },
      note(one),
      pick(() => (one.role ? `group:${one.id}` : actions.groups.join(one.id))),
    );
  const note = ({ memberCount: count, role }) =>
    role ? memberCount(count) : `${memberCount(count)} · ${gettext("join")}`;

  async function search() {
    const thisSearch = ++lastSearch;
    const [people, groups] = await Promise.all([
      actions.chats.findPeople(input.value.trim()),
      actions.groups.find(input.value.trim()),
    ]);
    if (thisSearch !== lastSearch) return;
    const rows = [...people.filter((user) => user.id !== store.me.id).map(person), ...groups.map(group)];
    const nothing = input.value.trim()
      ? gettext("Nobody and nothing of that name.")
      : gettext("Nobody else is here yet.");
    replaceAfterPress(results, rows.length ? rows : [h("p", { class: "no-result" }, nothing)]);
  }

  input.addEventListener("input", debounce(search, 150));
  input.focus();
  search();
}

function line(entry, note, click) {
  return h(
    "button",
    { type: "button", class: "person", on: { click } },
    avatar(entry, "m"),
    h("span", { class: "person-text" }, markedName(entry), note && h("small", {}, note)),
  );
}
