// A picture or a video as large as possible, with zoom and download, and its neighbours in the chat; Esc or
// Back closes.
import { gettext, interpolate } from "chat/i18n.js";
import { announce, h, iconButton, markedName, senderOf } from "chat/views/dom.js";
import { fullTime } from "chat/views/format.js";
import { openLayer } from "chat/views/layers.js";
import { typeOf } from "chat/views/types/registry.js";
import { pauseVideos, videoElement } from "chat/views/video_player.js";

const ZOOM_STEP = 1.5;
const ZOOM_MAX = 8;
const PAGES_MAX = 3;
const SWIPE_PX = 60;

export function openLightbox(message, { store, actions, key, focusMessage = () => {} }) {
  let current = message;
  let [zoom, x, y] = [1, 0, 0];
  const timeline = store.timeline(key);
  const picture = h("img", { alt: "", draggable: "false" });
  /** The player of a video that is shown. */
  let film = null;
  const stage = h("div", { class: "stage" }, picture);
  const caption = h("p", { class: "lightbox-caption", dir: "auto" });
  const who = h("div", { class: "lightbox-who" }, h("bdi", {}), h("time", {}));
  const download = h("a", { class: "icon-button", "aria-label": gettext("Download"), title: gettext("Download") });
  download.append(...iconButton("download", "", () => {}).childNodes);
  const inward = iconButton("zoom-in", gettext("Larger"), () => scale(zoom * ZOOM_STEP), { class: "zoom" });
  const outward = iconButton("zoom-out", gettext("Smaller"), () => scale(zoom / ZOOM_STEP), { class: "zoom" });
  const previous = iconButton("chevron-left", gettext("Previous picture or video"), () => go(-1), {
    class: "turn previous",
  });
  const next = iconButton("chevron-right", gettext("Next picture or video"), () => go(1), { class: "turn next" });
  const dialog = h(
    "dialog",
    { class: "lightbox", "aria-label": message.type === "video" ? gettext("Video") : gettext("Picture") },
    h(
      "header",
      {},
      who,
      outward,
      inward,
      download,
      iconButton("x", gettext("Close"), () => close(), { class: "close" }),
    ),
    stage,
    previous,
    next,
    caption,
  );

  // ── The picture ─────────────────────────────────────────────────────────
  const isPicture = (one) => one && typeOf(one).isTile && !one.recalledAt && one.mediaUrl;
  const neighbour = (step) => {
    if (current.seq == null) return null;
    for (let seq = current.seq + step; seq >= timeline.first && seq <= timeline.last; seq += step)
      if (isPicture(timeline.at(seq))) return timeline.at(seq);
    return null;
  };

  function show(one) {
    current = one;
    [zoom, x, y] = [1, 0, 0];
    const { mediaUrl, content, sentAt, fileName } = one;
    if (one.type === "video") showFilm(one);
    // Of a document its first page, which is no picture of the chat's.
    else showPicture(one.type === "file" ? { ...one, mediaUrl: one.thumbnailUrl, clientId: null } : one);
    for (const control of [inward, outward]) control.hidden = Boolean(film);
    download.hidden = !mediaUrl;
    if (mediaUrl) Object.assign(download, { href: mediaUrl, download: fileName ?? "" });
    who.firstChild.replaceWith(markedName(senderOf(one)));
    who.lastChild.textContent = fullTime(new Date(sentAt));
    caption.textContent = content ?? "";
    caption.hidden = !content;
    place();
    renderArrows();
  }

  function showPicture(one) {
    const { width, height, thumbnailUrl, mediaUrl, clientId, content, senderName } = one;
    film = null;
    stage.replaceChildren(picture);
    const small = store.localFiles.get(clientId) ?? thumbnailUrl;
    // The thumbnail is loaded already; it stands in until the large picture is.
    picture.src = small ?? mediaUrl;
    picture.alt = content || interpolate(gettext("Picture of %(name)s"), { name: senderName });
    if (width && height) Object.assign(picture, { width, height });
    if (mediaUrl && mediaUrl !== small) {
      const large = new Image();
      large.addEventListener("load", () => {
        if (current.id === one.id) picture.src = mediaUrl;
      });
      large.src = mediaUrl;
    }
  }

  function showFilm(one) {
    pauseVideos();
    film = videoElement(one);
    const { width, height } = one;
    if (width && height) Object.assign(film, { width, height });
    picture.alt = film.getAttribute("aria-label");
    stage.replaceChildren(film);
  }

  function renderArrows() {
    const hasFocus = document.activeElement;
    previous.hidden = !neighbour(-1) && !timeline.hasOlder;
    next.hidden = !neighbour(1) && timeline.atEnd;
    if (hasFocus?.hidden) dialog.querySelector(".close").focus();
  }

  async function go(step) {
    const from = current;
    let found = neighbour(step);
    for (let page = 0; !found && page < PAGES_MAX && (step < 0 ? timeline.hasOlder : !timeline.atEnd); page++) {
      await (step < 0 ? actions.history.loadOlder(key) : actions.history.loadNewer(key))?.catch(() => {});
      if (current !== from || !dialog.open) return;
      found = neighbour(step);
    }
    if (found) {
      show(found);
      announce(picture.alt);
    } else {
      (step < 0 ? previous : next).hidden = true;
    }
  }

  // ── Zoom ────────────────────────────────────────────────────────────────
  function place() {
    const most = {
      x: Math.max(0, (picture.clientWidth * zoom - stage.clientWidth) / 2),
      y: Math.max(0, (picture.clientHeight * zoom - stage.clientHeight) / 2),
    };
    x = Math.max(-most.x, Math.min(most.x, x));
    y = Math.max(-most.y, Math.min(most.y, y));
    picture.style.transform = zoom === 1 ? "" : `translate(${x}px, ${y}px) scale(${zoom})`;
    stage.classList.toggle("zoomed", zoom > 1);
    outward.disabled = zoom <= 1;
    inward.disabled = zoom >= ZOOM_MAX;
  }

  /** Zooms around the point `at`, relative to the middle, which stays where it is. */
  function scale(to, at = { x: 0, y: 0 }) {
    const wanted = Math.max(1, Math.min(ZOOM_MAX, to));
    x = at.x - ((at.x - x) * wanted) / zoom;
    y = at.y - ((at.y - y) * wanted) / zoom;
    zoom = wanted < 1.02 ? 1 : wanted;
    place();
  }

  const fromMiddle = ({ clientX, clientY }) => {
    const box = stage.getBoundingClientRect();
    return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
  };
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (!film) scale(zoom * Math.exp(-event.deltaY / 300), fromMiddle(event));
    },
    { passive: false },
  );
  stage.addEventListener("dblclick", (event) => film || scale(zoom > 1 ? 1 : 2.5, fromMiddle(event)));

  const fingers = new Map();
  let first = null;
  let pinched = false;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button || event.target === film) return; // a player has controls of its own
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    if (fingers.size === 1) first = event;
    pinched = fingers.size > 1;
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    if (fingers.size === 2 && !film) {
      const other = [...fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
      const far = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      scale((zoom * far(event)) / Math.max(1, far(before)), fromMiddle(event));
    } else if (zoom > 1) {
      x += event.clientX - before.clientX;
      y += event.clientY - before.clientY;
      place();
    }
    fingers.set(event.pointerId, event);
  });
  const onPointerUp = (event) => {
    if (!fingers.delete(event.pointerId) || fingers.size || !first) return;
    const [right, down] = [event.clientX - first.clientX, event.clientY - first.clientY];
    const isTap = Math.hypot(right, down) < 8;
    if (!pinched && zoom === 1 && Math.abs(right) > SWIPE_PX && Math.abs(right) > 2 * Math.abs(down))
      go(right > 0 ? -1 : 1);
    else if (!pinched && zoom === 1 && event.pointerType !== "mouse" && down > 2 * SWIPE_PX) close();
    else if (isTap && !pinched && !isOn(film ?? picture, event)) close();
    first = null;
  };
  stage.addEventListener("pointerup", onPointerUp);
  stage.addEventListener("pointercancel", onPointerUp);

  dialog.addEventListener("keydown", (event) => {
    const act = {
      ArrowLeft: () => go(-1),
      ArrowRight: () => go(1),
      "+": () => scale(zoom * ZOOM_STEP),
      "=": () => scale(zoom * ZOOM_STEP),
      "-": () => scale(zoom / ZOOM_STEP),
      0: () => scale(1),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.target === film) return;
    event.preventDefault();
    act();
  });

  // ── Closing ─────────────────────────────────────────────────────────────
  const close = () => dialog.close();
  window.addEventListener("resize", place);
  const stop = store.on([`timeline:${key}`, "open"], () => {
    if (store.openKey !== key) close();
    else if (current.seq != null && timeline.at(current.seq)?.recalledAt)
      neighbour(1) || neighbour(-1) ? show(neighbour(1) ?? neighbour(-1)) : close();
    else renderArrows();
  });
  dialog.addEventListener("close", () => {
    stop();
    pauseVideos();
    leaveLayer();
    window.removeEventListener("resize", place);
    dialog.remove();
    // The bubble may have been built again meanwhile.
    focusMessage(current);
  });

  document.body.append(dialog);
  dialog.showModal();
  const leaveLayer = openLayer(close);
  show(message);
  // Who opened a video wants to see it. What the arrows lead to waits.
  film?.play().catch(() => {});
  dialog.querySelector(".close").focus();
}

function isOn(element, { clientX, clientY }) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}
