// Dialogs for a new group and for adding members.
import { gettext, interpolate } from "chat/i18n.js";
import { splitKey } from "chat/ids.js";
import { debounce } from "chat/timing.js";
import { avatarButton } from "chat/views/avatar_button.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, besideName, h, icon, markedName, reconcile, toast } from "chat/views/dom.js";
import { choice } from "chat/views/settings/appearance.js";

/**
 * A searchable list of people with check boxes, of those that `find(query)` resolves with. Returns {picked, field};
 * `picked` maps ids to people.
 */
function peoplePicker({ store, actions, without = new Set(), find = (query) => actions.chats.findPeople(query) }) {
  const picked = new Map();
  const chips = h("div", { class: "chips" });
  const input = h("input", {
    class: "input",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: gettext("Search people"),
    "aria-label": gettext("Search people"),
  });
  const people = h("div", { class: "people", role: "group", "aria-label": gettext("People") });
  let lastSearch = 0;

  const toggle = (user, isOn) => {
    if (isOn) picked.set(user.id, user);
    else picked.delete(user.id);
    showChips();
  };
  const showChips = () => {
    chips.replaceChildren(
      ...[...picked.values()].map((user) => {
        const drop = () => {
          toggle(user, false);
          const box = people.querySelector(`[value="${CSS.escape(user.id)}"]`);
          if (box) box.checked = false;
          input.focus();
        };
        return h(
          "button",
          {
            type: "button",
            class: "chip",
            title: gettext("Remove"),
            "aria-label": interpolate(gettext("Remove %(name)s"), { name: user.name }),
            on: { click: drop },
          },
          markedName(user),
          icon("x"),
        );
      }),
    );
  };
  const row = (user) =>
    h(
      "label",
      { class: "person" },
      avatar({ ...user, type: "private" }, "m"),
      h("span", { class: "person-text" }, markedName(user), user.online && h("small", {}, gettext("online"))),
      h("input", {
        type: "checkbox",
        value: user.id,
        checked: picked.has(user.id),
        on: { change: (event) => toggle(user, event.target.checked) },
      }),
    );
  const line = (user) => ({
    key: user.id,
    signature: JSON.stringify([user.name, user.img, besideName(user), user.online]),
    build: () => row(user),
  });
  const nobody = {
    key: "nobody",
    signature: "",
    build: () => h("p", { class: "no-result" }, gettext("Nobody of that name.")),
  };
  async function search() {
    const thisSearch = ++lastSearch;
    const found = (await find(input.value.trim())).filter((user) => user.id !== store.me.id && !without.has(user.id));
    if (thisSearch !== lastSearch) return;
    // Who is still listed keeps their line, which somebody may be pressing.
    reconcile(people, found.length ? found.map(line) : [nobody]);
  }
  input.addEventListener("input", debounce(search, 150));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  search();
  return {
    picked,
    field: h("div", { class: "field" }, h("span", { class: "label" }, gettext("Members")), chips, input, people),
  };
}

export function openGroupDialog({ store, actions, router }) {
  const { picked, field } = peoplePicker({ store, actions });
  const error = h("p", { class: "error", id: "group-error", role: "alert", hidden: true });
  const name = h("input", {
    class: "input",
    id: "group-name",
    maxlength: "80",
    required: true,
    autocomplete: "off",
    dir: "auto",
  });
  const open = h("input", { type: "checkbox", id: "group-open", on: { change: () => showWho() } });
  const who = h("small", {});
  showWho();
  const face = h("div", { class: "group-face" });
  let picture = null;
  showFace("");
  const form = h(
    "form",
    { id: "group-form", class: "dialog-fields" },
    face,
    h("div", { class: "field" }, h("label", { for: "group-name" }, gettext("Name of the group")), name, error),
    h("label", { class: "switch" }, open, h("span", {}, gettext("Open group"), who)),
    field,
  );
  const submit = h(
    "button",
    { type: "submit", form: "group-form", class: "button primary" },
    gettext("Create the group"),
  );
  const { close } = openDialog(gettext("New group"), {
    content: [form],
    buttons: [submit],
    onClose: () => showFace(""),
  });

  function showWho() {
    who.textContent = open.checked
      ? gettext("Everybody here, guests too, can find it, join it and read all of it.")
      : gettext("Only those who are invited can find it, join it and read it.");
  }

  /** The picture is kept until the group exists. */
  function keepPicture(file) {
    picture = file;
    showFace(file ? URL.createObjectURL(file) : "");
  }
  function showFace(img) {
    URL.revokeObjectURL(face.querySelector("img")?.src);
    face.replaceChildren(
      avatarButton(
        { id: "", name: name.value || gettext("New group"), img, type: "group" },
        { save: keepPicture, remove: () => keepPicture(null) },
      ),
    );
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const key = await actions.groups.create({
        name: name.value.trim(),
        memberIds: [...picked.keys()],
        joinPolicy: open.checked ? "open" : "closed",
      });
      if (picture) actions.groups.setAvatar(splitKey(key).id, picture).catch((problem) => toast(problem.message));
      close();
      router.go(key);
    } catch (problem) {
      error.textContent = Object.values(problem.errors ?? {})[0]?.[0] ?? problem.message;
      error.hidden = false;
      name.setAttribute("aria-invalid", "true");
      name.setAttribute("aria-describedby", error.id);
      name.focus();
    } finally {
      submit.disabled = false;
    }
  });
  name.focus();
}

export function openInviteDialog({ store, actions, group }) {
  const { picked, field } = peoplePicker({
    store,
    actions,
    without: new Set((group.members ?? []).map((member) => member.id)),
  });
  const submit = h(
    "button",
    { type: "button", class: "button primary", on: { click: add } },
    gettext("Add to the group"),
  );
  const { close } = openDialog(gettext("Add people"), { content: [field], buttons: [submit] });
  async function add() {
    if (!picked.size) return;
    submit.disabled = true;
    try {
      const { refused } = await actions.groups.addMany(group.id, [...picked.keys()]);
      close();
      if (refused.length) showRefused(gettext("Not added"), refused, picked);
    } catch (problem) {
      toast(problem.message);
      submit.disabled = false;
    }
  }
}

/** Removes several members at once; `mayRemove(member)` says whom the user may. */
export function openRemoveDialog({ store, actions, group, mayRemove }) {
  const { picked, field } = peoplePicker({
    store,
    actions,
    find: async (search) => (await actions.groups.memberPage(group.id, { search })).items.filter(mayRemove),
  });
  const hint = gettext("They can come back only if an administrator adds them. The invitation is renewed.");
  const submit = h(
    "button",
    { type: "button", class: "button danger", on: { click: remove } },
    gettext("Remove from the group"),
  );
  const { close } = openDialog(gettext("Remove people"), {
    kind: "remove-dialog",
    content: [h("p", { class: "hint" }, hint), field],
    buttons: [submit],
  });
  async function remove() {
    if (!picked.size) return;
    submit.disabled = true;
    try {
      const { refused } = await actions.groups.removeMany(group.id, [...picked.keys()]);
      close();
      if (refused.length) showRefused(gettext("Not removed"), refused, picked);
    } catch (problem) {
      toast(problem.message);
      submit.disabled = false;
    }
  }
}

const REFUSALS = {
  not_addable: gettext("cannot be added by you: send them the invitation"),
  removed: gettext("was removed: only administrators add them again"),
  group_full: gettext("the group is full"),
  member: gettext("is in the group already"),
  forbidden: gettext("only the owner removes administrators"),
};

/** Who was not added or removed, each with the reason. */
function showRefused(title, refused, people) {
  const lines = refused.map(({ userId, code }) => {
    const user = people.get(userId);
    return h(
      "div",
      { class: "person" },
      avatar({ ...user, type: "private" }, "m"),
      h("span", { class: "person-text" }, markedName(user), h("small", {}, REFUSALS[code] ?? gettext("is not there"))),
    );
  });
  openDialog(title, { kind: "refused-dialog", content: lines });
}

const HOUR = 3600;
const LASTS = [
  [HOUR, gettext("An hour")],
  [24 * HOUR, gettext("A day")],
  [7 * 24 * HOUR, gettext("A week")],
  [0, gettext("Until it is renewed")],
];
const LETS_IN = [
  [1, gettext("One person")],
  [10, gettext("Ten")],
  [100, gettext("A hundred")],
  [0, gettext("Any number")],
];

/** Makes a new invitation with its limits; the one before leads nowhere any more. */
export function openInvitationDialog({ actions, groupId }) {
  const chosen = { expiresIn: 0, maxUses: 0 };
  const options = (pairs, name) =>
    pairs.map(([value, label]) => ({ value: String(value), label, isChosen: value === chosen[name] }));
  const radios = (label, name, pairs) =>
    choice(label, name, options(pairs, name), (value) => {
      chosen[name] = Number(value);
    });
  const submit = h("button", { type: "button", class: "button primary", on: { click: make } }, gettext("Make it"));
  const { close } = openDialog(gettext("New invitation"), {
    content: [
      radios(gettext("It lasts"), "expiresIn", LASTS),
      radios(gettext("It lets in"), "maxUses", LETS_IN),
      h("p", { class: "hint" }, gettext("The invitation before leads nowhere from then on.")),
    ],
    buttons: [submit],
  });
  async function make() {
    submit.disabled = true;
    try {
      const limits = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
      await actions.groups.change("invite", groupId, { renew: true, ...limits });
      close();
    } catch (problem) {
      toast(problem.message);
      submit.disabled = false;
    }
  }
}
