// Where one writes: Enter sends, Shift+Enter breaks the line, and an input method keeps its Enter to itself.
import { fill, gettext } from "chat/i18n.js";
import { later } from "chat/views/lazy.js";
import { h, icon, iconButton, toast } from "chat/views/dom.js";
import { RecordingBar } from "chat/views/conversation/recording_bar.js";
import { preview } from "chat/views/types/registry.js";

const LONGEST = 8000;
const COUNT_FROM = 7500;
// Safari ends a composition right before the keydown of the Enter that ended it.
const COMPOSED_JUST_NOW = 50;

const lengthOf = (text) => (text.length < COUNT_FROM ? text.length : [...text].length);

export class Composer {
  #store;
  #actions;
  #onSent;
  #editLast;
  #offerAttach;
  #recording;
  #line;
  #key = null;
  #isComposing = false;
  #composedAt = -Infinity;
  #editing = null;
  #answering = null;
  #text = h("textarea", { id: "text", rows: "1", dir: "auto", enterkeyhint: "send", autocapitalize: "sentences", "aria-label": gettext("Message"), placeholder: gettext("Message") });
  #send = iconButton("send-horizontal", gettext("Send"), () => this.#submit(), { class: "send", id: "send" });
  #emoji = iconButton("smile", gettext("Emoji"), async () => (await later.emoji()).toggleEmoji(this.#emoji, (emoji) => this.#insert(emoji)), { "aria-haspopup": "dialog" });
  #attach = iconButton("paperclip", gettext("Attach"), () => this.#offerAttach(this.#attach), { "aria-haspopup": "menu", id: "attach" });
  // In Send's place as long as there is nothing to send.
  #voice = iconButton("mic", gettext("Record a voice message"), () => this.record(), { id: "record" });
  #count = h("p", { class: "count", role: "status", hidden: true });
  #about = h("div", { class: "about", hidden: true });

  /**
   * `onSent()` after a message left, `editLast()` when ↑ is pressed in an empty field, `attach(anchor)` opens the menu of
   * everything else, `kit()` is what a recording is sent with.
   */
  constructor({ store, actions, onSent, editLast, attach, kit }) {
    this.#store = store;
    this.#actions = actions;
    this.#onSent = onSent;
    this.#editLast = editLast;
    this.#offerAttach = attach;
    this.#recording = new RecordingBar({ kit, onChange: (isShown, { focus }) => this.#makeRoom(isShown, focus) });
    this.#line = h("div", { class: "composer-line" }, this.#attach, this.#emoji, this.#text, this.#voice, this.#send);
    this.element = h("div", { class: "composer-inner" }, this.#about, this.#line, this.#recording.element, this.#count);
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#text.addEventListener("compositionstart", () => { this.#isComposing = true; });
    this.#text.addEventListener("compositionend", (event) => {
      this.#isComposing = false;
      this.#composedAt = event.timeStamp;
    });
    // The field keeps the focus, and a phone its keyboard.
    this.#send.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  open(key) {
    this.#key = key;
    this.#leave();
    this.#restore();
    this.#recording.open(key);
  }

  /** No chat is open: what is being recorded is kept for its own. */
  close() {
    this.#recording.open(null);
  }

  record() {
    this.#recording.start();
  }

  /** What the next message answers; it does so once. */
  takeAnswer() {
    const id = this.#answering?.id ?? null;
    if (id) this.#leave();
    return id;
  }

  focus() {
    this.#text.focus();
  }

  edit(message) {
    this.#answering = null;
    this.#editing = message;
    this.#write(message.content);
    this.#showAbout("pencil", gettext("Editing"), message.content);
  }

  answer(message) {
    if (this.#editing) this.#restore();
    this.#editing = null;
    this.#answering = message;
    const name = message.senderId === this.#store.me.id ? gettext("yourself") : message.senderName;
    this.#showAbout("reply", fill(gettext("Reply to %(name)s"), { name }), preview(message, this.#store.me.id));
    this.focus();
  }

  /** Puts a text in to be written on, behind what is already there. */
  take(text) {
    this.#leave();
    this.#write(this.#text.value.trim() ? `${this.#text.value}\n${text}` : text);
    this.#actions.saveDraft(this.#key, this.#text.value);
  }

  #pressed(event) {
    if (event.key === "Escape" && (this.#editing || this.#answering)) {
      event.preventDefault();
      this.#cancel();
    }
    if (event.key === "ArrowUp" && !this.#text.value && !this.#editing && this.#editLast()) event.preventDefault();
    if (event.key !== "Enter" || event.shiftKey) return;
    const isComposing = event.isComposing || event.keyCode === 229 || this.#isComposing || event.timeStamp - this.#composedAt < COMPOSED_JUST_NOW;
    if (isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #changed() {
    this.#resize();
    if (this.#editing) return;
    this.#actions.saveDraft(this.#key, this.#text.value);
    if (this.#text.value.trim()) this.#actions.typing(this.#key);
  }

  async #submit() {
    const content = this.#text.value.trim();
    if (!content || lengthOf(content) > LONGEST) return;
    if (this.#editing) {
      await this.#saveEdit(content);
      return;
    }
    const replyTo = this.#answering?.id ?? null;
    this.#leave();
    this.#write("");
    this.#actions.saveDraft(this.#key, "");
    this.#actions.send(this.#key, content, replyTo);
    this.#onSent();
  }

  async #saveEdit(content) {
    const message = this.#editing;
    try {
      if (content !== message.content) await this.#actions.edit(message, content);
      if (this.#editing === message) this.#cancel();
    } catch (problem) {
      toast(problem.message);
    }
  }

  #cancel() {
    const wasEditing = this.#editing;
    this.#leave();
    if (wasEditing) this.#restore();
    this.focus();
  }

  #leave() {
    this.#editing = null;
    this.#answering = null;
    this.#about.hidden = true;
  }

  #restore() {
    this.#text.value = this.#store.drafts.get(this.#key) ?? "";
    this.#resize();
  }

  #write(text) {
    this.#text.value = text;
    this.#resize();
    this.focus();
    this.#text.setSelectionRange(text.length, text.length);
  }

  #insert(emoji) {
    this.#text.setRangeText(emoji, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#changed();
  }

  #resize() {
    const text = this.#text;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
    const length = lengthOf(text.value.trim());
    this.#count.hidden = length < COUNT_FROM;
    this.#count.textContent = this.#count.hidden ? "" : `${length} / ${LONGEST}`;
    this.#count.classList.toggle("over", length > LONGEST);
    this.#send.disabled = !length || length > LONGEST;
    this.#send.hidden = !length && !this.#editing;
    this.#voice.hidden = !this.#send.hidden;
  }

  #makeRoom(isRecording, focus) {
    this.#line.hidden = isRecording;
    if (!isRecording && focus) this.focus();
  }

  #showAbout(name, title, text) {
    const cancel = iconButton("x", gettext("Cancel"), () => this.#cancel());
    this.#about.replaceChildren(icon(name), h("div", { class: "about-text" }, h("strong", {}, title), h("span", { dir: "auto" }, text)), cancel);
    this.#about.hidden = false;
  }
}
