// Places, as WGS-84.
import { gettext, interpolate } from "chat/i18n.js";
import { h, icon } from "chat/views/dom.js";
import { coordinates } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";

const placeOf = (message) => message.locationData ?? { latitude: 0, longitude: 0 };

export const location = {
  name: "location",
  shelf: "places",
  preview: (message) =>
    [gettext("[Place]"), placeOf(message).name || placeOf(message).address].filter(Boolean).join(" "),
  plainText: (message) =>
    [placeOf(message).name, placeOf(message).address, `${placeOf(message).latitude}, ${placeOf(message).longitude}`]
      .filter(Boolean)
      .join("\n"),
  open: async (message, context) => (await lazy.place()).openLocation(placeOf(message), context),
  attachItems: [
    { label: gettext("Place"), icon: "map-pin", run: async (kit) => (await lazy.place()).openLocationPicker(kit) },
  ],
  body(message, { meta }) {
    const place = placeOf(message);
    const title = place.name || gettext("Place");
    return h(
      "div",
      { class: "body" },
      h(
        "button",
        {
          type: "button",
          class: "place-card",
          "data-act": "open",
          "aria-label": interpolate(gettext("Show the place %(name)s"), { name: place.name || coordinates(place) }),
        },
        h("span", { class: "place-art", "aria-hidden": "true" }, icon("map-pin")),
        h("strong", { dir: "auto" }, title),
        place.address && h("span", { class: "place-address", dir: "auto" }, place.address),
        h("small", { dir: "ltr" }, coordinates(place)),
      ),
      meta,
    );
  },
};
