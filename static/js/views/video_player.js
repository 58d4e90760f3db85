// The players of videos: one plays at a time, and no recording beside it. The last one that was begun is kept, because
// bubbles are built again and again.
import { gettext, interpolate } from "chat/i18n.js";
import { player as recordings } from "chat/views/audio_player.js";
import { h, toast } from "chat/views/dom.js";
import { playTime } from "chat/views/format.js";

/** {name, address, element} of the last one that was begun in a bubble. */
let last = null;

// Events of media do not bubble.
document.addEventListener(
  "play",
  ({ target }) => {
    if (!target.matches?.("video.film-player")) return;
    recordings.pause();
    for (const other of document.querySelectorAll("video.film-player")) if (other !== target) other.pause();
  },
  true,
);
recordings.onPlay(() => pauseVideos());

export function pauseVideos() {
  for (const one of document.querySelectorAll("video.film-player")) one.pause();
}

/** A player that waits: nothing is loaded before somebody plays it. */
export function videoElement({ mediaUrl, thumbnailUrl, mediaDuration, senderName }) {
  return h("video", {
    class: "film-player",
    src: mediaUrl,
    poster: thumbnailUrl,
    controls: true,
    preload: "none",
    playsinline: true,
    tabindex: "0",
    "aria-label": interpolate(gettext("Video of %(name)s, %(time)s"), {
      name: senderName,
      time: playTime(mediaDuration ?? 0),
    }),
    on: { error: () => toast(gettext("This video cannot be played here. It can be downloaded.")) },
  });
}

/** Begins to play a video in its bubble. */
export function startVideo(name, message) {
  last = { name, address: message.mediaUrl, element: videoElement(message) };
  last.element.play().catch(() => {});
  return last.element;
}

/** The player of a video that was begun, to be put into a bubble that is built again; null if there is none. */
export function playerOf(name, { mediaUrl }) {
  return last?.name === name && last.address === mediaUrl ? last.element : null;
}

/** Ends a video that does not exist any more. */
export function stopVideo(name) {
  if (last?.name !== name) return;
  last.element.pause();
  last.element.removeAttribute("src");
  last = null;
}
