// The microphone: a recording with its length and how loud it was. Knows nothing of the page.

// Safari says it can record WebM and then cannot play it.
const FORMATS = /^((?!chrome|android).)*safari/i.test(navigator.userAgent)
  ? ["audio/mp4", "audio/webm;codecs=opus"]
  : ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const LISTEN_EVERY = 50;
const BITS = 48_000;
const PEAKS = 64;

export const canRecord = () => Boolean(isSecureContext && navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder);

export class Recorder {
  /** How loud it was, from 0 to 1, every fiftieth of a second since the beginning. */
  levels = [];

  #stream;
  #recorder;
  #sound;
  #timer = 0;
  #began = 0;
  #pieces = [];

  /** Asks for the microphone and begins. Rejects as getUserMedia does: NotAllowedError, NotFoundError, … */
  static async start(hooks) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return new Recorder(stream, hooks);
  }

  /** `onLevel(recorder)` as it goes on, `onEnd(recorder)` when it ended, be it because the microphone was taken away. */
  constructor(stream, { onLevel, onEnd }) {
    this.#stream = stream;
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS });
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
    }, LISTEN_EVERY);
  }

  get seconds() {
    return (performance.now() - this.#began) / 1000;
  }

  /** {blob, duration, waveform} */
  async stop() {
    const duration = this.seconds;
    clearInterval(this.#timer);
    if (this.#recorder.state !== "inactive") {
      const ended = new Promise((resolve) => this.#recorder.addEventListener("stop", resolve, { once: true }));
      this.#recorder.stop();
      await ended;
    }
    this.#release();
    return { blob: new Blob(this.#pieces, { type: this.#recorder.mimeType }), duration, waveform: waveform(this.levels) };
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

/** So many peaks from 0 to 100, the loudest 100, as the server gives them. */
function waveform(levels) {
  const loudest = Math.max(0.02, ...levels);
  return Array.from({ length: PEAKS }, (_, index) => {
    const from = Math.floor((index * levels.length) / PEAKS);
    const to = Math.max(from + 1, Math.floor(((index + 1) * levels.length) / PEAKS));
    return Math.round((100 * Math.max(0, ...levels.slice(from, to))) / loudest);
  });
}
