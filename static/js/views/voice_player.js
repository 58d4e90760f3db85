// The controls of a recording: play, a waveform to seek in, time, speed.
import { gettext, interpolate } from "chat/i18n.js";
import { player } from "chat/views/audio_player.js";
import { h, icon, svg } from "chat/views/dom.js";
import { playTime } from "chat/views/format.js";

const SEEK_SECONDS = 3;
const BARS = 48;
const WAVE_HEIGHT = 28;

/** `name` identifies the recording for the player; `leading` replaces the play button. */
export function voicePlayer({ name, address, duration, waveform, leading = null }) {
  const at = () => player.state(name).at;
  const seek = (to) => player.seek(name, duration, to);
  const button = h("button", {
    type: "button",
    class: "voice-play",
    disabled: !address,
    on: { click: () => player.toggle(name, address) },
  });
  const wave = h(
    "div",
    {
      class: "wave",
      role: "slider",
      tabindex: "0",
      "aria-label": gettext("Position in the recording"),
      "aria-valuemin": "0",
      "aria-valuemax": duration.toFixed(1),
    },
    waveBars(waveform),
    waveBars(waveform, "played"),
  );
  const time = h("span", { class: "voice-time" });
  const speed = h("button", {
    type: "button",
    class: "voice-speed",
    "aria-label": gettext("Speed"),
    on: { click: () => player.nextSpeed() },
  });
  const element = h(
    "div",
    {
      class: "voice",
      role: "group",
      "aria-label": interpolate(gettext("Voice message, %(time)s"), { time: playTime(duration) }),
      "data-voice": name,
    },
    leading || button,
    wave,
    time,
    speed,
  );

  let wasPlaying = null;
  element.update = ({ isPlaying, at: now, speed: by }) => {
    if (isPlaying !== wasPlaying) {
      wasPlaying = isPlaying;
      button.replaceChildren(icon(isPlaying ? "pause" : "play"));
      button.setAttribute("aria-label", isPlaying ? gettext("Pause") : gettext("Play"));
    }
    const isStarted = isPlaying || now > 0;
    element.classList.toggle("begun", isStarted);
    element.style.setProperty("--played", `${duration ? Math.min(100, (now / duration) * 100) : 0}%`);
    time.textContent = playTime(isStarted ? now : duration);
    wave.setAttribute("aria-valuenow", now.toFixed(1));
    wave.setAttribute(
      "aria-valuetext",
      interpolate(gettext("%(at)s of %(time)s"), { at: playTime(now), time: playTime(duration) }),
    );
    speed.textContent = `${by}×`;
    speed.hidden = !isStarted;
  };
  element.update(player.state(name));

  const seekAt = ({ clientX }) => {
    const { left, width } = wave.getBoundingClientRect();
    seek(((clientX - left) / width) * duration);
  };
  wave.addEventListener("pointerdown", (event) => {
    if (event.button || !address) return;
    wave.setPointerCapture(event.pointerId);
    seekAt(event);
  });
  wave.addEventListener("pointermove", (event) => {
    if (wave.hasPointerCapture(event.pointerId)) seekAt(event);
  });
  wave.addEventListener("keydown", (event) => {
    const to = {
      ArrowRight: at() + SEEK_SECONDS,
      ArrowUp: at() + SEEK_SECONDS,
      ArrowLeft: at() - SEEK_SECONDS,
      ArrowDown: at() - SEEK_SECONDS,
      Home: 0,
      End: duration,
    }[event.key];
    if (to !== undefined) seek(to);
    else if (event.key === " " || event.key === "Enter") player.toggle(name, address);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

/** The waveform as one path, so that a bubble has few elements. */
function waveBars(waveform, kind = "") {
  const peaks = waveform?.length ? waveform : [0];
  const line = Array.from({ length: BARS }, (_, index) => {
    const from = Math.floor((index * peaks.length) / BARS);
    const to = Math.max(from + 1, Math.floor(((index + 1) * peaks.length) / BARS));
    const high = Math.max(2, (Math.max(...peaks.slice(from, to)) / 100) * WAVE_HEIGHT);
    return `M${index * 4 + 1} ${((WAVE_HEIGHT - high) / 2).toFixed(1)}v${high.toFixed(1)}`;
  }).join("");
  return svg(
    "svg",
    { viewBox: `0 0 ${BARS * 4 - 2} ${WAVE_HEIGHT}`, preserveAspectRatio: "none", class: kind, "aria-hidden": "true" },
    svg("path", { d: line }),
  );
}
