// A place: chosen on a map, by one's position or by its numbers; shown with the ways to it.
import { coordinates } from "chat/views/format.js";
import { gettext } from "chat/i18n.js";
import { parsed } from "chat/media/places.js";
import { copy } from "chat/views/clipboard.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, iconButton } from "chat/views/dom.js";
import { openMap } from "chat/views/conversation/map.js";

const PATIENCE = 15_000;
const DIGITS = 6;
const NAME = 120;
const ADDRESS = 300;

const WAYS = {
  amap: gettext("Amap"),
  baidu: gettext("Baidu Maps"),
  apple: gettext("Apple Maps"),
  google: gettext("Google Maps"),
  osm: gettext("OpenStreetMap"),
  geo: gettext("Another app"),
};

// Where one was last, as long as the page is there: it is nobody's business after.
let last = null;

export function choosePlace(kit) {
  let place = null;
  let map = null;
  const frame = h("div", { class: "map", role: "application", "aria-label": gettext("Map. Move it under the pin with the arrow keys.") });
  const field = (id, label, more = {}) => h("div", { class: "field" }, h("label", { for: id }, label), h("input", { class: "input", id, autocomplete: "off", dir: "auto", ...more }));
  const latitude = field("latitude", gettext("Latitude"), { inputmode: "text", dir: "ltr", placeholder: "39.9042" });
  const longitude = field("longitude", gettext("Longitude"), { inputmode: "text", dir: "ltr", placeholder: "116.4074" });
  const name = field("place-name", gettext("Name"), { maxlength: String(NAME), placeholder: gettext("What people call it") });
  const address = field("place-address", gettext("Address"), { maxlength: String(ADDRESS) });
  const [latitudeInput, longitudeInput] = [latitude, longitude].map((one) => one.querySelector("input"));
  const notice = h("p", { class: "map-notice", role: "status", hidden: true });
  const here = h("button", { type: "button", class: "button small", id: "my-position", on: { click: () => locate() } }, icon("locate-fixed"), gettext("My position"));
  const send = h("button", { type: "submit", form: "place-form", class: "button primary", id: "send-place", disabled: true }, icon("send-horizontal"), gettext("Send"));
  const form = h(
    "form",
    { id: "place-form", class: "place-form", novalidate: true, on: { submit: submitted } },
    h("div", { class: "map-frame" }, frame, here),
    notice,
    h("div", { class: "two" }, latitude, longitude),
    h("div", { class: "two" }, name, address),
  );
  const { close } = openDialog(gettext("Send a place"), { kind: "place", content: [form], buttons: [send], onClose: () => map?.remove() });

  const without = kit.map.tiles ? "" : gettext("This chat has no map pictures set up. The pin, your position and coordinates work all the same.");
  function say(text) {
    notice.textContent = text || without;
    notice.hidden = !notice.textContent;
  }

  function choose(chosen, { from } = {}) {
    place = chosen;
    send.disabled = !place;
    for (const input of [latitudeInput, longitudeInput]) input.setAttribute("aria-invalid", String(from === "fields" && !place && Boolean(input.value.trim())));
    if (!place) return;
    if (from !== "fields") {
      latitudeInput.value = place.latitude.toFixed(DIGITS);
      longitudeInput.value = place.longitude.toFixed(DIGITS);
    }
    if (from !== "map") map?.go(place);
  }

  for (const input of [latitudeInput, longitudeInput]) {
    // What one is typing in is not overwritten by a map that is still gliding.
    input.addEventListener("focus", () => map?.halt());
    input.addEventListener("input", () => choose(parsed(latitudeInput.value, longitudeInput.value), { from: "fields" }));
  }
  // "39.9042, 116.4074", copied from elsewhere, fills both.
  latitudeInput.addEventListener("paste", (event) => {
    const both = /^\s*(-?[\d.]+)\s*[,，;\s]\s*(-?[\d.]+)\s*$/.exec(event.clipboardData.getData("text/plain"));
    const pasted = both && parsed(both[1], both[2]);
    if (!pasted) return;
    event.preventDefault();
    choose(pasted);
  });

  function locate() {
    if (!isSecureContext || !navigator.geolocation) {
      say(gettext("Your position is told only to pages opened over https, and this one was not. The coordinates can be typed in; whoever runs this chat can say its https address."));
      return;
    }
    here.disabled = true;
    say(gettext("Looking for your position…"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        here.disabled = false;
        say("");
        choose({ latitude: coords.latitude, longitude: coords.longitude });
      },
      ({ code }) => {
        here.disabled = false;
        say({
          1: gettext("Your position was refused. Allow it beside the page's address, or choose a place yourself."),
          3: gettext("Your position took too long to find. Try again, or choose a place yourself."),
        }[code] ?? gettext("Your position could not be found. Choose a place yourself."));
      },
      { enableHighAccuracy: true, timeout: PATIENCE, maximumAge: 30_000 },
    );
  }

  function submitted(event) {
    event.preventDefault();
    if (!place) return;
    const [called, at] = [name, address].map((one) => one.querySelector("input").value.trim());
    last = place;
    kit.sendPlace({ latitude: round(place.latitude), longitude: round(place.longitude), name: called, address: at });
    close();
  }

  async function begin() {
    say("");
    try {
      map = await openMap(frame, kit.map, { at: place ?? last, onMove: (moved) => choose(moved, { from: "map" }) });
    } catch {
      say(gettext("The map could not be loaded. Coordinates work all the same."));
    }
    if (!frame.isConnected) map?.remove();
    else if (place) map?.go(place);
  }

  begin();
  // Whoever allowed it before need not ask again.
  navigator.permissions?.query({ name: "geolocation" }).then(({ state }) => {
    if (state === "granted" && !place && isSecureContext) locate();
  }, () => {});
  here.focus();
}

const round = (degrees) => Number(degrees.toFixed(DIGITS));

export function showPlace(place, { map: settings }) {
  let map = null;
  const frame = h("div", { class: "map", role: "group", "aria-label": coordinates(place) });
  const numbers = `${place.latitude}, ${place.longitude}`;
  const toCopy = iconButton("copy", gettext("Copy the coordinates"), () => copy(numbers));
  // The server's, each in the coordinates of its maker; a place still on its way has none.
  const ways = Object.entries(place.links ?? {}).filter(([program]) => program in WAYS);
  const content = [
    h("div", { class: "map-frame" }, frame),
    h("div", { class: "place-about" }, place.name && h("strong", { dir: "auto" }, place.name), place.address && h("span", { dir: "auto" }, place.address), h("span", { class: "place-numbers" }, h("span", { dir: "ltr" }, coordinates(place)), toCopy)),
    h("ul", { class: "ways" }, ways.map(([program, href]) => h("li", {}, h("a", { class: "button small", href, target: "_blank", rel: "noopener noreferrer" }, icon("navigation"), WAYS[program])))),
    ways.length > 0 && h("p", { class: "hint" }, gettext("These leave the chat, and tell the map's maker which place you look at.")),
  ];
  openDialog(gettext("Place"), { kind: "place", content, onClose: () => map?.remove() });
  openMap(frame, settings, { at: place }).then((opened) => {
    map = opened;
    if (!frame.isConnected) map.remove();
  }, () => { frame.parentElement.hidden = true; });
}
