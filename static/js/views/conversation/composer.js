// The message field: Enter sends, except in a code block that is not closed, and Shift+Enter breaks
// the line; the keys of an input method do neither. What is being written (text, reply, edits) is the
// chat's draft, and saved with every change.
import { gettext, interpolate } from "chat/i18n.js";
import { mentionsWithin, moveMentions, withMention } from "chat/mentions.js";
import { serverNow } from "chat/timing.js";
import { MentionList } from "chat/views/conversation/mention_list.js";
import { RecordingBar } from "chat/views/conversation/recording_bar.js";
import { announce, h, icon, iconButton, toast } from "chat/views/dom.js";
import { playTime } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { endsInFence } from "chat/views/markdown.js";
import { isCommand } from "chat/views/shortcuts.js";
import { preview, typeOf } from "chat/views/types/registry.js";

const MESSAGE_MAX = 8000;
const TICK_MS = 250;
const COUNTER_FROM = 7500;
// Safari ends a composition right before the keydown of the key that ended it.
const COMPOSITION_GRACE_MS = 50;

/** What Ctrl and a letter, or Ctrl, Shift and a letter put around the selection. */
const MARKS = [
  { letter: "b", mark: "**" },
  { letter: "i", mark: "*" },
  { letter: "x", mark: "~~", isShifted: true },
];

/** As it is sent: without blank lines around it; the first line keeps its indentation. */
const trimmed = (text) => text.replace(BLANK_LINES, "").trimEnd();
const BLANK_LINES = /^(?:[^\S\n]*\n)+/;

const lengthOf = (text) => (text.length < COUNTER_FROM ? text.length : [...text].length);

export class Composer {
  #store;
  #actions;
  #onSent;
  #editLast;
  #openAttachMenu;
  #mentions;
  #recording;
  #line;
  #key = null;
  #isComposing = false;
  #composedAt = -Infinity;
  /** What is being written in the open chat, as `Store.draftOf` has it. */
  #draft;
  #unsubscribe = () => {};
  /** Chats whose text is on its way and kept nowhere but in the field. */
  #unkept = new Set();
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
  // Read with the field, and not each second.
  #slow = h("p", { class: "slow-line", id: "slow-line", hidden: true }, icon("timer"), h("span", {}));
  /** When the next message may be sent in a group with slow mode, by the server's clock. */
  #waitsUntil = 0;
  #waitTimer = 0;
  #context = h("div", { class: "about", hidden: true });

  /**
   * `onSent()` is called after a message was sent, `editLast()` when ↑ is pressed in the empty
   * field, `attach(anchor)` opens the attachment menu, `kit()` is how a recording is sent.
   */
  constructor({ store, actions, onSent, editLast, attach, kit }) {
    this.#store = store;
    this.#actions = actions;
    this.#draft = store.draftOf(null);
    this.#onSent = onSent;
    this.#editLast = editLast;
    this.#openAttachMenu = attach;
    this.#recording = new RecordingBar({
      kit,
      onChange: (isShown, { focus }) => this.#toggleRecording(isShown, focus),
    });
    this.#mentions = new MentionList({
      store,
      actions,
      field: this.#text,
      pick: (start, end, person) => this.#insertMention(start, end, person),
      isTaken: (at) => (this.#written.mentions ?? []).some(({ start }) => start === at),
    });
    this.#line = h("div", { class: "composer-line" }, this.#attach, this.#emoji, this.#text, this.#voice, this.#send);
    this.element = h(
      "div",
      { class: "composer-inner" },
      this.#mentions.element,
      this.#context,
      this.#line,
      this.#recording.element,
      this.#slow,
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
      this.#mentions.update();
    });
    // The field keeps the focus, so that a phone keeps its keyboard open.
    this.#send.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  open(key) {
    this.#key = key;
    this.#mentions.open(key);
    this.#unsubscribe();
    this.#unsubscribe = this.#store.on(`draft:${key}`, () => this.#isComposing || this.#restore());
    this.#restore();
    this.#recording.open(key);
  }

  /** No chat is open: a recording under way is kept for its chat. */
  close() {
    this.#unsubscribe();
    this.#recording.open(null);
  }

  record() {
    if (!this.#isWaiting) this.#recording.start();
  }

  /** In a group with slow mode: no message is sent before this time of the server's clock; what is written stays. */
  waitUntil(time) {
    if (time === this.#waitsUntil) return;
    this.#waitsUntil = time;
    this.#showWait();
  }

  get #isWaiting() {
    return serverNow() < this.#waitsUntil;
  }

  #showWait() {
    clearTimeout(this.#waitTimer);
    const left = Math.ceil((this.#waitsUntil - serverNow()) / 1000);
    this.#slow.hidden = left <= 0;
    this.#attach.disabled = this.#voice.disabled = left > 0;
    if (left > 0) {
      const said = interpolate(gettext("Slow mode: you can write again in %(time)s."), { time: playTime(left) });
      this.#slow.lastElementChild.textContent = said;
      this.#text.setAttribute("aria-describedby", this.#slow.id);
      this.#waitTimer = setTimeout(() => this.#showWait(), TICK_MS);
    } else this.#text.removeAttribute("aria-describedby");
    this.#resize();
  }

  /** The id of the message that the next one replies to, once. */
  takeReply() {
    const id = (!this.#edit && this.#draft.replyTo?.id) || null;
    if (id) this.#change({ replyTo: null, isAside: false });
    return id;
  }

  focus() {
    this.#text.focus();
  }

  /** An edit begun earlier goes on where it was left. */
  edit(message) {
    const edits = this.#draft.edits.filter((one) => one.text !== one.message.content);
    const begun = edits.find((one) => one.message.id === message.id);
    const others = edits.filter((one) => one !== begun);
    const afresh = { message, text: message.content, mentions: message.mentions ?? [] };
    this.#change({ edits: [...others, begun ? { ...begun, message } : afresh], isAside: false });
    this.#focusEnd();
  }

  /** An edit under way is put aside, and comes back when the reply is sent or given up. */
  reply(message) {
    this.#change({ replyTo: message, isAside: this.#draft.edits.length > 0 });
    this.focus();
  }

  /** Adds a text behind the message that is already written. */
  append(text) {
    const before = this.#draft.text;
    this.#change({
      text: before.trim() ? `${before}\n${text}` : text,
      isAside: this.#draft.edits.length > 0,
    });
    this.#focusEnd();
  }

  /** The edit that the field shows: {message, text}; null while it shows a message. */
  get #edit() {
    return this.#draft.isAside ? null : (this.#draft.edits.at(-1) ?? null);
  }

  #onKeydown(event) {
    // Escape closes the input method's candidates, the arrows choose among them.
    if (this.#isOfInputMethod(event) || this.#mentions.handleKey(event)) return;
    if (event.key === "Escape" && (this.#edit || this.#draft.replyTo || this.#draft.isAside)) {
      event.preventDefault();
      this.#cancel();
    }
    const isUp = event.key === "ArrowUp" && !event.altKey; // with Alt it leads to another conversation
    if (isUp && !this.#text.value && !this.#edit && this.#editLast()) event.preventDefault();
    const format = MARKS.find(({ letter, isShifted }) => isCommand(event, letter, isShifted));
    if (format) {
      event.preventDefault();
      this.#wrap(format.mark);
    }
    if (event.key !== "Enter" || event.shiftKey) return;
    if (endsInFence(this.#text.value.slice(0, this.#text.selectionStart))) return;
    event.preventDefault();
    this.#submit();
  }

  #isOfInputMethod(event) {
    return (
      event.isComposing ||
      event.keyCode === 229 ||
      this.#isComposing ||
      event.timeStamp - this.#composedAt < COMPOSITION_GRACE_MS
    );
  }

  #onInput() {
    const { value } = this.#text;
    this.#resize();
    const written = this.#written;
    written.mentions = moveMentions(written.mentions ?? [], written.text, value);
    written.text = value;
    this.#save();
    if (!this.#isComposing) this.#mentions.update();
    if (!this.#edit && value.trim()) this.#actions.messages.notifyTyping(this.#key);
  }

  /** An empty caption is none. */
  get #mayBeEmpty() {
    return Boolean(this.#edit) && !typeOf(this.#edit.message).needsWords;
  }

  /** What the field shows, with {text, mentions} to be changed: the edit under way, or the message. */
  get #written() {
    return this.#edit ?? this.#draft;
  }

  #insertMention(start, end, { id, name }) {
    const said = this.#text.value[start] + name;
    this.#text.setRangeText(`${said} `, start, end, "end");
    this.#onInput();
    this.#written.mentions = withMention(this.#written.mentions, { userId: id, start, length: said.length });
    this.#save();
  }

  async #submit() {
    const { value } = this.#text;
    const content = trimmed(value);
    if ((!content.trim() && !this.#mayBeEmpty) || lengthOf(content) > MESSAGE_MAX || this.#text.readOnly) return;
    if (this.#isWaiting && !this.#edit) {
      announce(this.#slow.textContent);
      return;
    }
    const start = BLANK_LINES.exec(value)?.[0].length ?? 0;
    const said = { content, mentions: mentionsWithin(this.#written.mentions ?? [], start, start + content.length) };
    if (this.#edit) {
      await this.#saveEdit(said);
      return;
    }
    const key = this.#key;
    const sent = this.#actions.messages.send(key, said, this.#draft.replyTo?.id ?? null);
    if (!sent) return;
    if (sent.isKept) this.#clearMessage(key);
    else this.#clearWhenDelivered(key, sent.delivery);
    this.#onSent();
  }

  /** The browser has no room for the message: the field keeps it until it has arrived. */
  async #clearWhenDelivered(key, delivery) {
    this.#unkept.add(key);
    this.#text.readOnly = true;
    try {
      await delivery;
      this.#unkept.delete(key);
      this.#clearMessage(key);
    } catch (problem) {
      this.#unkept.delete(key);
      toast(problem.message);
    }
    this.#text.readOnly = this.#unkept.has(this.#key);
  }

  #clearMessage(key) {
    this.#changeOf(key, (draft) => Object.assign(draft, { text: "", mentions: [], replyTo: null, isAside: false }));
    if (key === this.#key) this.#focusEnd();
  }

  async #saveEdit(said) {
    const key = this.#key;
    const { message, text } = this.#edit;
    const isSame =
      said.content === message.content && JSON.stringify(said.mentions) === JSON.stringify(message.mentions ?? []);
    try {
      if (!isSame) await this.#actions.messages.edit(message, said);
      // What was written meanwhile stays.
      this.#changeOf(key, (draft) => {
        draft.edits = draft.edits.filter((one) => one.message.id !== message.id || one.text !== text);
      });
      if (key === this.#key) this.#focusEnd();
    } catch (problem) {
      toast(problem.message);
    }
  }

  /** Gives up what the line above the field names: an edit, or a reply. */
  #cancel() {
    if (this.#edit) this.#change({ edits: this.#draft.edits.slice(0, -1) });
    else this.#change({ replyTo: null, isAside: false });
    this.#focusEnd();
  }

  // ── The draft ───────────────────────────────────────────────────────────
  #change(change) {
    this.#changeOf(this.#key, (draft) => Object.assign(draft, change));
  }

  /** Changes a chat's draft, which need not be the open one any more. */
  #changeOf(key, change) {
    const draft = key === this.#key ? this.#draft : this.#store.draftOf(key);
    change(draft);
    if (!draft.edits.length) draft.isAside = false;
    this.#actions.messages.saveDraft(key, draft);
    if (key === this.#key) this.#render();
  }

  #save() {
    this.#actions.messages.saveDraft(this.#key, this.#draft);
  }

  #restore() {
    this.#draft = this.#store.draftOf(this.#key);
    this.#text.readOnly = this.#unkept.has(this.#key);
    this.#render();
  }

  #render() {
    const { replyTo, text } = this.#draft;
    const edit = this.#edit;
    const shown = edit?.text ?? text;
    if (this.#text.value !== shown) this.#text.value = shown;
    this.#resize();
    this.#context.hidden = !edit && !replyTo;
    if (edit) this.#showContext("pencil", gettext("Editing"), preview(edit.message, this.#store.me.id));
    else if (replyTo) this.#showReply(replyTo);
  }

  #showReply(replyTo) {
    const message = this.#store.withSender(this.#store.timeline(this.#key).find(replyTo.id) ?? replyTo);
    const name = message.senderId === this.#store.me.id ? gettext("yourself") : message.senderName;
    this.#showContext(
      "reply",
      interpolate(gettext("Reply to %(name)s"), { name }),
      preview(message, this.#store.me.id),
    );
  }

  #focusEnd() {
    this.focus();
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
  }

  /** Puts a mark around what is selected in each line, or takes it away from around the selection. */
  #wrap(mark) {
    const { selectionStart, selectionEnd, value, readOnly } = this.#text;
    if (readOnly) return;
    const selected = value.slice(selectionStart, selectionEnd).trim();
    const start = selected ? value.indexOf(selected, selectionStart) : selectionStart;
    const end = start + selected.length;
    // Of *** one is the mark of italic text, of ** none.
    const outside = value.slice(0, start).match(/[*~]*$/)[0].length;
    if ([mark.length, 3].includes(outside) && value.slice(end).startsWith(mark)) {
      this.#replace(start - mark.length, end + mark.length, selected);
      this.#text.setSelectionRange(start - mark.length, end - mark.length);
      return;
    }
    const isLine = !selected.includes("\n");
    const wrapped = isLine ? mark + selected + mark : selected.replace(/\S(?:.*\S)?/g, `${mark}$&${mark}`);
    this.#replace(start, end, wrapped);
    const inner = isLine ? mark.length : 0;
    this.#text.setSelectionRange(start + inner, start + wrapped.length - inner);
  }

  /** Like typing: the browser can undo it. */
  #replace(start, end, text) {
    this.#text.setSelectionRange(start, end);
    if (document.execCommand("insertText", false, text)) return;
    this.#text.setRangeText(text, start, end, "end");
    this.#onInput();
  }

  #insert(emoji) {
    this.#text.setRangeText(emoji, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#onInput();
  }

  #resize() {
    const text = this.#text;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
    const length = text.value.trim() ? lengthOf(trimmed(text.value)) : 0;
    this.#count.hidden = length < COUNTER_FROM;
    this.#count.textContent = this.#count.hidden ? "" : `${length} / ${MESSAGE_MAX}`;
    this.#count.classList.toggle("over", length > MESSAGE_MAX);
    const waits = this.#isWaiting && !this.#edit;
    this.#send.disabled = (!length && !this.#mayBeEmpty) || length > MESSAGE_MAX || waits;
    this.#send.hidden = !length && !this.#edit;
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
  }
}
