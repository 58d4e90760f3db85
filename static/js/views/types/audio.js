// Voice: played in its bubble, one at a time.
import { shortTime } from "chat/views/format.js";
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { progress } from "chat/views/progress.js";
import { voice } from "chat/views/voice_player.js";

export const audio = {
  name: "audio",
  look: () => "voiced",
  preview: (message) => `${gettext("[Voice]")} ${shortTime(message.mediaDuration)}`,
  text: (message) => message.content,
  address: (message) => message.mediaUrl,
  attach: [{ label: gettext("Voice"), icon: "mic", run: (kit) => kit.record() }],
  body(message, { isGoing, local, part, meta }) {
    const name = message.clientId ?? message.id;
    // The server's is the one that every browser plays, and that knows how long it is.
    const address = message.mediaUrl && !isGoing ? message.mediaUrl : local;
    return h(
      "div",
      { class: "body" },
      voice({ name, address, duration: message.mediaDuration ?? 0, waveform: message.waveform, leading: isGoing && progress(part) }),
      message.content && h("span", { class: "text", dir: "auto" }, message.content),
      meta,
    );
  },
};
