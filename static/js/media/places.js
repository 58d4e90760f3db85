// Coordinates. Places are stored and sent as WGS-84, which satellites and browsers use; tiles of
// Amap and Tencent are drawn in GCJ-02, shifted as Chinese law requires. The formulas, areas and
// values are those of the server's messaging/media/places.py. A place is {latitude, longitude},
// degrees north and east.

const AXIS = 6378245.0;
const ECCENTRICITY_2 = 0.006693421622965943;

// Where maps are shifted, and the exceptions within: rectangles of north, west, south, east.
const SHIFTED = [
  [49.2204, 79.4462, 42.8899, 96.33],
  [54.1415, 109.6872, 39.3742, 135.0002],
  [42.8899, 73.1246, 29.5297, 124.143255],
  [29.5297, 82.9684, 26.7186, 97.0352],
  [29.5297, 97.0253, 20.414096, 124.367395],
  [20.414096, 107.975793, 17.871542, 111.744104],
];
const EXCEPT = [
  [25.398623, 119.921265, 21.785006, 122.497559],
  [22.284, 101.8652, 20.0988, 106.665],
  [21.5422, 106.4525, 20.4878, 108.051],
  [55.8175, 109.0323, 50.3257, 119.127],
  [55.8175, 127.4568, 49.5574, 137.0227],
  [44.8922, 131.2662, 42.5692, 137.0227],
];

const isIn = ({ latitude, longitude }, areas) =>
  areas.some(
    ([north, west, south, east]) => south <= latitude && latitude <= north && west <= longitude && longitude <= east,
  );

/**
 * Whether maps of this place are shifted: mainland China as rectangles, so inexact at its borders.
 */
export const isShifted = (place) => isIn(place, SHIFTED) && !isIn(place, EXCEPT);

export const toGcj02 = (place) => (isShifted(place) ? gcj02(place) : place);

/**
 * To WGS-84, by iteration: the shift hardly changes over its own length, so a few steps converge.
 */
export function fromGcj02(place) {
  if (!isShifted(place)) return place;
  let { latitude, longitude } = place;
  for (let step = 0; step < 10; step++) {
    const seen = gcj02({ latitude, longitude });
    const [north, east] = [place.latitude - seen.latitude, place.longitude - seen.longitude];
    latitude += north;
    longitude += east;
    if (Math.max(Math.abs(north), Math.abs(east)) < 1e-9) break;
  }
  return { latitude, longitude };
}

function gcj02({ latitude, longitude }) {
  const [y, x] = [latitude - 35, longitude - 105];
  const root = Math.sqrt(Math.abs(x));
  const both = wave(x, [6, 20], [2, 20]);
  let north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root;
  north += both + wave(y, [1, 20], [1 / 3, 40]) + wave(y, [1 / 12, 160], [1 / 30, 320]);
  let east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root;
  east += both + wave(x, [1, 20], [1 / 3, 40]) + wave(x, [1 / 12, 150], [1 / 30, 300]);
  const angle = radians(latitude);
  const curve = 1 - ECCENTRICITY_2 * Math.sin(angle) ** 2;
  const meridian = (AXIS * (1 - ECCENTRICITY_2)) / (curve * Math.sqrt(curve));
  const parallel = (AXIS / Math.sqrt(curve)) * Math.cos(angle);
  return { latitude: latitude + degrees(north / meridian), longitude: longitude + degrees(east / parallel) };
}

const wave = (at, ...parts) =>
  (parts.reduce((sum, [often, height]) => sum + height * Math.sin(often * at * Math.PI), 0) * 2) / 3;
const radians = (angle) => (angle * Math.PI) / 180;
const degrees = (angle) => (angle * 180) / Math.PI;

/** Coordinates as people type them; null if they are no place on Earth. */
export function parseCoordinates(latitude, longitude) {
  const [north, east] = [latitude, longitude].map((given) =>
    String(given).trim() ? Number(String(given).replace(",", ".")) : NaN,
  );
  return Math.abs(north) <= 90 && Math.abs(east) <= 180 ? { latitude: north, longitude: east } : null;
}
