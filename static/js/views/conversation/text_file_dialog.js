// Text files: their first lines in the bubble, and what fits of them in a dialog, coloured as code is.
import { gettext } from "chat/i18n.js";
import { highlight } from "chat/views/conversation/highlight.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, toast } from "chat/views/dom.js";
import { fileSize } from "chat/views/format.js";
import { languageOf } from "chat/views/types/file.js";

const PEEK_BYTES = 2048;
const PEEK_LINES = 8;
const SHOWN_BYTES = 64 * 1024;
/** Characters that are coloured; a text may have more. */
const COLOURED_MAX = 8000;
const KEPT_MAX = 100;

/** First lines by address: bubbles are built again and again. */
const known = new Map();

/** Fills the room in a bubble; what is no text after all leaves none. */
export async function peekInto(element, actions) {
  const lines = element.querySelector("code[data-peek]");
  const address = lines.dataset.peek;
  try {
    if (!known.has(address)) {
      const text = await actions.messages.beginningOf({ mediaUrl: address }, PEEK_BYTES);
      if (known.size >= KEPT_MAX) known.delete(known.keys().next().value);
      known.set(address, text?.split(/\r?\n/).slice(0, PEEK_LINES).join("\n").trimEnd() ?? "");
    }
    const text = known.get(address);
    element.hidden = !text;
    if (text) fill(lines, text, lines.dataset.peekedAs, actions);
  } catch {
    // Shown as a file alone until the chat is opened again.
    element.hidden = true;
  }
}

export async function openTextFile(message, { actions, focusMessage = () => {} }) {
  let text;
  try {
    text = await actions.messages.beginningOf(message, SHOWN_BYTES);
  } catch (problem) {
    toast(problem.message);
    return;
  }
  const code = h("code", { dir: "auto" });
  const isCut = message.fileSize > SHOWN_BYTES;
  openDialog(message.fileName ?? gettext("File"), {
    kind: "text-file",
    content: [
      h("pre", { tabindex: "0", "aria-label": message.fileName ?? gettext("File") }, code),
      isCut && h("p", {}, gettext("This is its beginning. All of it is in the file.")),
    ].filter(Boolean),
    buttons: [
      h(
        "a",
        { class: "button primary", href: message.mediaUrl, download: message.fileName ?? "" },
        icon("download"),
        `${gettext("Download")} (${fileSize(message.fileSize)})`,
      ),
    ],
    onClose: () => focusMessage(message),
  });
  fill(code, text ?? "", languageOf(message.fileName) ?? "", actions);
}

function fill(code, text, language, actions) {
  code.textContent = text;
  if (!language || text.length > COLOURED_MAX) return;
  code.dataset.language = language;
  highlight(code, (...block) => actions.messages.highlight(...block));
}
