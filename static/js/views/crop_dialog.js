// Crops a picture to the square that becomes an avatar: by dragging, pinching, scrolling or keys.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon } from "chat/views/dom.js";

/** Pixels of the stage and of the uploaded square; the server scales it down. */
const STAGE_PX = 576;
const UPLOAD_PX = 512;
const ZOOM_MAX = 5;
const ZOOM_STEP = 1.15;
const MOVE_STEP = 0.06;
const PREVIEWS = [64, 32];

/** `save(file)` gets the square; if it rejects, the dialog shows why. */
export async function openCrop(file, { isGroup = false, save }) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  const error = h("p", { class: "form-error", role: "alert", hidden: true });
  const submit = h("button", { type: "button", class: "button primary", on: { click: finish } }, gettext("Save"));
  const cancel = h(
    "button",
    { type: "button", class: "button quiet", on: { click: () => close() } },
    gettext("Cancel"),
  );
  const cropper = bitmap && new Cropper(bitmap, isGroup);
  const content = cropper?.elements ?? [
    h(
      "p",
      { class: "crop-unseen" },
      icon("image"),
      gettext("This browser cannot show this picture. Its middle will be used."),
    ),
  ];
  const { dialog, close } = openDialog(gettext("Choose what is seen"), {
    kind: "crop",
    content: [...content, error],
    buttons: [cancel, submit],
    onClose: () => bitmap?.close(),
  });
  (cropper?.stage ?? submit).focus();

  async function finish() {
    submit.disabled = true;
    error.hidden = true;
    dialog.setAttribute("aria-busy", "true");
    try {
      await save((await cropper?.cut()) ?? file);
      close();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    } finally {
      submit.disabled = false;
      dialog.removeAttribute("aria-busy");
    }
  }
}

class Cropper {
  #bitmap;
  #canvas = h("canvas", { width: String(STAGE_PX), height: String(STAGE_PX) });
  #previews = PREVIEWS.map((size) =>
    h("canvas", { width: String(size * 2), height: String(size * 2), class: `preview-${size}` }),
  );
  #range = h("input", {
    type: "range",
    min: "1",
    max: String(ZOOM_MAX),
    step: "0.01",
    value: "1",
    "aria-label": gettext("Zoom"),
  });
  #pointers = new Map();
  #zoom = 1;
  #x;
  #y;

  constructor(bitmap, isGroup) {
    this.#bitmap = bitmap;
    this.#x = bitmap.width / 2;
    this.#y = bitmap.height / 2;
    const hint = h(
      "p",
      { class: "hint", id: "crop-hint" },
      gettext("Drag it or use the arrow keys; scroll, pinch, or press plus and minus to zoom."),
    );
    this.stage = h(
      "div",
      {
        class: `crop-stage${isGroup ? " group" : ""}`,
        tabindex: "0",
        role: "group",
        "aria-label": gettext("The picture"),
        "aria-describedby": hint.id,
      },
      this.#canvas,
    );
    const zoom = h("label", { class: "crop-zoom" }, icon("zoom-out"), this.#range, icon("zoom-in"));
    const seen = h("div", { class: `crop-previews${isGroup ? " group" : ""}`, "aria-hidden": "true" }, this.#previews);
    this.elements = [h("div", { class: "crop-frame" }, this.stage, seen), zoom, hint];
    this.#range.addEventListener("input", () => this.#zoomTo(Number(this.#range.value)));
    this.#listen();
    this.#draw();
  }

  /** The square as a file. */
  async cut() {
    const canvas = h("canvas", { width: String(UPLOAD_PX), height: String(UPLOAD_PX) });
    this.#paint(canvas);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.92));
    return new File([blob], "avatar", { type: blob.type });
  }

  /** Side of the visible square, in pixels of the picture. */
  get #side() {
    return Math.min(this.#bitmap.width, this.#bitmap.height) / this.#zoom;
  }

  #listen() {
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      stage.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, event);
    });
    stage.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    for (const end of ["pointerup", "pointercancel"])
      stage.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#zoomTo(this.#zoom * Math.exp(-event.deltaY / 400));
      },
      { passive: false },
    );
    stage.addEventListener("keydown", (event) => {
      // As with dragging, the keys move the picture, not the crop.
      const step = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      const by = { "+": ZOOM_STEP, "=": ZOOM_STEP, "-": 1 / ZOOM_STEP }[event.key];
      if (step) this.#moveBy(step[0] * this.#side * MOVE_STEP, step[1] * this.#side * MOVE_STEP);
      else if (by) this.#zoomTo(this.#zoom * by);
      else return;
      event.preventDefault();
    });
  }

  #onPointerMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.#pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    this.#pointers.set(event.pointerId, event);
    const scale = this.#side / this.stage.clientWidth;
    // Each of two fingers moves it by half.
    const share = other ? scale / 2 : scale;
    this.#moveBy((before.clientX - event.clientX) * share, (before.clientY - event.clientY) * share);
    if (other) this.#zoomTo(this.#zoom * (distance(event, other) / Math.max(1, distance(before, other))));
  }

  #moveBy(x, y) {
    this.#x += x;
    this.#y += y;
    this.#draw();
  }

  #zoomTo(zoom) {
    this.#zoom = Math.min(ZOOM_MAX, Math.max(1, zoom));
    this.#range.value = String(this.#zoom);
    this.#draw();
  }

  #draw() {
    const half = this.#side / 2;
    const { width, height } = this.#bitmap;
    this.#x = Math.min(width - half, Math.max(half, this.#x));
    this.#y = Math.min(height - half, Math.max(half, this.#y));
    for (const canvas of [this.#canvas, ...this.#previews]) this.#paint(canvas);
  }

  #paint(canvas) {
    const context = canvas.getContext("2d");
    const side = this.#side;
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(
      this.#bitmap,
      this.#x - side / 2,
      this.#y - side / 2,
      side,
      side,
      0,
      0,
      canvas.width,
      canvas.height,
    );
  }
}

const distance = (one, other) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
