// Dialogs for a location: chosen on a map, by the current position or by coordinates; shown with
// links to map apps.
import { gettext } from "chat/i18n.js";
import { parseCoordinates } from "chat/media/places.js";
import { debounce } from "chat/timing.js";
import { copy } from "chat/views/clipboard.js";
import { openMap } from "chat/views/conversation/map.js";
import { PlaceSearch } from "chat/views/conversation/place_search.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, iconButton } from "chat/views/dom.js";
import { coordinates } from "chat/views/format.js";

const POSITION_TIMEOUT_MS = 15_000;
/** A place that stays for so long is asked for its address. */
const ADDRESS_DELAY_MS = 600;
/** Farther from a place that was found, its name is another's. */
const SAME_PLACE_METRES = 200;
const METRES_PER_DEGREE = 111_320;
const DIGITS = 6;
const NAME_MAX = 120;
const ADDRESS_MAX = 300;

const MAP_APPS = {
  amap: gettext("Amap"),
  baidu: gettext("Baidu Maps"),
  apple: gettext("Apple Maps"),
  google: gettext("Google Maps"),
  osm: gettext("OpenStreetMap"),
  geo: gettext("Another app"),
};

// The last place that was sent. It is forgotten with the page: a position is private.
let lastPlace = null;

export function openLocationPicker(kit) {
  let place = null;
  let map = null;
  const frame = h("div", {
    class: "map",
    role: "application",
    "aria-label": gettext("Map. Move it under the pin with the arrow keys."),
  });
  const field = (id, label, more = {}) =>
    h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      h("input", { class: "input", id, autocomplete: "off", dir: "auto", ...more }),
    );
  const latitude = field("latitude", gettext("Latitude"), { inputmode: "text", dir: "ltr", placeholder: "39.9042" });
  const longitude = field("longitude", gettext("Longitude"), {
    inputmode: "text",
    dir: "ltr",
    placeholder: "116.4074",
  });
  const nameField = field("place-name", gettext("Name"), {
    maxlength: String(NAME_MAX),
    placeholder: gettext("What people call it"),
  });
  const addressField = field("place-address", gettext("Address"), { maxlength: String(ADDRESS_MAX) });
  const [latitudeInput, longitudeInput, nameInput, addressInput] = [latitude, longitude, nameField, addressField].map(
    (one) => one.querySelector("input"),
  );
  /** What was filled in, by field; what was written by hand stays. */
  const filled = new Map([nameInput, addressInput].map((input) => [input, ""]));
  let found = null;
  const search = kit.map.findsPlaces && new PlaceSearch({ find: kit.findPlaces, onChoose: chooseFound });
  const notice = h("p", { class: "map-notice", role: "status", hidden: true });
  const here = h(
    "button",
    { type: "button", class: "button small", id: "my-position", on: { click: () => locate() } },
    icon("locate-fixed"),
    gettext("My position"),
  );
  const send = h(
    "button",
    { type: "submit", form: "place-form", class: "button primary", id: "send-place", disabled: true },
    icon("send-horizontal"),
    gettext("Send"),
  );
  const form = h(
    "form",
    { id: "place-form", class: "place-form", novalidate: true, on: { submit: onSubmit } },
    search && search.element,
    h("div", { class: "map-frame" }, frame, here),
    notice,
    h("div", { class: "two" }, latitude, longitude),
    h("div", { class: "two" }, nameField, addressField),
  );
  const { close } = openDialog(gettext("Send a place"), {
    kind: "place",
    content: [form],
    buttons: [send],
    onClose: () => map?.remove(),
  });

  const defaultNotice = kit.map.tiles
    ? ""
    : gettext("This chat has no map pictures set up. The pin, your position and coordinates work all the same.");
  function showNotice(text) {
    notice.textContent = text || defaultNotice;
    notice.hidden = !notice.textContent;
  }

  function choose(chosen, { from } = {}) {
    place = chosen;
    send.disabled = !place;
    for (const input of [latitudeInput, longitudeInput])
      input.setAttribute("aria-invalid", String(from === "fields" && !place && Boolean(input.value.trim())));
    if (!place) return;
    if (from !== "fields") {
      latitudeInput.value = place.latitude.toFixed(DIGITS);
      longitudeInput.value = place.longitude.toFixed(DIGITS);
    }
    if (from !== "map") map?.go(place);
    if (from === "search") return;
    if (found && metresBetween(found, place) > SAME_PLACE_METRES) {
      found = null;
      fill(nameInput, "");
      fill(addressInput, "");
    }
    if (kit.map.knowsAddresses && !found) fillAddress();
  }

  function chooseFound(one) {
    found = one;
    choose({ latitude: one.latitude, longitude: one.longitude }, { from: "search" });
    fill(nameInput, one.name);
    fill(addressInput, one.address);
    send.focus();
  }

  function fill(input, text) {
    if (input.value !== filled.get(input)) return;
    input.value = text.slice(0, input.maxLength);
    filled.set(input, input.value);
  }

  // The sender sees the address before it is sent.
  const fillAddress = debounce(async () => {
    const asked = place;
    if (!asked || found || !form.isConnected) return;
    const address = await kit.addressOf({ latitude: round(asked.latitude), longitude: round(asked.longitude) });
    if (place === asked && !found) fill(addressInput, address);
  }, ADDRESS_DELAY_MS);

  for (const input of [latitudeInput, longitudeInput]) {
    // A map that still moves must not overwrite what is being typed.
    input.addEventListener("focus", () => map?.halt());
    input.addEventListener("input", () =>
      choose(parseCoordinates(latitudeInput.value, longitudeInput.value), { from: "fields" }),
    );
  }
  // A pasted "39.9042, 116.4074" fills both fields.
  latitudeInput.addEventListener("paste", (event) => {
    const both = /^\s*(-?[\d.]+)\s*[,，;\s]\s*(-?[\d.]+)\s*$/.exec(event.clipboardData.getData("text/plain"));
    const pasted = both && parseCoordinates(both[1], both[2]);
    if (!pasted) return;
    event.preventDefault();
    choose(pasted);
  });

  function locate() {
    if (!isSecureContext || !navigator.geolocation) {
      showNotice(
        gettext(
          "Your position is told only to pages opened over https, and this one was not. The coordinates can be typed in; whoever runs this chat can say its https address.",
        ),
      );
      return;
    }
    here.disabled = true;
    showNotice(gettext("Looking for your position…"));
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        here.disabled = false;
        showNotice("");
        choose({ latitude: coords.latitude, longitude: coords.longitude });
      },
      ({ code }) => {
        here.disabled = false;
        showNotice(
          {
            1: gettext("Your position was refused. Allow it beside the page's address, or choose a place yourself."),
            3: gettext("Your position took too long to find. Try again, or choose a place yourself."),
          }[code] ?? gettext("Your position could not be found. Choose a place yourself."),
        );
      },
      { enableHighAccuracy: true, timeout: POSITION_TIMEOUT_MS, maximumAge: 30_000 },
    );
  }

  function onSubmit(event) {
    event.preventDefault();
    if (!place) return;
    lastPlace = place;
    kit.sendLocation({
      latitude: round(place.latitude),
      longitude: round(place.longitude),
      name: nameInput.value.trim(),
      address: addressInput.value.trim(),
    });
    close();
  }

  async function start() {
    showNotice("");
    try {
      map = await openMap(frame, kit.map, {
        at: place ?? lastPlace,
        onMove: (moved) => choose(moved, { from: "map" }),
      });
    } catch {
      showNotice(gettext("The map could not be loaded. Coordinates work all the same."));
    }
    if (!frame.isConnected) map?.remove();
    else if (place) map?.go(place);
  }

  start();
  // With the permission already granted, the position is used at once.
  navigator.permissions?.query({ name: "geolocation" }).then(
    ({ state }) => {
      if (state === "granted" && !place && isSecureContext) locate();
    },
    () => {},
  );
  here.focus();
}

const round = (degrees) => Number(degrees.toFixed(DIGITS));

/** Near enough for places that are near each other. */
function metresBetween(one, other) {
  const north = one.latitude - other.latitude;
  const east = (one.longitude - other.longitude) * Math.cos((one.latitude * Math.PI) / 180);
  return Math.hypot(north, east) * METRES_PER_DEGREE;
}

export function openLocation(place, { map: settings }) {
  let map = null;
  const frame = h("div", { class: "map", role: "group", "aria-label": coordinates(place) });
  const numbers = `${place.latitude}, ${place.longitude}`;
  const toCopy = iconButton("copy", gettext("Copy the coordinates"), () => copy(numbers));
  // The server makes the links, each in its app's coordinate system; a pending message has none.
  const links = Object.entries(place.links ?? {}).filter(([program]) => program in MAP_APPS);
  const content = [
    h("div", { class: "map-frame" }, frame),
    h(
      "div",
      { class: "place-about" },
      place.name && h("strong", { dir: "auto" }, place.name),
      place.address && h("span", { dir: "auto" }, place.address),
      h("span", { class: "place-numbers" }, h("span", { dir: "ltr" }, coordinates(place)), toCopy),
    ),
    h(
      "ul",
      { class: "ways" },
      links.map(([program, href]) =>
        h(
          "li",
          {},
          h(
            "a",
            { class: "button small", href, target: "_blank", rel: "noopener noreferrer" },
            icon("navigation"),
            MAP_APPS[program],
          ),
        ),
      ),
    ),
    links.length > 0 &&
      h("p", { class: "hint" }, gettext("These leave the chat, and tell the map's maker which place you look at.")),
  ];
  openDialog(gettext("Place"), { kind: "place", content, onClose: () => map?.remove() });
  openMap(frame, settings, { at: place }).then(
    (opened) => {
      map = opened;
      if (!frame.isConnected) map.remove();
    },
    () => {
      frame.parentElement.hidden = true;
    },
  );
}
