// Takes a picture: with the phone's own camera app, on other devices with the page.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon } from "chat/views/dom.js";
import { explainRefusal } from "chat/views/permission_help.js";

const WIDTH = 1920;
const HEIGHT = 1080;

export async function openCamera(kit) {
  const hasCameraApp =
    matchMedia("(pointer: coarse)").matches || !isSecureContext || !navigator.mediaDevices?.getUserMedia;
  // A phone's camera app is better than a page's, and needs no https.
  if (hasCameraApp) {
    kit.pick({ accept: "image/*", capture: "environment" });
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
  const { close } = openDialog(gettext("Camera"), {
    kind: "camera",
    content: [video],
    buttons: [shutter],
    onClose: () => stream.getTracks().forEach((track) => track.stop()),
  });
  video.addEventListener(
    "playing",
    () => {
      shutter.disabled = false;
      shutter.focus();
    },
    { once: true },
  );

  async function takePicture() {
    shutter.disabled = true;
    const canvas = h("canvas", { width: String(video.videoWidth), height: String(video.videoHeight) });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
    close();
    kit.openFiles([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
  }
}
