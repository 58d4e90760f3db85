// The files that were chosen, pasted or dropped, shown before they are sent: preview, caption,
// removal.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { isPicture, isVideo, prepare } from "chat/media/prepare.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, iconButton, toast } from "chat/views/dom.js";
import { fileSize } from "chat/views/format.js";
import { fileIcon, fileName } from "chat/views/types/file.js";

const CAPTION_MAX = 1000;

export function openFiles(chosen, kit, { asFiles = false, accept = null } = {}) {
  let items = [];
  const list = h("ul", { class: "chosen" });
  const caption = h("textarea", {
    class: "input",
    id: "caption",
    rows: "1",
    maxlength: String(CAPTION_MAX),
    dir: "auto",
    placeholder: gettext("Add a caption"),
    "aria-label": gettext("Caption"),
  });
  const asFile = h("input", { type: "checkbox", checked: asFiles });
  const originals = h(
    "label",
    { class: "switch" },
    asFile,
    h(
      "span",
      {},
      gettext("Send as files"),
      h(
        "small",
        {},
        gettext("Pictures and videos then stay as they are, with what they know of their place and camera."),
      ),
    ),
  );
  const more = h(
    "button",
    { type: "button", class: "button quiet", on: { click: () => kit.pickMore({ accept }).then(add) } },
    icon("plus"),
    gettext("More"),
  );
  const send = h(
    "button",
    { type: "button", class: "button primary", id: "send-files", on: { click: submit } },
    icon("send-horizontal"),
    gettext("Send"),
  );
  const { dialog, heading, close } = openDialog(gettext("Send"), {
    kind: "files",
    content: [list, caption, originals],
    buttons: [more, send],
    onClose: () => items.forEach(releaseItem),
  });
  let isSent = false;

  asFile.addEventListener("change", () => items.forEach((item) => prepareItem(item)));
  caption.addEventListener("input", () => {
    caption.style.height = "auto";
    caption.style.height = `${caption.scrollHeight + 2}px`;
  });
  caption.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  // While the dialog is open, pasted and dropped files are added.
  dialog.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    if (!files.length || event.clipboardData.getData("text/plain")) return;
    event.preventDefault();
    add([...files]);
  });
  dialog.addEventListener("drop", (event) => add([...event.dataTransfer.files]));
  dialog.addEventListener("dragover", (event) => event.preventDefault());

  function add(files) {
    for (const file of files) {
      const item = { file, address: URL.createObjectURL(file), element: h("li", {}) };
      items.push(item);
      list.append(item.element);
      prepareItem(item);
    }
    render();
  }

  /** Files are prepared while the dialog is open, so that sending takes no time. */
  function prepareItem(item) {
    const ready = prepare(item.file, { asFile: asFile.checked });
    item.ready = ready;
    item.prepared = null;
    ready.then((prepared) => {
      if (item.ready !== ready) return;
      item.prepared = prepared;
      item.problem = sizeProblem(prepared, kit.maxUpload);
      render();
    });
  }

  function remove(item) {
    const index = items.indexOf(item);
    items = items.filter((one) => one !== item);
    releaseItem(item);
    item.element.remove();
    if (!items.length) close();
    else (items[Math.min(index, items.length - 1)].element.querySelector("button") ?? caption).focus();
    render();
  }

  function render() {
    const count = items.filter(({ problem }) => !problem).length || items.length;
    heading.textContent = interpolate(sendWhat(count), { count, name: kit.name });
    originals.hidden = !items.some(({ file }) => isSeenHere(file));
    list.classList.toggle("single", count === 1);
    for (const item of items) renderItem(item);
    send.disabled = items.every(({ problem }) => problem);
  }

  function sendWhat(count) {
    const areAll = (fits) => !asFile.checked && items.every(({ file }) => fits(file));
    if (areAll(isPicture))
      return ngettext("Send %(count)s picture to %(name)s", "Send %(count)s pictures to %(name)s", count);
    if (areAll(isVideo))
      return ngettext("Send %(count)s video to %(name)s", "Send %(count)s videos to %(name)s", count);
    return ngettext("Send %(count)s file to %(name)s", "Send %(count)s files to %(name)s", count);
  }

  function renderItem(item) {
    const isSeen = !asFile.checked && isSeenHere(item.file);
    if (item.isSeen !== isSeen) {
      item.isSeen = isSeen;
      buildItem(item);
    }
    item.note.textContent = item.problem ?? fileSize((item.prepared?.file ?? item.file).size);
    item.note.classList.toggle("error", Boolean(item.problem));
  }

  function buildItem(item) {
    const { file, element, address } = item;
    const removeButton = iconButton(
      "x",
      interpolate(gettext("Remove %(name)s"), { name: file.name }),
      () => remove(item),
      { class: "take" },
    );
    item.note = h("small");
    element.className = item.isSeen ? "as-picture" : "as-file";
    if (!item.isSeen) {
      element.replaceChildren(
        fileIcon(file.name),
        h("span", { class: "file-text" }, fileName(file.name), item.note),
        removeButton,
      );
      return;
    }
    item.picture ??= isVideo(file)
      ? h("video", {
          src: address,
          muted: true,
          playsinline: true,
          controls: true,
          preload: "metadata",
          "aria-label": file.name,
        })
      : h("img", { src: address, alt: file.name });
    // HEIC, outside Safari: it is sent all the same, and the server's version is shown.
    item.picture.addEventListener(
      "error",
      () => item.picture.replaceWith(h("span", { class: "unseen" }, fileIcon(file.name), fileName(file.name))),
      { once: true },
    );
    element.replaceChildren(item.picture, item.note, removeButton);
  }

  async function submit() {
    if (isSent || send.disabled) return;
    isSent = true;
    const going = items.filter(({ problem }) => !problem);
    const captionText = caption.value.trim();
    if (going.length === items.length) close();
    else keepRefused(going);
    let isFirst = true;
    for (const item of going) {
      const prepared = await item.ready;
      const problem = sizeProblem(prepared, kit.maxUpload);
      // Found out only now, while the dialog is closed.
      if (problem) toast(interpolate(gettext("%(name)s was not sent: %(problem)s"), { name: item.file.name, problem }));
      else {
        kit.sendFile(prepared, isFirst ? captionText : "");
        isFirst = false;
      }
    }
  }

  /** What cannot be sent stays, with its reason, until it is taken away or goes as a file. */
  function keepRefused(going) {
    for (const item of going) {
      item.element.remove();
      releaseItem(item);
    }
    items = items.filter((item) => !going.includes(item));
    caption.value = "";
    isSent = false;
    render();
    const count = items.length;
    heading.textContent = interpolate(ngettext("%(count)s file was not sent", "%(count)s files were not sent", count), {
      count,
    });
  }

  add(chosen);
  caption.focus();
}

const isSeenHere = (file) => isPicture(file) || isVideo(file);

function releaseItem({ address, picture }) {
  // A picture that is still loading would miss its file.
  picture?.removeAttribute("src");
  URL.revokeObjectURL(address);
}

function sizeProblem({ file, mediaType }, maxUpload) {
  if (!file.size) return gettext("This file is empty.");
  const most = maxUpload[mediaType];
  return file.size > most ? interpolate(gettext("Too large: at most %(size)s."), { size: fileSize(most) }) : null;
}
