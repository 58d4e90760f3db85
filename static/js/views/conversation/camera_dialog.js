// Takes a picture or a video: with the phone's own camera app, on other devices with the page.
import { gettext, interpolate } from "chat/i18n.js";
import { canFilm, Filming } from "chat/media/filming.js";
import { openDialog } from "chat/views/dialog.js";
import { announce, h, icon, toast } from "chat/views/dom.js";
import { playTime } from "chat/views/format.js";
import { explainInsecurePage, explainRefusal } from "chat/views/permission_help.js";
import { pauseVideos } from "chat/views/video_player.js";

const WIDTH = 1920;
const HEIGHT = 1080;
const FILM_MAX_SECONDS = 120;
const BOTH = "image/*,video/*";

export async function openCamera(kit) {
  const fromApp = () => kit.pick({ accept: BOTH, capture: "environment" });
  // A phone's camera app is better than a page's, and needs no https.
  if (matchMedia("(pointer: coarse)").matches) {
    fromApp();
    return;
  }
  if (!isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    explainInsecurePage(gettext("Pictures and videos need the camera."), {
      label: gettext("Choose a file"),
      run: () => kit.pick({ accept: BOTH, multiple: true }),
    });
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, facingMode: "environment" },
    });
  } catch (error) {
    explainRefusal(error, {
      device: gettext("Camera"),
      refused: gettext("The camera was refused. Allow it beside the page's address, and try again."),
      missing: gettext("No camera was found."),
    });
    return;
  }
  openCameraDialog(kit, stream);
}

function openCameraDialog(kit, stream) {
  let filming = null;
  const video = h("video", {
    playsinline: true,
    muted: true,
    autoplay: true,
    "aria-label": gettext("What the camera sees"),
  });
  video.srcObject = stream;
  const shutter = h(
    "button",
    { type: "button", class: "button primary", id: "shoot", disabled: true, on: { click: takePicture } },
    icon("camera"),
    gettext("Take the picture"),
  );
  const film = h("button", {
    type: "button",
    class: "button",
    id: "film",
    disabled: true,
    hidden: !canFilm(),
    on: { click: () => (filming ? endFilm() : beginFilm()) },
  });
  const time = h("time", { class: "film-time", hidden: true });
  const { close } = openDialog(gettext("Camera"), {
    kind: "camera",
    content: [video, time],
    buttons: [film, shutter],
    onClose: () => {
      filming?.cancel();
      stream.getTracks().forEach((track) => track.stop());
    },
  });
  renderFilm();
  video.addEventListener(
    "playing",
    () => {
      shutter.disabled = film.disabled = false;
      shutter.focus();
    },
    { once: true },
  );

  function renderFilm() {
    film.replaceChildren(
      icon(filming ? "square" : "video"),
      filming ? gettext("End the video") : gettext("Record a video"),
    );
    film.classList.toggle("filming", Boolean(filming));
    shutter.hidden = Boolean(filming);
    time.hidden = !filming;
  }

  async function takePicture() {
    shutter.disabled = true;
    const canvas = h("canvas", { width: String(video.videoWidth), height: String(video.videoHeight) });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
    close();
    kit.openFiles([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
  }

  async function beginFilm() {
    film.disabled = true;
    try {
      const sound = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
      if (!sound) toast(gettext("The microphone was refused or is missing: this video has no sound."));
      if (!video.isConnected) {
        sound?.getTracks().forEach((track) => track.stop());
        return;
      }
      pauseVideos();
      filming = new Filming(stream, sound, { onTime: showTime, onEnd: () => filming && endFilm() });
      showTime(0);
      renderFilm();
      announce(gettext("Recording"));
    } finally {
      film.disabled = false;
      film.focus();
    }
  }

  function showTime(seconds) {
    time.textContent = playTime(seconds);
    if (seconds < FILM_MAX_SECONDS || !filming) return;
    toast(interpolate(gettext("%(time)s is the most; the video has ended."), { time: playTime(FILM_MAX_SECONDS) }));
    endFilm();
  }

  /** What was recorded is seen, with a field for its caption, before it is sent. */
  async function endFilm() {
    const ending = filming;
    filming = null;
    const file = await ending.stop();
    close();
    kit.openFiles([file]);
  }
}
