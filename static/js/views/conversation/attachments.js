// Everything but words gets into a conversation here: chosen from the menu, pasted, or dropped anywhere on it.
import { fill, gettext } from "chat/i18n.js";
import { later } from "chat/views/lazy.js";
import { chosenRecording } from "chat/media/prepare.js";
import { h, icon, toast } from "chat/views/dom.js";
import { openMenu } from "chat/views/menu.js";
import { TYPES } from "chat/views/types/registry.js";

export class Attachments {
  #store;
  #actions;
  #composer;
  #onSent;
  #key = null;
  #maxUpload;
  #map;
  #entered = 0;
  #overlay = h("div", { class: "drop", hidden: true });

  /** `element` is the conversation: what is dropped on it is sent to it. */
  constructor(element, { store, actions, composer, onSent, maxUpload, map }) {
    this.#store = store;
    this.#actions = actions;
    this.#composer = composer;
    this.#onSent = onSent;
    this.#maxUpload = maxUpload;
    this.#map = map;
    element.append(this.#overlay);
    document.addEventListener("paste", (event) => this.#pasted(event));
    element.addEventListener("dragenter", (event) => this.#dragged(event, 1));
    element.addEventListener("dragleave", (event) => this.#dragged(event, -1));
    element.addEventListener("drop", (event) => this.#dropped(event));
    // A file dropped beside it would take the page's place.
    for (const kind of ["dragover", "drop"]) {
      window.addEventListener(kind, (event) => {
        if (!hasFiles(event) || event.defaultPrevented) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = this.#isOpen && element.contains(event.target) ? "copy" : "none";
      });
    }
  }

  open(key) {
    this.#key = key;
    this.#show(false);
  }

  offer(anchor) {
    const kit = this.kit();
    openMenu(anchor, [...TYPES.values()].flatMap(({ attach = [] }) => attach).map(({ label, icon: name, run }) => ({ label, icon: name, run: () => run(kit) })));
  }

  /** What types get to do their part with. It stays with the chat it was made for. */
  kit() {
    const key = this.#key;
    const sent = (work) => (...values) => {
      work(...values);
      if (key === this.#key) this.#onSent();
    };
    let replyTo;
    const answer = () => {
      const first = replyTo === undefined ? this.#composer.takeAnswer() : null;
      replyTo = null;
      return first;
    };
    const kit = {
      map: this.#map,
      maxUpload: this.#maxUpload,
      name: this.#store.chats.get(key)?.name ?? "",
      pick: async (how) => {
        const files = await pick(how);
        if (files.length) (await later.files()).openFiles(files, kit, how);
      },
      pickMore: (how) => pick({ ...how, multiple: true }),
      pickRecording: async () => {
        for (const file of await pick({ accept: "audio/*", capture: "user" })) kit.sendFile(chosenRecording(file), "");
      },
      offer: async (files) => (await later.files()).openFiles(files, kit),
      record: () => this.#composer.record(),
      sendFile: sent((prepared, caption) => this.#actions.sendFile(key, prepared, caption, answer())),
      sendPlace: sent((place) => this.#actions.sendPlace(key, place, answer())),
    };
    return kit;
  }

  get #isOpen() {
    const chat = this.#store.chats.get(this.#key);
    return Boolean(chat) && !chat.away && !document.querySelector("dialog[open]");
  }

  #pasted(event) {
    const { files } = event.clipboardData ?? {};
    // What was copied from a text or a table is also there as its picture; the words are what is meant.
    if (!files?.length || event.clipboardData.getData("text/plain") || !this.#isOpen) return;
    event.preventDefault();
    this.kit().offer([...files]);
  }

  #dragged(event, step) {
    if (!hasFiles(event) || !this.#isOpen) return;
    event.preventDefault();
    // Every element under the pointer tells of coming and going.
    this.#entered = Math.max(0, this.#entered + step);
    this.#show(this.#entered > 0);
  }

  #dropped(event) {
    this.#show(false);
    if (!hasFiles(event) || !this.#isOpen) return;
    event.preventDefault();
    const items = [...(event.dataTransfer.items ?? [])];
    const hasFolder = items.some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const files = hasFolder ? items.filter((item) => item.webkitGetAsEntry()?.isFile).map((item) => item.getAsFile()) : [...event.dataTransfer.files];
    if (hasFolder) toast(gettext("Folders cannot be sent."));
    if (files.length) this.kit().offer(files);
  }

  #show(isShown) {
    if (!isShown) this.#entered = 0;
    if (this.#overlay.hidden === !isShown) return;
    this.#overlay.hidden = !isShown;
    const chat = this.#store.chats.get(this.#key);
    if (isShown) this.#overlay.replaceChildren(h("div", {}, icon("upload"), h("strong", {}, fill(gettext("Drop here to send to %(name)s"), { name: chat.name })), h("span", {}, gettext("You see it before it is sent."))));
  }
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** The system's own chooser. */
export function pick({ accept = null, multiple = false, capture = null }) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept, multiple, capture, hidden: true });
    const done = () => {
      resolve([...input.files]);
      input.remove();
    };
    input.addEventListener("change", done);
    input.addEventListener("cancel", done);
    document.body.append(input);
    input.click();
  });
}
