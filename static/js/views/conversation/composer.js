// The message field: Enter sends, Shift+Enter breaks the line; Enter within an input method does
// neither.
import { gettext, interpolate } from "chat/i18n.js";
import { RecordingBar } from "chat/views/conversation/recording_bar.js";
import { h, icon, iconButton, toast } from "chat/views/dom.js";
import { lazy } from "chat/views/lazy.js";
import { preview } from "chat/views/types/registry.js";

const MESSAGE_MAX = 8000;
const COUNTER_FROM = 7500;
// Safari ends a composition right before the keydown of the Enter that ended it.
const COMPOSITION_GRACE_MS = 50;

const lengthOf = (text) => (text.length < COUNTER_FROM ? text.length : [...text].length);

export class Composer {
  #store;
  #actions;
  #onSent;
  #editLast;
  #openAttachMenu;
  #recording;
  #line;
  #key = null;
  #isComposing = false;
  #composedAt = -Infinity;
  #editing = null;
  #replyingTo = null;
  #text = h("textarea", {
    id: "text",
    rows: "1",
    dir: "auto",
    enterkeyhint: "send",
    autocapitalize: "sentences",
    "aria-label": gettext("Message"),
    placeholder: gettext("Message"),
  });
  #send = iconButton("send-horizontal", gettext("Send"), () => this.#submit(), { class: "send", id: "send" });
  #emoji = iconButton(
    "smile",
    gettext("Emoji"),
    async () => (await lazy.emoji()).toggleEmoji(this.#emoji, (emoji) => this.#insert(emoji)),
    { "aria-haspopup": "dialog" },
  );
  #attach = iconButton("paperclip", gettext("Attach"), () => this.#openAttachMenu(this.#attach), {
    "aria-haspopup": "menu",
    id: "attach",
  });
  // Replaces the send button while there is nothing to send.
  #voice = iconButton("mic", gettext("Record a voice message"), () => this.record(), { id: "record" });
  #count = h("p", { class: "count", role: "status", hidden: true });
  #context = h("div", { class: "about", hidden: true });

  /**
   * `onSent()` is called after a message was sent, `editLast()` when ↑ is pressed in the empty
   * field, `attach(anchor)` opens the attachment menu, `kit()` is how a recording is sent.
   */
  constructor({ store, actions, onSent, editLast, attach, kit }) {
    this.#store = store;
    this.#actions = actions;
    this.#onSent = onSent;
    this.#editLast = editLast;
    this.#openAttachMenu = attach;
    this.#recording = new RecordingBar({
      kit,
      onChange: (isShown, { focus }) => this.#toggleRecording(isShown, focus),
    });
    this.#line = h("div", { class: "composer-line" }, this.#attach, this.#emoji, this.#text, this.#voice, this.#send);
    this.element = h(
      "div",
      { class: "composer-inner" },
      this.#context,
      this.#line,
      this.#recording.element,
      this.#count,
    );
    this.#text.addEventListener("input", () => this.#onInput());
    this.#text.addEventListener("keydown", (event) => this.#onKeydown(event));
    this.#text.addEventListener("compositionstart", () => {
      this.#isComposing = true;
    });
    this.#text.addEventListener("compositionend", (event) => {
      this.#isComposing = false;
      this.#composedAt = event.timeStamp;
    });
    // The field keeps the focus, so that a phone keeps its keyboard open.
    this.#send.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  open(key) {
    this.#key = key;
    this.#clearContext();
    this.#restoreDraft();
    this.#recording.open(key);
  }

  /** No chat is open: a recording under way is kept for its chat. */
  close() {
    this.#recording.open(null);
  }

  record() {
    this.#recording.start();
  }

  /** The id of the message that the next one replies to, once. */
  takeReply() {
    const id = this.#replyingTo?.id ?? null;
    if (id) this.#clearContext();
    return id;
  }

  focus() {
    this.#text.focus();
  }

  edit(message) {
    this.#replyingTo = null;
    this.#editing = message;
    this.#setText(message.content);
    this.#showContext("pencil", gettext("Editing"), message.content);
  }

  reply(message) {
    if (this.#editing) this.#restoreDraft();
    this.#editing = null;
    this.#replyingTo = message;
    const name = message.senderId === this.#store.me.id ? gettext("yourself") : message.senderName;
    this.#showContext(
      "reply",
      interpolate(gettext("Reply to %(name)s"), { name }),
      preview(message, this.#store.me.id),
    );
    this.focus();
  }

  /** Adds a text behind what is already written. */
  append(text) {
    this.#clearContext();
    this.#setText(this.#text.value.trim() ? `${this.#text.value}\n${text}` : text);
    this.#actions.messages.saveDraft(this.#key, this.#text.value);
  }

  #onKeydown(event) {
    if (event.key === "Escape" && (this.#editing || this.#replyingTo)) {
      event.preventDefault();
      this.#cancel();
    }
    if (event.key === "ArrowUp" && !this.#text.value && !this.#editing && this.#editLast()) event.preventDefault();
    if (event.key !== "Enter" || event.shiftKey) return;
    const isComposing =
      event.isComposing ||
      event.keyCode === 229 ||
      this.#isComposing ||
      event.timeStamp - this.#composedAt < COMPOSITION_GRACE_MS;
    if (isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #onInput() {
    this.#resize();
    if (this.#editing) return;
    this.#actions.messages.saveDraft(this.#key, this.#text.value);
    if (this.#text.value.trim()) this.#actions.messages.notifyTyping(this.#key);
  }

  async #submit() {
    const content = this.#text.value.trim();
    if (!content || lengthOf(content) > MESSAGE_MAX) return;
    if (this.#editing) {
      await this.#saveEdit(content);
      return;
    }
    const replyTo = this.#replyingTo?.id ?? null;
    this.#clearContext();
    this.#setText("");
    this.#actions.messages.saveDraft(this.#key, "");
    this.#actions.messages.send(this.#key, content, replyTo);
    this.#onSent();
  }

  async #saveEdit(content) {
    const message = this.#editing;
    try {
      if (content !== message.content) await this.#actions.messages.edit(message, content);
      if (this.#editing === message) this.#cancel();
    } catch (problem) {
      toast(problem.message);
    }
  }

  #cancel() {
    const wasEditing = this.#editing;
    this.#clearContext();
    if (wasEditing) this.#restoreDraft();
    this.focus();
  }

  #clearContext() {
    this.#editing = null;
    this.#replyingTo = null;
    this.#context.hidden = true;
  }

  #restoreDraft() {
    this.#text.value = this.#store.drafts.get(this.#key) ?? "";
    this.#resize();
  }

  #setText(text) {
    this.#text.value = text;
    this.#resize();
    this.focus();
    this.#text.setSelectionRange(text.length, text.length);
  }

  #insert(emoji) {
    this.#text.setRangeText(emoji, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#onInput();
  }

  #resize() {
    const text = this.#text;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
    const length = lengthOf(text.value.trim());
    this.#count.hidden = length < COUNTER_FROM;
    this.#count.textContent = this.#count.hidden ? "" : `${length} / ${MESSAGE_MAX}`;
    this.#count.classList.toggle("over", length > MESSAGE_MAX);
    this.#send.disabled = !length || length > MESSAGE_MAX;
    this.#send.hidden = !length && !this.#editing;
    this.#voice.hidden = !this.#send.hidden;
  }

  #toggleRecording(isRecording, focus) {
    this.#line.hidden = isRecording;
    if (!isRecording && focus) this.focus();
  }

  #showContext(name, title, text) {
    const cancel = iconButton("x", gettext("Cancel"), () => this.#cancel());
    this.#context.replaceChildren(
      icon(name),
      h("div", { class: "about-text" }, h("strong", {}, title), h("span", { dir: "auto" }, text)),
      cancel,
    );
    this.#context.hidden = false;
  }
}
