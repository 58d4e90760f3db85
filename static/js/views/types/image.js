// Pictures. Their space is reserved before they are loaded.
import { gettext, interpolate } from "chat/i18n.js";
import { cut } from "chat/text.js";
import { h, icon } from "chat/views/dom.js";
import { PREVIEW_MAX } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { progress } from "chat/views/progress.js";
import { plainText, richText } from "chat/views/rich_text.js";

const WIDTH_MAX = 320;
const HEIGHT_MAX = 360;
const SIDE_MIN = 96;
// Thumbnails are not animated; a picture that may be is pictureElement itself up to this boxSize.
const ANIMATED_MAX_BYTES = 4_000_000;

export const image = {
  name: "image",
  shelf: "media",
  /** Several that were sent together stand as tiles in one album. */
  isTile: true,
  isEditable: true,
  className: () => "pictured",
  preview: ({ content }) =>
    [gettext("[Picture]"), cut(plainText(content ?? "").replace(/\s+/g, " "), PREVIEW_MAX)].filter(Boolean).join(" "),
  plainText: (message) => message.content,
  downloadUrl: (message) => message.mediaUrl,
  open: async (message, context) => (await lazy.lightbox()).openLightbox(message, context),
  attachItems: [
    { label: gettext("Picture"), icon: "image", run: (kit) => kit.pick({ accept: "image/*", multiple: true }) },
    { label: gettext("Camera"), icon: "camera", run: async (kit) => (await lazy.camera()).openCamera(kit) },
  ],
  body(message, { isSending, isInAlbum, local, part, meta }) {
    const picture = h(
      "button",
      {
        type: "button",
        class: "picture",
        "data-act": "open",
        "aria-label": message.content
          ? interpolate(gettext("Open the picture: %(caption)s"), { caption: plainText(message.content) })
          : interpolate(gettext("Open the picture of %(name)s"), { name: message.senderName }),
        disabled: isSending && !local,
      },
      pictureElement(message, local),
    );
    const frame = h("div", { class: "picture-frame" }, picture, isSending && progress(part));
    if (isInAlbum || !message.content) frame.append(meta);
    if (isInAlbum) return frame;
    Object.assign(picture.style, boxSize(message));
    if (!message.content) return frame;
    return [frame, captionOf(message, meta)];
  },
};

/** What is said of a picture or a video, or of all in an album. */
export const captionOf = ({ content }, meta = null) =>
  h("div", { class: "body caption", dir: "auto" }, h("span", { class: "text" }, richText(content)), meta);

function pictureElement({ width, height, thumbnailUrl, mediaUrl, mimeType, fileSize }, local) {
  const mayBeAnimated =
    mimeType === "image/webp" &&
    fileSize <= ANIMATED_MAX_BYTES &&
    !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const address = local ?? ((mayBeAnimated && mediaUrl) || thumbnailUrl || mediaUrl);
  if (!address) return icon("image");
  const picture = h("img", {
    src: address,
    alt: "",
    width: width && String(width),
    height: height && String(height),
    loading: "lazy",
    decoding: "async",
    draggable: "false",
  });
  picture.addEventListener("error", () => picture.replaceWith(icon("image")), { once: true });
  return picture;
}

/** CSS size within the limits; very long pictures are cropped, and shown whole when opened. */
export function boxSize({ width, height }) {
  if (!width || !height) return { inlineSize: "15rem", aspectRatio: "4 / 3" };
  const by = Math.min(1, WIDTH_MAX / width, HEIGHT_MAX / height);
  const wide = Math.round(Math.max(SIDE_MIN, width * by));
  const high = Math.round(Math.max(SIDE_MIN, height * by));
  return { inlineSize: `${wide}px`, aspectRatio: `${wide} / ${high}` };
}
