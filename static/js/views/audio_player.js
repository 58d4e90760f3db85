// Plays one recording at a time. Recordings are identified by name, because bubbles are built again
// and again.
import { gettext } from "chat/i18n.js";
import { toast } from "chat/views/dom.js";

const SPEEDS = [1, 1.5, 2];

class Player {
  #sound = new Audio();
  #name = null;
  #speed = 1;
  #frame = 0;
  /** Positions of paused recordings, in seconds. */
  #positions = new Map();
  #onPlay = () => {};

  constructor() {
    this.#sound.preload = "auto";
    this.#sound.addEventListener("play", () => this.#onPlay());
    for (const event of ["play", "playing", "pause", "seeked", "waiting"])
      this.#sound.addEventListener(event, () => this.#updateElements());
    this.#sound.addEventListener("ended", () => {
      this.#positions.delete(this.#name);
      this.#stop();
    });
    this.#sound.addEventListener("error", () => {
      if (!this.#name) return;
      this.#stop();
      toast(gettext("This recording cannot be played."));
    });
  }

  /** `hear()` is called when a recording begins to play, or goes on. */
  onPlay(hear) {
    this.#onPlay = hear;
  }

  /** The recording that plays or is paused; null if none. */
  get name() {
    return this.#name;
  }

  /** {isPlaying, at, speed}; `at` in seconds. */
  state(name) {
    const isCurrent = name === this.#name;
    const at = isCurrent ? this.#sound.currentTime : (this.#positions.get(name) ?? 0);
    return { isPlaying: isCurrent && !this.#sound.paused, at, speed: this.#speed };
  }

  toggle(name, address) {
    if (name === this.#name && !this.#sound.paused) this.#sound.pause();
    else this.#play(name, address);
  }

  seek(name, duration, to) {
    const at = Math.max(0, Math.min(duration - 0.05, to));
    if (name === this.#name) this.#sound.currentTime = at;
    else this.#positions.set(name, at);
    this.#updateElements(name);
  }

  nextSpeed() {
    this.#speed = SPEEDS[(SPEEDS.indexOf(this.#speed) + 1) % SPEEDS.length];
    this.#sound.playbackRate = this.#speed;
    this.#updateElements();
  }

  pause() {
    this.#sound.pause();
  }

  /** Stops a recording that does not exist any more, for example because it was recalled. */
  stop(name) {
    this.#positions.delete(name);
    if (name === this.#name) this.#stop();
  }

  #play(name, address) {
    if (name !== this.#name) {
      const before = this.#name;
      if (before) this.#positions.set(before, this.#sound.currentTime);
      this.#name = name;
      this.#sound.src = address;
      this.#sound.currentTime = this.#positions.get(name) ?? 0;
      if (before) this.#updateElements(before);
    }
    this.#sound.playbackRate = this.#speed;
    this.#sound.play().catch(() => {});
  }

  #stop() {
    const name = this.#name;
    this.#name = null;
    this.#sound.pause();
    this.#sound.removeAttribute("src");
    this.#sound.load();
    this.#updateElements(name);
  }

  #updateElements(name = this.#name) {
    cancelAnimationFrame(this.#frame);
    if (!name) return;
    const state = this.state(name);
    for (const element of document.querySelectorAll(`[data-voice="${CSS.escape(name)}"]`)) element.update(state);
    if (state.isPlaying) this.#frame = requestAnimationFrame(() => this.#updateElements());
  }
}

export const player = new Player();
