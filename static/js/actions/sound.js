// The sound of a new message: two short notes, made here, so that nothing has to be loaded.
const NOTES_HZ = [660, 880];
const NOTE_SECONDS = 0.14;
const VOLUME = 0.08;

let audio = null;

/** Browsers are silent until the user has done something on the page; then this is, too. */
export function playSound() {
  try {
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume().catch(() => {});
    NOTES_HZ.forEach((frequency, place) => playNote(frequency, audio.currentTime + place * NOTE_SECONDS));
  } catch {
    // No sound on this device.
  }
}

function playNote(frequency, at) {
  const note = audio.createOscillator();
  const volume = audio.createGain();
  note.frequency.value = frequency;
  volume.gain.setValueAtTime(VOLUME, at);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + NOTE_SECONDS);
  note.connect(volume).connect(audio.destination);
  note.start(at);
  note.stop(at + NOTE_SECONDS);
}
