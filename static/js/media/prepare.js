// What a chosen file becomes before it goes up: photographs smaller and turned the right way, everything else as it is.
// The server decides what a file is; here is only decided what it is offered as.

const LONGEST_SIDE = 2560;
const PIXELS_AT_MOST = 24_000_000;
// Below this nothing is gained, and a screenshot loses its sharp letters.
const SMALL_ENOUGH = 1_500_000;
// The first that gets a photograph under so many bytes; the last for whatever will not.
const QUALITIES = [0.86, 0.76, 0.66];
const LIGHT_ENOUGH = 1_900_000;

const PICTURES = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/heif"]);
/** Browsers can show more than the server keeps; such pictures are drawn anew. */
const DRAWABLE = new Set([...PICTURES, "image/avif", "image/bmp", "image/x-ms-bmp"]);
const HEIC = /\.(heic|heif)$/i;

export const isPicture = (file) => DRAWABLE.has(file.type) || HEIC.test(file.name);

/**
 * Answers {type, mediaType, file, shown}; `shown` is what a bubble needs meanwhile. A picture that cannot be read here
 * goes as it is: the server may know it, or says what is wrong with it.
 */
export async function prepare(file, { asFile = false } = {}) {
  return !asFile && isPicture(file) ? picture(file) : plain(file);
}

export function plain(file) {
  return { type: "file", mediaType: "files", file, shown: { fileName: file.name, fileSize: file.size, mimeType: file.type } };
}

export function recording({ blob, duration, waveform }) {
  const ending = { "audio/mp4": "m4a", "audio/ogg": "ogg" }[blob.type.split(";")[0]] ?? "webm";
  const file = new File([blob], `voice.${ending}`, { type: blob.type });
  return { type: "audio", mediaType: "audio", file, shown: { mediaDuration: duration, waveform, mimeType: blob.type } };
}

/** One that was made elsewhere: how long it is, the server finds out. */
export const chosenRecording = (file) => ({ type: "audio", mediaType: "audio", file, shown: { mediaDuration: null, waveform: null, mimeType: file.type } });

async function picture(file) {
  // Drawn from its file, a picture is turned by its EXIF orientation, and so are its sides.
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return described(file, null);
  const { width, height } = bitmap;
  try {
    if (await isLeftAlone(file, bitmap)) return described(file, { width, height });
    const by = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    const size = { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
    const smaller = await drawn(bitmap, size, file);
    const isBetter = smaller && (by < 1 || smaller.size < file.size || !PICTURES.has(file.type));
    return isBetter ? described(smaller, size) : described(file, { width, height });
  } finally {
    bitmap.close();
  }
}

async function isLeftAlone(file, { width, height }) {
  if (!PICTURES.has(file.type)) return false;
  if (await isMoving(file)) return true;
  return file.size <= SMALL_ENOUGH && Math.max(width, height) <= LONGEST_SIDE && width * height <= PIXELS_AT_MOST;
}

/** Animations would stand still: GIF, and by their own marks WebP and PNG. */
async function isMoving(file) {
  if (file.type === "image/gif") return true;
  if (file.type !== "image/webp" && file.type !== "image/png") return false;
  const head = new Uint8Array(await file.slice(0, 4096).arrayBuffer());
  if (file.type === "image/webp") return String.fromCharCode(...head.slice(12, 16)) === "VP8X" && (head[20] & 2) !== 0;
  return new TextDecoder("latin1").decode(head).includes("acTL");
}

async function drawn(bitmap, { width, height }, { name, type }) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const mayBeSeeThrough = type !== "image/jpeg" && type !== "image/bmp" && !HEIC.test(name);
  const context = canvas.getContext("2d", { alpha: mayBeSeeThrough });
  if (!context) return null;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  let blob = null;
  for (const quality of QUALITIES) {
    blob = await new Promise((resolve) => canvas.toBlob(resolve, mayBeSeeThrough ? "image/webp" : "image/jpeg", quality));
    if (!blob || blob.size < LIGHT_ENOUGH) break;
  }
  canvas.width = 0; // Safari holds on to the memory of a canvas
  if (!blob) return null;
  const ending = { "image/jpeg": ".jpg", "image/webp": ".webp" }[blob.type] ?? ".png";
  return new File([blob], name.replace(/(\.[^.]*)?$/, ending), { type: blob.type });
}

function described(file, size) {
  const { width = null, height = null } = size ?? {};
  return { type: "image", mediaType: "images", file, shown: { fileName: file.name, fileSize: file.size, mimeType: file.type, width, height } };
}
