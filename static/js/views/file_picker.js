import { h } from "chat/views/dom.js";

/** Opens the system's file chooser; resolves with the chosen files. */
export function pickFiles({ accept = null, multiple = false, capture = null }) {
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
