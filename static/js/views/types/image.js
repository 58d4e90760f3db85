// Pictures: the place for one is there before it is.
import { fill, gettext } from "chat/i18n.js";
import { later } from "chat/views/lazy.js";
import { h, icon, linked } from "chat/views/dom.js";
import { progress } from "chat/views/progress.js";

const WIDEST = 320;
const HIGHEST = 360;
const SMALLEST = 96;
// A thumbnail stands still; what may move is shown itself, unless it is large.
const MOVING_AT_MOST = 4_000_000;

export const image = {
  name: "image",
  look: () => "pictured",
  preview: ({ content }) => [gettext("[Picture]"), content?.replace(/\s+/g, " ").slice(0, 200)].filter(Boolean).join(" "),
  text: (message) => message.content,
  address: (message) => message.mediaUrl,
  open: async (message, context) => (await later.lightbox()).openLightbox(message, context),
  attach: [
    { label: gettext("Picture"), icon: "image", run: (kit) => kit.pick({ accept: "image/*", multiple: true }) },
    { label: gettext("Camera"), icon: "camera", run: async (kit) => (await later.camera()).openCamera(kit) },
  ],
  body(message, { isGoing, local, part, meta }) {
    const picture = h("button", { type: "button", class: "picture", "data-act": "open", "aria-label": message.content ? gettext("Open the picture: ") + message.content : fill(gettext("Open the picture of %(name)s"), { name: message.senderName }), disabled: isGoing && !local }, shown(message, local));
    Object.assign(picture.style, size(message));
    return [
      h("div", { class: "picture-frame" }, picture, isGoing && progress(part), !message.content && meta),
      message.content && h("div", { class: "body caption", dir: "auto" }, h("span", { class: "text" }, linked(message.content)), meta),
    ];
  },
};

function shown({ width, height, thumbnailUrl, mediaUrl, mimeType, fileSize }, local) {
  const mayMove = mimeType === "image/webp" && fileSize <= MOVING_AT_MOST && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const address = local ?? ((mayMove && mediaUrl) || thumbnailUrl || mediaUrl);
  if (!address) return icon("image");
  const picture = h("img", { src: address, alt: "", width: width && String(width), height: height && String(height), loading: "lazy", decoding: "async", draggable: "false" });
  picture.addEventListener("error", () => picture.replaceWith(icon("image")), { once: true });
  return picture;
}

/** As large as it is seen, within limits; very long ones are cut, and shown whole when opened. */
function size({ width, height }) {
  if (!width || !height) return { inlineSize: "15rem", aspectRatio: "4 / 3" };
  const by = Math.min(1, WIDEST / width, HIGHEST / height);
  const wide = Math.round(Math.max(SMALLEST, width * by));
  const high = Math.round(Math.max(SMALLEST, height * by));
  return { inlineSize: `${wide}px`, aspectRatio: `${wide} / ${high}` };
}
