// A Leaflet map with a pin in its middle. Without configured tiles it is a grid of coordinates.
import { gettext } from "chat/i18n.js";
import { fromGcj02, toGcj02 } from "chat/media/places.js";
import { h, icon } from "chat/views/dom.js";

const ZOOM_CLOSE = 16;
const ZOOM_WORLD = 2;

let loading = null;

/** Loads Leaflet and its stylesheet with the first map. */
function leaflet(style) {
  loading ??= Promise.all([
    import("leaflet"),
    new Promise((resolve, reject) => {
      document.head.append(h("link", { rel: "stylesheet", href: style, on: { load: resolve, error: reject } }));
    }),
  ]).then(([module]) => module);
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

/**
 * Opens a map in `element`; returns {go(place), halt(), remove()}. `at` is where it starts, null
 * for the whole Earth. While it is moved, `onMove(place)` gets what is under the pin; without
 * `onMove` the pin stays at the place.
 */
export async function openMap(element, { style, tiles, attribution, datum }, { at, onMove = null }) {
  const L = await leaflet(style);
  // Tiles may be drawn in GCJ-02; the gridLayer is always WGS-84.
  const isShifted = Boolean(tiles) && datum === "gcj02";
  const toMap = ({ latitude, longitude }) => {
    const place = isShifted ? toGcj02({ latitude, longitude }) : { latitude, longitude };
    return [place.latitude, place.longitude];
  };
  const fromMap = ({ lat, lng }) => {
    const place = { latitude: lat, longitude: ((((lng + 180) % 360) + 360) % 360) - 180 };
    return isShifted ? fromGcj02(place) : place;
  };
  const hasReducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(element, {
    center: at ? toMap(at) : [25, 60],
    zoom: at ? ZOOM_CLOSE : ZOOM_WORLD,
    minZoom: 1,
    maxZoom: 19,
    zoomControl: false,
    attributionControl: Boolean(tiles),
    zoomAnimation: !hasReducedMotion,
    fadeAnimation: !hasReducedMotion,
    inertia: !hasReducedMotion,
    worldCopyJump: true,
    maxBounds: [
      [-85.05, -1800],
      [85.05, 1800],
    ],
  });
  map.attributionControl?.setPrefix(false);
  L.control
    .zoom({ position: "bottomright", zoomInTitle: gettext("Larger"), zoomOutTitle: gettext("Smaller") })
    .addTo(map);
  if (tiles) {
    // Tile servers want to know the site; the address of the chat is not sent to them.
    const layer = L.tileLayer(tiles, {
      attribution: sanitized(attribution),
      referrerPolicy: "strict-origin",
      maxZoom: 19,
    });
    layer.addTo(map);
  } else {
    gridLayer(L).addTo(map);
  }
  const pin = h("span", { class: "map-pin", "aria-hidden": "true" }, icon("map-pin"));
  if (onMove) element.append(pin);
  else
    L.marker(toMap(at), {
      icon: L.divIcon({ html: pin, className: "", iconSize: [0, 0] }),
      keyboard: false,
      interactive: false,
    }).addTo(map);
  let isSending = false;
  const watched = new ResizeObserver(() => map.invalidateSize({ pan: false }));
  watched.observe(element);
  if (onMove) {
    // A jump that was requested is not reported back.
    map.on("move", () => isSending || onMove(fromMap(map.getCenter())));
    map.on("click", ({ latlng }) => map.panTo(latlng, { animate: !hasReducedMotion }));
  }
  function jump(center, zoom) {
    isSending = true;
    map.setView(center, zoom, { animate: false });
    isSending = false;
  }
  return {
    go: (place) => jump(toMap(place), Math.max(ZOOM_CLOSE, map.getZoom())),
    /** Stops any movement. */
    halt: () => jump(map.getCenter(), map.getZoom()),
    remove() {
      watched.disconnect();
      map.remove();
    },
  };
}

/** Attributions are written as markup; only their text and https links are kept. */
function sanitized(attribution) {
  const words = new DOMParser().parseFromString(attribution ?? "", "text/html").body;
  const kept = [...words.childNodes].map((node) => {
    const text = node.textContent ?? "";
    const href = node.nodeName === "A" ? node.getAttribute("href") : null;
    return href?.startsWith("https://")
      ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text)
      : document.createTextNode(text);
  });
  return h("span", {}, kept).innerHTML;
}

/** A tile layer of latitude and longitude lines with their numbers. */
function gridLayer(L) {
  const Grid = L.GridLayer.extend({
    createTile({ x, y, z }) {
      const size = this.getTileSize();
      const scale = devicePixelRatio || 1;
      const tile = h("canvas", { width: String(size.x * scale), height: String(size.y * scale) });
      const context = tile.getContext("2d");
      context.scale(scale, scale);
      const style = getComputedStyle(this._container);
      context.strokeStyle = style.getPropertyValue("--grid");
      context.fillStyle = style.getPropertyValue("--grid-ink");
      context.font = `11px ${style.fontFamily}`;
      context.strokeRect(0.5, 0.5, size.x, size.y);
      context.globalAlpha = 0.5;
      context.beginPath();
      for (let part = 1; part < 4; part++) {
        const at = Math.round((part * size.x) / 4) + 0.5;
        context.moveTo(at, 0);
        context.lineTo(at, size.y);
        context.moveTo(0, at);
        context.lineTo(size.x, at);
      }
      context.stroke();
      context.globalAlpha = 1;
      const corner = this._map.unproject(L.point(x * size.x, y * size.y), z).wrap();
      const digits = Math.max(0, Math.min(5, Math.round((z - 5) / 3)));
      context.fillText(`${corner.lat.toFixed(digits)}, ${corner.lng.toFixed(digits)}`, 5, 14);
      return tile;
    },
  });
  return new Grid({ className: "grid-layer" });
}
