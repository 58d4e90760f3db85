// Records from the camera, with sound where there is a microphone. Independent of the page.
import { finish } from "chat/media/recorder.js";

// What the server stores without encoding it anew comes first.
const FORMATS = [
  "video/mp4;codecs=avc1.42E01E,mp4a.40.2",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp8,opus",
  "video/mp4",
  "video/webm",
];
const BITS_PER_SECOND = 2_500_000;
const TICK_MS = 250;

export const canFilm = () => Boolean(globalThis.MediaRecorder);

export class Filming {
  #sound;
  #recorder;
  #timer;
  #pieces = [];

  /** `onTime(seconds)` is called while it records, `onEnd()` when the camera was taken away. */
  constructor(pictures, sound, { onTime, onEnd }) {
    this.#sound = sound;
    const stream = new MediaStream([...pictures.getVideoTracks(), ...(sound?.getAudioTracks() ?? [])]);
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    this.#recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#pieces.push(data));
    this.#recorder.addEventListener("stop", () => onEnd());
    this.#recorder.start(1000);
    const began = performance.now();
    this.#timer = setInterval(() => onTime((performance.now() - began) / 1000), TICK_MS);
  }

  /** Resolves with what was recorded, as a file. */
  async stop() {
    clearInterval(this.#timer);
    await finish(this.#recorder);
    this.#release();
    const type = this.#recorder.mimeType.split(";")[0];
    return new File(this.#pieces, type === "video/mp4" ? "camera.mp4" : "camera.webm", { type });
  }

  cancel() {
    clearInterval(this.#timer);
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#release();
  }

  #release() {
    for (const track of this.#sound?.getTracks() ?? []) track.stop();
  }
}
