// The bar over the message under the mouse: reactions, reply, forward, more. One for the whole list, which goes from message
// to message and takes no place.
import { gettext, interpolate } from "chat/i18n.js";
import { QUICK } from "chat/views/conversation/reactions.js";
import { h, iconButton } from "chat/views/dom.js";

/** Reactions in the bar; all quick ones are in the menu. */
const SHOWN = 3;
const GAP_PX = 6;

export class MessageBar {
  #log;
  #inner;
  #element = h(
    "div",
    { class: "message-bar", role: "group", "aria-label": gettext("Message actions") },
    QUICK.slice(0, SHOWN).map((emoji) => {
      const label = interpolate(gettext("React with %(emoji)s"), { emoji });
      const does = { "data-act": "react", "data-emoji": emoji, "aria-label": label, title: label };
      return h("button", { type: "button", class: "quick", tabindex: "-1", ...does }, emoji);
    }),
    bar("smile", gettext("Add a reaction"), { "data-act": "pick", "aria-haspopup": "dialog" }),
    bar("reply", gettext("Reply"), { "data-act": "reply" }),
    bar("forward", gettext("Forward"), { "data-act": "forward", "aria-haspopup": "dialog" }),
    bar("ellipsis", gettext("Message actions"), { class: "message-menu", "aria-haspopup": "menu" }),
  );
  /** The key of the row that it stands on. */
  #key = null;

  /** `inner` has the rows, in `log`, which scrolls. */
  constructor(log, inner) {
    this.#log = log;
    this.#inner = inner;
    log.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.#moveTo(event.target.closest(".message"));
    });
    log.addEventListener("pointerleave", () => this.hide());
  }

  /** The rows were drawn: its row may be another element now. */
  restore() {
    if (this.#key === null || this.#element.isConnected) return;
    const row = this.#inner.querySelector(`[data-key="${CSS.escape(this.#key)}"]`);
    this.#moveTo(row?.matches(".message") ? row : row?.querySelector(".message"));
  }

  #moveTo(row) {
    if (!row || row.contains(this.#element) || this.#isInUse) return;
    const canReact = Boolean(row.dataset.id);
    if (row.matches(".recalled") || !(canReact || row.dataset.state === "sending")) {
      this.hide();
      return;
    }
    this.#key = row.closest("[data-key]").dataset.key;
    this.#element.classList.toggle("only-menu", !canReact);
    row.append(this.#element);
    this.#place(row);
  }

  /** Beside the bubble where there is room, otherwise above it; always in sight. */
  #place(row) {
    const { style, offsetWidth: width, offsetHeight: height } = this.#element;
    if (row.matches(".album-tile")) {
      style.left = style.top = "";
      return;
    }
    const [list, box] = [this.#log, row].map((one) => one.getBoundingClientRect());
    const bubble = row.querySelector(".bubble").getBoundingClientRect();
    const isLeft = row.matches(".own") !== (document.dir === "rtl");
    const room = isLeft ? bubble.left - list.left : list.right - bubble.right;
    const isBeside = room > width + 4 * GAP_PX;
    let left = isLeft ? bubble.right - width : bubble.left;
    if (isBeside) left = isLeft ? bubble.left - width - GAP_PX : bubble.right + GAP_PX;
    const top = isBeside ? bubble.bottom - height : bubble.top - height + GAP_PX;
    const inSight = Math.max(list.top + GAP_PX, Math.min(top, list.bottom - height - GAP_PX));
    style.left = `${left - box.left}px`;
    style.top = `${inSight - box.top}px`;
  }

  hide() {
    if (this.#isInUse) return;
    this.#key = null;
    this.#element.remove();
  }

  /** Whether something is open that one of its buttons has opened. */
  get #isInUse() {
    return this.#element.isConnected && this.#element.querySelector('[aria-expanded="true"]') !== null;
  }
}

function bar(name, label, attributes) {
  return iconButton(name, label, () => {}, { tabindex: "-1", ...attributes });
}
