// Selected messages: a box beside each, and a bar in the place of the composer that says what is done with them.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { copy } from "chat/views/clipboard.js";
import { confirm } from "chat/views/dialog.js";
import { announce, h, iconButton, toast } from "chat/views/dom.js";
import { clock } from "chat/views/format.js";
import { openLayer } from "chat/views/layers.js";
import { lazy } from "chat/views/lazy.js";
import { preview, typeOf } from "chat/views/types/registry.js";

/** Messages that are selected at most; the server deletes and forwards no more at once. */
const SELECTED_MAX = 100;
const FORWARDED_MAX = 30;

const counted = (count) =>
  interpolate(ngettext("%(count)s message selected", "%(count)s messages selected", count), { count });

export class Selection {
  #store;
  #actions;
  #list;
  #mayRecall;
  #onChange;
  #key = null;
  /** By id; the order is that of the chat, see `#messages`. */
  #selected = new Map();
  /** The seq of the last one that was selected: with Shift a click selects all from there. */
  #from = null;
  #leaveLayer = () => {};
  #count = h("span", { class: "selection-count" });
  #buttons;

  /**
   * `list` is the view of the messages. `mayRecall(message)`: whether it can be deleted for everybody now. `onChange()`
   * is called when the selecting begins or ends.
   */
  constructor({ store, actions, list, mayRecall, onChange }) {
    this.#store = store;
    this.#actions = actions;
    this.#list = list;
    this.#mayRecall = mayRecall;
    this.#onChange = onChange;
    const button = (name, label, run, more) => iconButton(name, label, () => run.call(this), more);
    this.#buttons = {
      copy: button("copy", gettext("Copy"), this.#copy),
      forward: button("forward", gettext("Forward"), this.#forward, { "aria-haspopup": "dialog" }),
      hide: button("eye-off", gettext("Delete for me"), this.#hide, { "aria-haspopup": "dialog" }),
      recall: button("trash-2", gettext("Delete for everybody"), this.#recall, {
        class: "danger",
        "aria-haspopup": "dialog",
      }),
    };
    this.element = h(
      "div",
      { class: "selection-bar", role: "toolbar", "aria-label": gettext("Selected messages"), hidden: true },
      iconButton("x", gettext("Stop selecting"), () => this.leave(), { class: "stop-selecting" }),
      this.#count,
      Object.values(this.#buttons),
    );
    list.element.addEventListener("click", (event) => this.isOn && this.#onClick(event), { capture: true });
    list.element.addEventListener("keydown", (event) => this.isOn && this.#onKey(event), { capture: true });
    document.addEventListener("keydown", (event) => {
      if (!this.isOn || event.key !== "Escape" || event.defaultPrevented) return;
      if (document.querySelector("dialog[open], .menu, .emoji-panel")) return;
      event.preventDefault();
      this.leave();
    });
  }

  get isOn() {
    return this.#key !== null;
  }

  /** Begins with one message. */
  begin(key, message) {
    this.#key = key;
    this.#selected = new Map([[message.id, message]]);
    this.#from = message.seq;
    this.#leaveLayer = openLayer(() => this.leave());
    this.element.hidden = false;
    this.#list.element.classList.add("selecting");
    this.#onChange();
    this.render();
    this.#boxOf(message)?.focus({ preventScroll: true });
  }

  leave() {
    if (!this.isOn) return;
    const row = document.activeElement?.closest(".message");
    this.#key = null;
    this.#selected.clear();
    this.#leaveLayer();
    this.element.hidden = true;
    this.#list.element.classList.remove("selecting");
    for (const box of this.#list.element.querySelectorAll(".select-spot")) box.remove();
    this.#onChange();
    row?.focus({ preventScroll: true });
    announce(gettext("Nothing is selected any more."));
  }

  /** The rows were drawn, or messages changed: what is gone is not selected any more. */
  render() {
    if (!this.isOn) return;
    const timeline = this.#store.timeline(this.#key);
    for (const [id, message] of this.#selected) {
      const now = timeline.find(id) ?? message;
      if (isSelectable(now)) this.#selected.set(id, now);
      else this.#selected.delete(id);
    }
    for (const row of this.#list.element.querySelectorAll(".message[data-id]")) this.#drawBox(row, timeline);
    this.#show();
  }

  #drawBox(row, timeline) {
    const message = timeline.at(Number(row.dataset.seq));
    let box = row.querySelector(".select-box");
    if (!message || !isSelectable(message)) {
      box?.parentElement.remove();
      return;
    }
    if (!box) {
      const label = interpolate(gettext("%(name)s: %(words)s"), {
        name: row.getAttribute("aria-label"),
        words: preview(message, this.#store.me.id),
      });
      box = h("input", { type: "checkbox", class: "select-box", tabindex: "-1", "aria-label": label });
      row.prepend(h("label", { class: "select-spot" }, box)); // as large as a finger
    }
    box.checked = this.#selected.has(message.id);
    row.classList.toggle("selected", box.checked);
  }

  #boxOf({ seq }) {
    return this.#list.element.querySelector(`.message[data-seq="${seq}"] .select-box`);
  }

  /** In the order of the chat. */
  get #messages() {
    return [...this.#selected.values()].toSorted((one, other) => one.seq - other.seq);
  }

  #show() {
    const messages = this.#messages;
    const { copy: copying, forward, hide, recall } = this.#buttons;
    for (const button of [copying, forward, hide]) button.disabled = !messages.length;
    recall.hidden = !messages.length || !messages.every((message) => this.#mayRecall(message));
    const said = counted(messages.length);
    if (this.#count.textContent === said) return;
    this.#count.textContent = said;
    announce(said);
  }

  // ── Selecting ───────────────────────────────────────────────────────────
  #onClick(event) {
    const row = event.target.closest(".message");
    if (!row) return;
    event.stopPropagation();
    // The box itself is set by what is drawn: after this click the browser would set it back.
    const isBox = event.target.matches(".select-box");
    if (!isBox) event.preventDefault();
    const message = this.#store.timeline(this.#key).at(Number(row.dataset.seq));
    if (!message || !isSelectable(message)) return;
    if (event.shiftKey && this.#from !== null) this.#selectTo(message);
    else this.#toggle(message);
    if (isBox) setTimeout(() => this.render());
    else this.render();
    this.#boxOf(message)?.focus({ preventScroll: true });
  }

  #onKey(event) {
    if (event.key !== "Enter" && !(event.key === " " && event.target.matches(".message"))) return;
    const row = event.target.closest(".message");
    const message = row && this.#store.timeline(this.#key).at(Number(row.dataset.seq));
    if (!message || !isSelectable(message)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#toggle(message);
    this.render();
  }

  #toggle(message) {
    if (this.#selected.delete(message.id)) return;
    if (this.#selected.size >= SELECTED_MAX) {
      toast(interpolate(gettext("You can select %(count)s messages."), { count: SELECTED_MAX }));
      return;
    }
    this.#selected.set(message.id, message);
    this.#from = message.seq;
  }

  #selectTo(message) {
    const [first, last] = [this.#from, message.seq].toSorted((one, other) => one - other);
    for (const one of this.#store.timeline(this.#key).between(first, last))
      if (isSelectable(one) && this.#selected.size < SELECTED_MAX) this.#selected.set(one.id, one);
  }

  // ── What is done with them ──────────────────────────────────────────────
  #copy() {
    copy(textOf(this.#messages, this.#store));
    this.leave();
  }

  async #forward() {
    const messages = this.#messages;
    if (messages.length > FORWARDED_MAX) {
      toast(interpolate(gettext("You can forward %(count)s messages at once."), { count: FORWARDED_MAX }));
      return;
    }
    const { openForwardDialog } = await lazy.forward();
    openForwardDialog(messages, { store: this.#store, actions: this.#actions, onDone: () => this.leave() });
  }

  async #hide() {
    if (await hideMessages(this.#messages, this.#actions)) this.leave();
  }

  async #recall() {
    const messages = this.#messages;
    const isSure = await confirm(
      interpolate(
        ngettext(
          "Delete %(count)s message for everybody?",
          "Delete %(count)s messages for everybody?",
          messages.length,
        ),
        {
          count: messages.length,
        },
      ),
      gettext("What they say is gone for good."),
      { action: gettext("Delete for everybody") },
    );
    if (!isSure) return;
    try {
      for (const message of messages) await this.#actions.messages.recall(message);
      this.leave();
    } catch (problem) {
      toast(problem.message);
    }
  }
}

const isSelectable = (message) => Boolean(message.id) && !message.recalledAt && !message.hidden && !typeOf(message).row;

/** Asks, and deletes messages for me alone. Resolves with whether that was done. */
export async function hideMessages(messages, actions) {
  const isSure = await confirm(
    interpolate(ngettext("Delete %(count)s message for you?", "Delete %(count)s messages for you?", messages.length), {
      count: messages.length,
    }),
    gettext("Only you do not see it any more, on all your devices. This cannot be undone."),
    { action: gettext("Delete for me") },
  );
  if (!isSure) return false;
  try {
    await actions.messages.hide(messages);
    return true;
  } catch (problem) {
    toast(problem.message);
    return false;
  }
}

/** Messages as a text: one as it is, of several also who said it, and when. */
function textOf(messages, store) {
  const me = store.me.id;
  const said = messages.map((written) => {
    const message = store.withSender(written);
    const words = typeOf(message).plainText?.(message) || preview(message, me);
    if (messages.length === 1) return words;
    const name = message.senderId === me ? store.me.name : message.senderName;
    return `${name}, ${clock(new Date(message.sentAt))}: ${words}`;
  });
  return said.join("\n");
}
