// Prepares a chosen file for its upload: photographs are scaled down and rotated, everything else
// stays as it is. The server decides what a file is; this only chooses the type to send it as.

const SIDE_MAX_PX = 2560;
const PIXELS_MAX = 24_000_000;
// Below this size nothing is gained, and a screenshot would lose its sharp letters.
const UNCHANGED_MAX_BYTES = 1_500_000;
// The first quality that brings a photograph under TARGET_BYTES, otherwise the last.
const QUALITIES = [0.86, 0.76, 0.66];
const TARGET_BYTES = 1_900_000;

const PICTURES = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/heif"]);
/** Browsers can show more formats than the server accepts; such pictures are converted. */
const DRAWABLE = new Set([...PICTURES, "image/avif", "image/bmp", "image/x-ms-bmp"]);
const HEIC = /\.(heic|heif)$/i;

/** Systems that know no type for a file of a phone or a camera give none. */
const FILM = /\.(mp4|m4v|mov|webm|mkv|3gp|3g2)$/i;
/** A browser that cannot read a video's beginning in this time does not know it. */
const BEGINNING_TIMEOUT_MS = 5000;

export const isPicture = (file) => DRAWABLE.has(file.type) || HEIC.test(file.name);
export const isVideo = (file) => file.type.startsWith("video/") || (!file.type && FILM.test(file.name));

/**
 * Resolves with {type, mediaType, file, shown}; `shown` is what the bubble shows until the server's
 * message arrives. A picture that this browser cannot read is sent as it is: the server may know
 * it, or answers what is wrong with it.
 */
export async function prepare(file, { asFile = false } = {}) {
  if (asFile) return prepareFile(file);
  if (isVideo(file)) return prepareVideo(file);
  return isPicture(file) ? preparePicture(file) : prepareFile(file);
}

export function prepareFile(file) {
  return {
    type: "file",
    mediaType: "files",
    file,
    shown: { fileName: file.name, fileSize: file.size, mimeType: file.type },
  };
}

export function prepareRecording({ blob, duration, waveform }) {
  const ending = { "audio/mp4": "m4a", "audio/ogg": "ogg" }[blob.type.split(";")[0]] ?? "webm";
  const file = new File([blob], `voice.${ending}`, { type: blob.type });
  return { type: "audio", mediaType: "audio", file, shown: { mediaDuration: duration, waveform, mimeType: blob.type } };
}

/** A recording made by another app; the server finds out its length. */
export const prepareAudioFile = (file) => ({
  type: "audio",
  mediaType: "audio",
  file,
  shown: { mediaDuration: null, waveform: null, mimeType: file.type },
});

/** Nothing is done to a video here: only its size and length are read, where this browser knows it. */
async function prepareVideo(file) {
  const known = await beginningOf(file);
  return {
    type: "video",
    mediaType: "video",
    file,
    shown: { fileName: file.name, fileSize: file.size, mimeType: file.type, ...known },
  };
}

async function beginningOf(file) {
  const element = document.createElement("video");
  const address = URL.createObjectURL(file);
  try {
    await new Promise((resolve) => {
      element.addEventListener("loadedmetadata", resolve, { once: true });
      element.addEventListener("error", resolve, { once: true });
      setTimeout(resolve, BEGINNING_TIMEOUT_MS);
      element.preload = "metadata";
      element.src = address;
    });
    const { videoWidth: width, videoHeight: height, duration } = element;
    // A recording of a browser does not say how long it is.
    return { width: width || null, height: height || null, mediaDuration: Number.isFinite(duration) ? duration : null };
  } finally {
    element.removeAttribute("src");
    element.load();
    URL.revokeObjectURL(address);
  }
}

async function preparePicture(file) {
  // The bitmap is already rotated by its EXIF orientation, and so are width and height.
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return asPicture(file, null);
  const { width, height } = bitmap;
  try {
    if (await staysUnchanged(file, bitmap)) return asPicture(file, { width, height });
    const by = Math.min(1, SIDE_MAX_PX / Math.max(width, height));
    const size = { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
    const smaller = await scaled(bitmap, size, file);
    const isBetter = smaller && (by < 1 || smaller.size < file.size || !PICTURES.has(file.type));
    return isBetter ? asPicture(smaller, size) : asPicture(file, { width, height });
  } finally {
    bitmap.close();
  }
}

async function staysUnchanged(file, { width, height }) {
  if (!PICTURES.has(file.type)) return false;
  if (await isAnimated(file)) return true;
  return file.size <= UNCHANGED_MAX_BYTES && Math.max(width, height) <= SIDE_MAX_PX && width * height <= PIXELS_MAX;
}

/** Animations would lose their movement. GIF counts as one; WebP and PNG have a marker. */
async function isAnimated(file) {
  if (file.type === "image/gif") return true;
  if (file.type !== "image/webp" && file.type !== "image/png") return false;
  const head = new Uint8Array(await file.slice(0, 4096).arrayBuffer());
  if (file.type === "image/webp") return String.fromCharCode(...head.slice(12, 16)) === "VP8X" && (head[20] & 2) !== 0;
  return new TextDecoder("latin1").decode(head).includes("acTL");
}

async function scaled(bitmap, { width, height }, { name, type }) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const mayBeTransparent = type !== "image/jpeg" && type !== "image/bmp" && !HEIC.test(name);
  const context = canvas.getContext("2d", { alpha: mayBeTransparent });
  if (!context) return null;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  let blob = null;
  for (const quality of QUALITIES) {
    blob = await new Promise((resolve) =>
      canvas.toBlob(resolve, mayBeTransparent ? "image/webp" : "image/jpeg", quality),
    );
    if (!blob || blob.size < TARGET_BYTES) break;
  }
  canvas.width = 0; // Safari keeps the memory of a canvas otherwise
  if (!blob) return null;
  const ending = { "image/jpeg": ".jpg", "image/webp": ".webp" }[blob.type] ?? ".png";
  return new File([blob], name.replace(/(\.[^.]*)?$/, ending), { type: blob.type });
}

function asPicture(file, size) {
  const { width = null, height = null } = size ?? {};
  return {
    type: "image",
    mediaType: "images",
    file,
    shown: { fileName: file.name, fileSize: file.size, mimeType: file.type, width, height },
  };
}
