// Records a voice message in the composer's place: live waveform, stop, listen, send or discard.
import { gettext } from "chat/i18n.js";
import { player } from "chat/views/audio_player.js";
import { announce, h, iconButton, toast } from "chat/views/dom.js";
import { playTime } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { voicePlayer } from "chat/views/voice_player.js";

const LENGTH_MAX_SECONDS = 60;
const LENGTH_MIN_SECONDS = 1;
const WARN_FROM_SECONDS = LENGTH_MAX_SECONDS - 10;
const PREVIEW = "preview";

export class RecordingBar {
  #kit;
  #onChange;
  #key = null;
  #recorder = null;
  #isStarting = false;
  /** Recordings that were neither sent nor discarded, by chat: switching chats loses nothing. */
  #finished = new Map();

  /**
   * `kit()` is how to send to the open chat; `onChange(isShown)` is called when the bar replaces or
   * leaves the composer.
   */
  constructor({ kit, onChange }) {
    this.#kit = kit;
    this.#onChange = onChange;
    this.element = h("div", {
      class: "recording",
      role: "group",
      "aria-label": gettext("Voice message"),
      hidden: true,
    });
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
    if (this.#finished.has(this.#key)) this.#showFinished();
    else this.#hide({ focus: false });
  }

  async start() {
    if (this.#recorder || this.#isStarting || this.#finished.has(this.#key)) return;
    const key = this.#key;
    this.#isStarting = true;
    try {
      const { canRecord, Recorder } = await lazy.recorder();
      if (!canRecord()) {
        await this.#explainInsecurePage();
        return;
      }
      const recorder = await Recorder.start({
        onLevel: (one) => this.#onLevel(one),
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
      (await lazy.permissionHelp()).explainRefusal(error, {
        device: gettext("Microphone"),
        refused: gettext("The microphone was refused. Allow it beside the page's address, and try again."),
        missing: gettext("No microphone was found."),
      });
    } finally {
      this.#isStarting = false;
    }
  }

  async #explainInsecurePage() {
    (await lazy.permissionHelp()).explainInsecurePage(gettext("Recording needs the microphone."), {
      label: gettext("Choose a recording"),
      run: () => this.#kit().pickRecording(),
    });
  }

  // ── While recording ─────────────────────────────────────────────────────
  #time = h("time", { class: "voice-time" });
  #wave = h("canvas", { class: "live-wave", "aria-hidden": "true" });

  #showRecording() {
    const stop = iconButton("square", gettext("Stop"), () => this.#stop(), { class: "stop", id: "stop-recording" });
    const send = iconButton("send-horizontal", gettext("Send"), () => this.#stopAndSend(), {
      class: "send",
      id: "send-recording",
    });
    // Nothing of the recording before.
    this.#time.textContent = playTime(0);
    this.#time.classList.remove("ending");
    this.#show(h("span", { class: "live-dot", "aria-hidden": "true" }), this.#time, this.#wave, stop, send);
    announce(gettext("Recording"));
    stop.focus();
  }

  #onLevel(recorder) {
    if (recorder !== this.#recorder) return;
    const { seconds } = recorder;
    this.#time.textContent = playTime(seconds);
    this.#time.classList.toggle("ending", seconds > WARN_FROM_SECONDS);
    this.#draw(recorder.levels);
    if (seconds >= LENGTH_MAX_SECONDS) {
      toast(gettext("A minute is the most; the recording has ended."));
      this.#stop();
    }
  }

  #draw(levels) {
    const canvas = this.#wave;
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale))
      Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.fillStyle = getComputedStyle(canvas).color;
    const shown = levels.slice(-Math.floor(width / 4));
    shown.forEach((level, index) => {
      // The root makes quiet speech visible too.
      const high = Math.max(2, Math.sqrt(level) * height);
      context.fillRect(width - (shown.length - index) * 4, (height - high) / 2, 2, high);
    });
  }

  /**
   * Ends the recording and keeps it for its chat. Resolves with whether it is long enough to keep.
   */
  async #stop(key = this.#key) {
    const recorder = this.#recorder;
    if (!recorder) return false;
    this.#recorder = null;
    const recorded = await recorder.stop();
    if (recorded.duration < LENGTH_MIN_SECONDS) {
      toast(gettext("Too short: speak for a second at least."));
      if (key === this.#key) this.#hide();
      return false;
    }
    const { prepareRecording } = await lazy.prepare();
    const address = URL.createObjectURL(recorded.blob);
    this.#finished.set(key, { ...recorded, address, prepared: prepareRecording(recorded) });
    if (key === this.#key) this.#showFinished();
    return true;
  }

  async #stopAndSend() {
    if (await this.#stop()) this.#send();
  }

  // ── Before sending ──────────────────────────────────────────────────────
  #showFinished() {
    const { address, duration, waveform } = this.#finished.get(this.#key);
    const send = iconButton("send-horizontal", gettext("Send"), () => this.#send(), {
      class: "send",
      id: "send-recording",
    });
    this.#show(voicePlayer({ name: PREVIEW, address, duration, waveform }), send);
    if (document.activeElement === document.body) send.focus();
  }

  #send() {
    const recorded = this.#finished.get(this.#key);
    if (!recorded) return;
    this.#kit().sendFile(recorded.prepared, "");
    this.#removeFinished();
  }

  #discard() {
    this.#recorder?.cancel();
    this.#recorder = null;
    this.#removeFinished();
  }

  #removeFinished() {
    const recorded = this.#finished.get(this.#key);
    player.stop(PREVIEW);
    if (recorded) URL.revokeObjectURL(recorded.address);
    this.#finished.delete(this.#key);
    this.#hide();
  }

  #show(...content) {
    this.element.replaceChildren(
      iconButton("trash-2", gettext("Throw the recording away"), () => this.#discard(), { class: "throw" }),
      ...content,
    );
    this.element.hidden = false;
    this.#onChange(true, {});
  }

  #hide({ focus = true } = {}) {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#onChange(false, { focus });
  }
}
