// Attachments: chosen from the menu, pasted, or dropped on the conversation.
import { gettext, interpolate } from "chat/i18n.js";
import { h, icon, toast } from "chat/views/dom.js";
import { pickFiles } from "chat/views/file_picker.js";
import { lazy } from "chat/views/lazy.js";
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
  #dragDepth = 0;
  #overlay = h("div", { class: "drop", hidden: true });

  /** `element` is the conversation, on which files can be dropped. */
  constructor(element, { store, actions, composer, onSent, maxUpload, map }) {
    this.#store = store;
    this.#actions = actions;
    this.#composer = composer;
    this.#onSent = onSent;
    this.#maxUpload = maxUpload;
    this.#map = map;
    element.append(this.#overlay);
    document.addEventListener("paste", (event) => this.#onPaste(event));
    element.addEventListener("dragenter", (event) => this.#onDrag(event, 1));
    element.addEventListener("dragleave", (event) => this.#onDrag(event, -1));
    element.addEventListener("drop", (event) => this.#onDrop(event));
    // Without this, a file dropped beside it would replace the page.
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
    this.#showOverlay(false);
  }

  openMenu(anchor) {
    const kit = this.kit();
    openMenu(
      anchor,
      [...TYPES.values()]
        .flatMap(({ attachItems = [] }) => attachItems)
        .map(({ label, icon: name, run }) => ({ label, icon: name, run: () => run(kit) })),
    );
  }

  /**
   * What message types attach with: settings, file choosers, and ways to send. Bound to the chat
   * that is open now; the first thing sent takes the composer's reply.
   */
  kit() {
    const key = this.#key;
    const sent =
      (work) =>
      (...values) => {
        work(...values)?.delivery.catch((problem) => toast(problem.message));
        if (key === this.#key) this.#onSent();
      };
    let replyTo;
    const takeReply = () => {
      const first = replyTo === undefined ? this.#composer.takeReply() : null;
      replyTo = null;
      return first;
    };
    const kit = {
      map: this.#map,
      maxUpload: this.#maxUpload,
      name: this.#store.chats.get(key)?.name ?? "",
      pick: async (how) => {
        const files = await pickFiles(how);
        if (files.length) (await lazy.files()).openFiles(files, kit, how);
      },
      pickMore: (how) => pickFiles({ ...how, multiple: true }),
      pickRecording: async () => {
        const files = await pickFiles({ accept: "audio/*", capture: "user" });
        const { prepareAudioFile } = await lazy.prepare();
        for (const file of files) kit.sendFile(prepareAudioFile(file), "");
      },
      openFiles: async (files) => (await lazy.files()).openFiles(files, kit),
      record: () => this.#composer.record(),
      sendFile: sent((prepared, caption) => this.#actions.messages.sendFile(key, prepared, caption, takeReply())),
      findPlaces: (name) => this.#actions.messages.findPlaces(name),
      addressOf: (place) => this.#actions.messages.addressOf(place),
      sendLocation: sent((location) => this.#actions.messages.sendLocation(key, location, takeReply())),
    };
    return kit;
  }

  get #isOpen() {
    const chat = this.#store.chats.get(this.#key);
    return Boolean(chat) && !chat.away && !document.querySelector("dialog[open]");
  }

  #onPaste(event) {
    const { files } = event.clipboardData ?? {};
    // Copied text or table cells also come as a picture; the text is what is meant.
    if (!files?.length || event.clipboardData.getData("text/plain") || !this.#isOpen) return;
    event.preventDefault();
    this.kit().openFiles([...files]);
  }

  #onDrag(event, step) {
    if (!hasFiles(event) || !this.#isOpen) return;
    event.preventDefault();
    // Every element under the pointer fires dragenter and dragleave.
    this.#dragDepth = Math.max(0, this.#dragDepth + step);
    this.#showOverlay(this.#dragDepth > 0);
  }

  #onDrop(event) {
    this.#showOverlay(false);
    if (!hasFiles(event) || !this.#isOpen) return;
    event.preventDefault();
    const items = [...(event.dataTransfer.items ?? [])];
    const hasFolder = items.some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const files = hasFolder
      ? items.filter((item) => item.webkitGetAsEntry()?.isFile).map((item) => item.getAsFile())
      : [...event.dataTransfer.files];
    if (hasFolder) toast(gettext("Folders cannot be sent."));
    if (files.length) this.kit().openFiles(files);
  }

  #showOverlay(isShown) {
    if (!isShown) this.#dragDepth = 0;
    if (this.#overlay.hidden === !isShown) return;
    this.#overlay.hidden = !isShown;
    const chat = this.#store.chats.get(this.#key);
    if (isShown)
      this.#overlay.replaceChildren(
        h(
          "div",
          {},
          icon("upload"),
          h("strong", {}, interpolate(gettext("Drop here to send to %(name)s"), { name: chat.name })),
          h("span", {}, gettext("You see it before it is sent.")),
        ),
      );
  }
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
