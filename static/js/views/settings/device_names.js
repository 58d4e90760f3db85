// What a client calls itself, as people would.
import { fill, gettext } from "chat/i18n.js";

// In this order: each claims to be the ones after it, too.
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
const LONGEST = 60;

const find = (known, text) => known.find(([pattern]) => pattern.test(text))?.[1];

export function deviceName(name) {
  const browser = find(BROWSERS, name);
  const system = find(SYSTEMS, name);
  if (browser && system) return fill(gettext("%(browser)s on %(system)s"), { browser, system });
  return browser ?? (name.slice(0, LONGEST) || gettext("Unnamed device"));
}

export const isHandheld = (name) => /iPhone|iPad|Android|HarmonyOS/.test(name);
