// Records from the microphone, with length and loudness. Independent of the page.

// Safari claims to record WebM but cannot play it.
const FORMATS = /^((?!chrome|android).)*safari/i.test(navigator.userAgent)
  ? ["audio/mp4", "audio/webm;codecs=opus"]
  : ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const LEVEL_INTERVAL_MS = 50;
const BITS_PER_SECOND = 48_000;
const WAVEFORM_PEAKS = 64;

export const canRecord = () =>
  Boolean(isSecureContext && navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder);

/** Ends a MediaRecorder; resolves when it has handed over everything. */
export async function finish(recorder) {
  if (recorder.state === "inactive") return;
  const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
  recorder.stop();
  await ended;
}

export class Recorder {
  /** Loudness from 0 to 1, one value per LEVEL_INTERVAL_MS. */
  levels = [];

  #stream;
  #recorder;
  #sound;
  #timer = 0;
  #began = 0;
  #pieces = [];

  /**
   * Requests the microphone and starts. Rejects as getUserMedia does: NotAllowedError,
   * NotFoundError, …
   */
  static async start(hooks) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return new Recorder(stream, hooks);
  }

  /**
   * `onLevel(recorder)` is called with each level, `onEnd(recorder)` at the end, also if the
   * microphone was removed.
   */
  constructor(stream, { onLevel, onEnd }) {
    this.#stream = stream;
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#pieces.push(data));
    this.#recorder.addEventListener("stop", () => onEnd(this));
    this.#sound = new AudioContext();
    const analyser = new AnalyserNode(this.#sound, { fftSize: 2048 });
    new MediaStreamAudioSourceNode(this.#sound, { mediaStream: stream }).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#recorder.start(1000);
    this.#began = performance.now();
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      let loudest = 0;
      for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
      this.levels.push(Math.min(1, loudest));
      onLevel(this);
    }, LEVEL_INTERVAL_MS);
  }

  get seconds() {
    return (performance.now() - this.#began) / 1000;
  }

  /** Resolves with {blob, duration, waveform}; the duration in seconds. */
  async stop() {
    const duration = this.seconds;
    clearInterval(this.#timer);
    await finish(this.#recorder);
    this.#release();
    return {
      blob: new Blob(this.#pieces, { type: this.#recorder.mimeType }),
      duration,
      waveform: waveform(this.levels),
    };
  }

  cancel() {
    clearInterval(this.#timer);
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#release();
  }

  #release() {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#sound.close();
  }
}

/** WAVEFORM_PEAKS values from 0 to 100, the loudest 100, in the server's format. */
function waveform(levels) {
  const loudest = Math.max(0.02, ...levels);
  return Array.from({ length: WAVEFORM_PEAKS }, (_, index) => {
    const from = Math.floor((index * levels.length) / WAVEFORM_PEAKS);
    const to = Math.max(from + 1, Math.floor(((index + 1) * levels.length) / WAVEFORM_PEAKS));
    return Math.round((100 * Math.max(0, ...levels.slice(from, to))) / loudest);
  });
}
