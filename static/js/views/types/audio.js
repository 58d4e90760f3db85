// Voice messages, played in their bubbles.
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { shortTime } from "chat/views/format.js";
import { progress } from "chat/views/progress.js";
import { voicePlayer } from "chat/views/voice_player.js";

export const audio = {
  name: "audio",
  shelf: "voice",
  className: () => "voiced",
  preview: (message) => `${gettext("[Voice]")} ${shortTime(message.mediaDuration)}`,
  plainText: (message) => message.content,
  downloadUrl: (message) => message.mediaUrl,
  attachItems: [{ label: gettext("Voice"), icon: "mic", run: (kit) => kit.record() }],
  body(message, { isSending, local, part, meta }) {
    const name = message.clientId ?? message.id;
    // The server's version plays in every browser, and knows its length.
    const address = message.mediaUrl && !isSending ? message.mediaUrl : local;
    return h(
      "div",
      { class: "body" },
      voicePlayer({
        name,
        address,
        duration: message.mediaDuration ?? 0,
        waveform: message.waveform,
        leading: isSending && progress(part),
      }),
      message.content && h("span", { class: "text", dir: "auto" }, message.content),
      meta,
    );
  },
};
