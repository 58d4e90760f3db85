// One recording at a time is heard on a page. Bubbles come and go; what plays is known by its name.
import { gettext } from "chat/i18n.js";
import { toast } from "chat/views/dom.js";

const SPEEDS = [1, 1.5, 2];

class Player {
  #sound = new Audio();
  #name = null;
  #speed = 1;
  #frame = 0;
  /** Where those stand that were paused. */
  #places = new Map();

  constructor() {
    this.#sound.preload = "auto";
    for (const event of ["play", "playing", "pause", "seeked", "waiting"]) this.#sound.addEventListener(event, () => this.#paint());
    this.#sound.addEventListener("ended", () => {
      this.#places.delete(this.#name);
      this.#stop();
    });
    this.#sound.addEventListener("error", () => {
      if (!this.#name) return;
      this.#stop();
      toast(gettext("This recording cannot be played."));
    });
  }

  /** Of what plays or is paused in the middle; null of nothing. */
  get name() {
    return this.#name;
  }

  /** {isPlaying, at, speed}: `at` in seconds. */
  state(name) {
    const isCurrent = name === this.#name;
    const at = isCurrent ? this.#sound.currentTime : (this.#places.get(name) ?? 0);
    return { isPlaying: isCurrent && !this.#sound.paused, at, speed: this.#speed };
  }

  toggle(name, address) {
    if (name === this.#name && !this.#sound.paused) this.#sound.pause();
    else this.#play(name, address);
  }

  seek(name, duration, to) {
    const at = Math.max(0, Math.min(duration - 0.05, to));
    if (name === this.#name) this.#sound.currentTime = at;
    else this.#places.set(name, at);
    this.#paint(name);
  }

  faster() {
    this.#speed = SPEEDS[(SPEEDS.indexOf(this.#speed) + 1) % SPEEDS.length];
    this.#sound.playbackRate = this.#speed;
    this.#paint();
  }

  pause() {
    this.#sound.pause();
  }

  /** Those that are gone, recalled for example, are not heard on. */
  stop(name) {
    this.#places.delete(name);
    if (name === this.#name) this.#stop();
  }

  #play(name, address) {
    if (name !== this.#name) {
      const before = this.#name;
      if (before) this.#places.set(before, this.#sound.currentTime);
      this.#name = name;
      this.#sound.src = address;
      this.#sound.currentTime = this.#places.get(name) ?? 0;
      if (before) this.#paint(before);
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
    this.#paint(name);
  }

  #paint(name = this.#name) {
    cancelAnimationFrame(this.#frame);
    if (!name) return;
    const state = this.state(name);
    for (const element of document.querySelectorAll(`[data-voice="${CSS.escape(name)}"]`)) element.paint(state);
    if (state.isPlaying) this.#frame = requestAnimationFrame(() => this.#paint());
  }
}

export const player = new Player();
