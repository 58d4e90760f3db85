// Who has read a message, and who has not yet. When each of them read it, the server does not keep.
import { gettext, interpolate } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, h, markedName, toast } from "chat/views/dom.js";
import { fullTime } from "chat/views/format.js";

export async function openReaders(message, { store, actions }) {
  const ask = (read, next) => actions.messages.readers(message, { read, next });
  const [read, unread] = await Promise.all([ask(true), ask(false)]).catch((problem) => {
    toast(problem.message);
    return [];
  });
  if (!unread) return;
  const line = (kind) => (user) =>
    h(
      "div",
      { class: kind },
      avatar({ ...user, online: store.isOnline(user.id) }, "m"),
      h("span", { class: "person-text" }, markedName(user)),
    );
  const facts = [[gettext("Sent"), message.sentAt], message.editedAt && [gettext("Edited"), message.editedAt]];
  openDialog(gettext("Who has read it"), {
    kind: "readers-dialog",
    content: [
      h(
        "dl",
        { class: "message-facts" },
        facts
          .filter(Boolean)
          .map(([label, at]) =>
            h("div", {}, h("dt", {}, label), h("dd", {}, h("time", { datetime: at }, fullTime(new Date(at))))),
          ),
      ),
      section(gettext("Read"), read, { line: line("person"), more: (next) => ask(true, next) }),
      section(gettext("Not yet read"), unread, { line: line("not-yet"), more: (next) => ask(false, next) }),
    ],
  });
}

/** People under a heading with their number; `more(next)` loads the page that follows. */
function section(title, { items, next }, { line, more }) {
  const heading = h("h3", {});
  const list = h("div", { class: "people-of-message" }, items.map(line));
  let address = next;
  const button = h(
    "button",
    { type: "button", class: "button small quiet", on: { click: load } },
    gettext("Show more"),
  );
  const count = () => {
    heading.textContent = interpolate(gettext("%(title)s: %(count)s"), {
      title,
      count: `${list.childElementCount}${address ? "+" : ""}`,
    });
    button.hidden = !address;
  };
  async function load() {
    const page = await more(address).catch((problem) => toast(problem.message));
    if (!page) return;
    const first = list.childElementCount;
    address = page.next;
    list.append(...page.items.map(line));
    count();
    if (button.hidden) list.children[first]?.scrollIntoView({ block: "nearest" });
  }
  count();
  return h("section", {}, heading, list, button);
}
