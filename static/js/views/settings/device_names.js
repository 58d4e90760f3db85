// Readable names for user agents.
import { gettext, interpolate } from "chat/i18n.js";
import { cut } from "chat/text.js";

// In this order, because each of them also claims to be those after it.
const BROWSERS = [
  [/MicroMessenger\//, "WeChat"],
  [/Edg(A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Version\/.*Safari\//, "Safari"],
];
const SYSTEMS = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/HarmonyOS/, "HarmonyOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
];
const NAME_MAX = 60;

const find = (known, text) => known.find(([pattern]) => pattern.test(text))?.[1];

export function deviceName(name) {
  const browser = find(BROWSERS, name);
  const system = find(SYSTEMS, name);
  if (browser && system) return interpolate(gettext("%(browser)s on %(system)s"), { browser, system });
  return browser ?? (cut(name, NAME_MAX) || gettext("Unnamed device"));
}

export const isHandheld = (name) => /iPhone|iPad|Android|HarmonyOS/.test(name);
