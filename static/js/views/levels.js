// The words for what notifies: the levels of a chat, and how long notifications are paused.
import { gettext, interpolate } from "chat/i18n.js";
import { serverNow } from "chat/timing.js";
import { moment } from "chat/views/format.js";

export const LEVELS = [
  { level: "all", label: gettext("All messages"), icon: "bell-ring" },
  { level: "mentions", label: gettext("Only mentions"), icon: "bell-dot" },
  { level: "nothing", label: gettext("Nothing"), icon: "bell-minus" },
];

const MORNING_HOUR = 8;
const HOUR_SECONDS = 3600;

/** Until eight o'clock of the next day here. */
function secondsUntilMorning() {
  const now = new Date(serverNow());
  const morning = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, MORNING_HOUR);
  return Math.round((morning - now) / 1000);
}

export const PAUSES = [
  { label: gettext("For an hour"), icon: "clock", seconds: () => HOUR_SECONDS },
  { label: gettext("Until tomorrow morning"), icon: "moon", seconds: secondsUntilMorning },
];

export const pausedLine = (until) =>
  interpolate(gettext("Notifications paused until %(time)s"), { time: moment(new Date(until)) });
