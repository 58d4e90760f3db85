// Recording in the composer's place: begin, see it live, stop, listen, send or throw away.
import { playTime } from "chat/views/format.js";
import { gettext } from "chat/i18n.js";
import { recording } from "chat/media/prepare.js";
import { canRecord, Recorder } from "chat/media/recorder.js";
import { announce, h, iconButton, toast } from "chat/views/dom.js";
import { explainInsecure, explainRefused } from "chat/views/permission_help.js";
import { player } from "chat/views/audio_player.js";
import { voice } from "chat/views/voice_player.js";

const LONGEST = 60;
const SHORTEST = 1;
const WARN_FROM = LONGEST - 10;
const PREVIEW = "preview";

export class RecordingBar {
  #kit;
  #onChange;
  #key = null;
  #recorder = null;
  #isAsking = false;
  /** What was recorded and neither sent nor thrown away, by chat: a switch loses nothing. */
  #kept = new Map();

  /** `kit()` makes one for the open chat; `onChange(isShown)` when it takes or leaves the composer's place. */
  constructor({ kit, onChange }) {
    this.#kit = kit;
    this.#onChange = onChange;
    this.element = h("div", { class: "recording", role: "group", "aria-label": gettext("Voice message"), hidden: true });
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.#discard();
    });
  }

  async open(key) {
    if (key === this.#key) return;
    const before = this.#key;
    this.#key = key;
    if (this.#recorder) await this.#stop(before);
    player.stop(PREVIEW);
    if (this.#kept.has(this.#key)) this.#showKept();
    else this.#hide({ focus: false });
  }

  async start() {
    if (this.#recorder || this.#isAsking || this.#kept.has(this.#key)) return;
    if (!canRecord()) {
      explainInsecure(gettext("Recording needs the microphone."), { label: gettext("Choose a recording"), run: () => this.#kit().pickRecording() });
      return;
    }
    const key = this.#key;
    this.#isAsking = true;
    try {
      const recorder = await Recorder.start({
        onLevel: (one) => this.#tick(one),
        onEnd: (one) => one === this.#recorder && this.#stop(),
      });
      if (key !== this.#key) {
        recorder.cancel();
        return;
      }
      player.pause();
      this.#recorder = recorder;
      this.#showRecording();
    } catch (error) {
      explainRefused(error, {
        device: gettext("Microphone"),
        refused: gettext("The microphone was refused. Allow it beside the page's address, and try again."),
        missing: gettext("No microphone was found."),
      });
    } finally {
      this.#isAsking = false;
    }
  }

  // ── While it records ───────────────────────────────────────────────────
  #time = h("time", { class: "voice-time" });
  #wave = h("canvas", { class: "live-wave", "aria-hidden": "true" });

  #showRecording() {
    const stop = iconButton("square", gettext("Stop"), () => this.#stop(), { class: "stop", id: "stop-recording" });
    const send = iconButton("send-horizontal", gettext("Send"), () => this.#sendNow(), { class: "send", id: "send-recording" });
    this.#fill(h("span", { class: "live-dot", "aria-hidden": "true" }), this.#time, this.#wave, stop, send);
    announce(gettext("Recording"));
    stop.focus();
  }

  #tick(recorder) {
    if (recorder !== this.#recorder) return;
    const { seconds } = recorder;
    this.#time.textContent = playTime(seconds);
    this.#time.classList.toggle("ending", seconds > WARN_FROM);
    this.#draw(recorder.levels);
    if (seconds >= LONGEST) {
      toast(gettext("A minute is the most; the recording has ended."));
      this.#stop();
    }
  }

  #draw(levels) {
    const canvas = this.#wave;
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.fillStyle = getComputedStyle(canvas).color;
    const shown = levels.slice(-Math.floor(width / 4));
    shown.forEach((level, index) => {
      // The ear hears by the root: quiet words are to be seen too.
      const high = Math.max(2, Math.sqrt(level) * height);
      context.fillRect(width - (shown.length - index) * 4, (height - high) / 2, 2, high);
    });
  }

  /** Ends it and keeps it for the chat it was made in. Answers whether there is something to keep. */
  async #stop(key = this.#key) {
    const recorder = this.#recorder;
    if (!recorder) return false;
    this.#recorder = null;
    const made = await recorder.stop();
    if (made.duration < SHORTEST) {
      toast(gettext("Too short: speak for a second at least."));
      if (key === this.#key) this.#hide();
      return false;
    }
    this.#kept.set(key, { ...made, address: URL.createObjectURL(made.blob) });
    if (key === this.#key) this.#showKept();
    return true;
  }

  async #sendNow() {
    if (await this.#stop()) this.#send();
  }

  // ── Before it is sent ──────────────────────────────────────────────────
  #showKept() {
    const { address, duration, waveform } = this.#kept.get(this.#key);
    const send = iconButton("send-horizontal", gettext("Send"), () => this.#send(), { class: "send", id: "send-recording" });
    this.#fill(voice({ name: PREVIEW, address, duration, waveform }), send);
    if (document.activeElement === document.body) send.focus();
  }

  #send() {
    const made = this.#kept.get(this.#key);
    if (!made) return;
    this.#kit().sendFile(recording(made), "");
    this.#drop();
  }

  #discard() {
    this.#recorder?.cancel();
    this.#recorder = null;
    this.#drop();
  }

  #drop() {
    const made = this.#kept.get(this.#key);
    player.stop(PREVIEW);
    if (made) URL.revokeObjectURL(made.address);
    this.#kept.delete(this.#key);
    this.#hide();
  }

  #fill(...content) {
    this.element.replaceChildren(iconButton("trash-2", gettext("Throw the recording away"), () => this.#discard(), { class: "throw" }), ...content);
    this.element.hidden = false;
    this.#onChange(true, {});
  }

  #hide({ focus = true } = {}) {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#onChange(false, { focus });
  }
}
