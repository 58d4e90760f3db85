// Videos: a poster with the length, and a player in its place once it is asked for.
import { gettext, interpolate } from "chat/i18n.js";
import { cut } from "chat/text.js";
import { h, icon } from "chat/views/dom.js";
import { playTime, PREVIEW_MAX } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { progress } from "chat/views/progress.js";
import { plainText } from "chat/views/rich_text.js";
import { boxSize, captionOf } from "chat/views/types/image.js";
import { playerOf, startVideo } from "chat/views/video_player.js";

const lengthOf = ({ mediaDuration }) => (mediaDuration == null ? "" : playTime(mediaDuration));

export const video = {
  name: "video",
  shelf: "media",
  isTile: true,
  isEditable: true,
  className: () => "pictured filmed",
  preview: (message) =>
    [gettext("[Video]"), lengthOf(message), cut(plainText(message.content ?? "").replace(/\s+/g, " "), PREVIEW_MAX)]
      .filter(Boolean)
      .join(" "),
  plainText: (message) => message.content,
  downloadUrl: (message) => message.mediaUrl,
  open: async (message, context) => (await lazy.lightbox()).openLightbox(message, context),
  attachItems: [
    { label: gettext("Video"), icon: "video", run: (kit) => kit.pick({ accept: "video/*", multiple: true }) },
  ],
  body(message, { isSending, isInAlbum, local, part, meta }) {
    const name = message.clientId ?? message.id;
    const running = !isSending && !isInAlbum && playerOf(name, message);
    const frame = h("div", { class: running ? "picture-frame film running" : "picture-frame film" });
    const face = running || posterButton(message, { isSending, isInAlbum, local, frame, name });
    frame.append(...[face, isSending && progress(part)].filter(Boolean));
    if (!isSending && !isInAlbum && message.mediaUrl) frame.append(largeButton());
    if (isInAlbum || !message.content) frame.append(meta);
    if (isInAlbum) return frame;
    Object.assign(face.style, boxSize(message));
    return message.content ? [frame, captionOf(message, meta)] : frame;
  },
};

/** What plays it: here, or from an album in the viewer. */
function posterButton(message, { isSending, isInAlbum, local, frame, name }) {
  const label = interpolate(gettext("Play the video of %(name)s, %(time)s"), {
    name: message.senderName,
    time: lengthOf(message),
  });
  const button = h(
    "button",
    {
      type: "button",
      class: "picture poster",
      "data-act": isInAlbum && "open",
      "aria-label": message.content ? `${label}: ${plainText(message.content)}` : label,
      disabled: isSending || !message.mediaUrl,
    },
    posterOf(message, local),
    !isSending && h("span", { class: "film-play" }, icon("play")),
    lengthOf(message) && h("span", { class: "film-length", "aria-hidden": "true" }, icon("video"), lengthOf(message)),
  );
  if (!isInAlbum)
    button.addEventListener("click", () => {
      const player = startVideo(name, message);
      Object.assign(player.style, boxSize(message));
      button.replaceWith(player);
      player.focus({ preventScroll: true });
      frame.classList.add("running");
    });
  return button;
}

/** The server's poster; before there is one, the beginning of the file itself. */
function posterOf({ thumbnailUrl, width, height }, local) {
  const size = { width: width && String(width), height: height && String(height) };
  if (!thumbnailUrl)
    return local
      ? h("video", {
          src: `${local}#t=0.1`,
          preload: "metadata",
          muted: true,
          playsinline: true,
          "aria-hidden": "true",
          ...size,
        })
      : icon("video");
  const picture = h("img", {
    src: thumbnailUrl,
    alt: "",
    loading: "lazy",
    decoding: "async",
    draggable: "false",
    ...size,
  });
  picture.addEventListener("error", () => picture.replaceWith(icon("video")), { once: true });
  return picture;
}

const largeButton = () =>
  h(
    "button",
    {
      type: "button",
      class: "film-large",
      "data-act": "open",
      "aria-label": gettext("Show the video large"),
      title: gettext("Show the video large"),
    },
    icon("maximize-2"),
  );
