// How times, names, sizes and system messages are written in the user's language.
import { gettext, interpolate, language, ngettext, pgettext } from "chat/i18n.js";
import { graphemes } from "chat/text.js";
import { serverNow } from "chat/timing.js";
import { hasZoneChanged, timeZone } from "chat/views/days.js";

/** Code units of a one-line preview: more than any line shows. */
export const PREVIEW_MAX = 200;

const makeFormats = () => ({
  clock: new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  weekday: new Intl.DateTimeFormat(language, { weekday: "short" }),
  day: new Intl.DateTimeFormat(language, { month: "short", day: "numeric" }),
  longDay: new Intl.DateTimeFormat(language, { weekday: "long", month: "long", day: "numeric" }),
  date: new Intl.DateTimeFormat(language, { year: "numeric", month: "2-digit", day: "2-digit" }),
  longDate: new Intl.DateTimeFormat(language, { year: "numeric", month: "long", day: "numeric" }),
  moment: new Intl.DateTimeFormat(language, {
    weekday: "short",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }),
  full: new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" }),
});
let formats = makeFormats();
let formatsZone = timeZone();

/** A formatter keeps the time zone that it was made in. */
function format(name, date) {
  if (hasZoneChanged() || formatsZone !== timeZone()) {
    formats = makeFormats();
    formatsZone = timeZone();
  }
  return formats[name].format(date);
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
const daysAgo = (date, now) => Math.round((midnight(now) - midnight(date)) / 86_400_000);

export const clock = (date) => format("clock", date);
/** A time of today, or of another day with that day. */
export const moment = (date) => format(dayOf(date) === dayOf(new Date()) ? "clock" : "moment", date);
/** The name of a day of the week: 1 is Monday. */
export const weekday = (number) => format("weekday", new Date(2024, 0, number));
export const fullTime = (date) => format("full", date);
export const dayOf = (date) => `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;

/** The time in the chat list: HH:mm today, then yesterday, the weekday within a week, the date. */
export function listTime(date, now = new Date()) {
  const days = daysAgo(date, now);
  if (days <= 0) return clock(date);
  if (days === 1) return gettext("Yesterday");
  if (days < 7) return format("weekday", date);
  return format(date.getFullYear() === now.getFullYear() ? "day" : "date", date);
}

export function dayLabel(date, now = new Date()) {
  const days = daysAgo(date, now);
  if (days <= 0) return gettext("Today");
  if (days === 1) return gettext("Yesterday");
  return format(date.getFullYear() === now.getFullYear() ? "longDay" : "longDate", date);
}

export function lastSeen(iso) {
  if (!iso) return gettext("offline");
  const date = new Date(iso);
  const minutes = Math.floor((serverNow() - date) / 60_000);
  if (minutes < 1) return gettext("last seen just now");
  if (minutes < 60)
    return interpolate(ngettext("last seen %(count)s minute ago", "last seen %(count)s minutes ago", minutes), {
      count: minutes,
    });
  if (daysAgo(date, new Date()) === 0) return interpolate(gettext("last seen at %(time)s"), { time: clock(date) });
  return interpolate(gettext("last seen %(day)s"), { day: listTime(date) });
}

export const memberCount = (count) => interpolate(ngettext("%(count)s member", "%(count)s members", count), { count });

export function typingLine(typists) {
  if (typists.length === 1) return interpolate(gettext("%(name)s is typing…"), { name: typists[0] });
  return interpolate(gettext("%(count)s people are typing…"), { count: typists.length });
}

export const badge = (count) => (count > 99 ? "99+" : String(count));

const TONES = 10;

/** The number of one of ten colors, always the same for an id. */
export function tone(id) {
  let sum = 0;
  for (const character of String(id)) sum = (sum * 31 + character.codePointAt(0)) >>> 0;
  return sum % TONES;
}

const tonesByGroup = new Map();

/** The number of a person's color in a group: that of their id, unless another member has it already. */
export function toneIn(groupId, id) {
  if (!groupId) return tone(id);
  if (!tonesByGroup.has(groupId)) tonesByGroup.set(groupId, new Map());
  const tones = tonesByGroup.get(groupId);
  if (!tones.has(id)) {
    const taken = new Set(tones.values());
    const own = tone(id);
    // Each third one first: neighbours in the row look alike.
    const free = Array.from({ length: TONES }, (_, step) => (own + 3 * step) % TONES).find((one) => !taken.has(one));
    tones.set(id, free ?? own);
  }
  return tones.get(id);
}

/**
 * The last Han character of a name, the first letters of its first and last word, or the first two letters of its
 * only word where the script has capitals: a single letter is that of too many people.
 */
export function initial(name) {
  const han = name.match(/\p{Script=Han}/gu);
  if (han) return han.at(-1);
  const words = name.trim().split(/\s+/).map(graphemes);
  const lettersByWord = words.map((word) => word.filter((one) => /\p{L}/u.test(one))).filter((all) => all.length);
  const upper = (text) => text.toLocaleUpperCase(language);
  if (lettersByWord.length > 1) return upper(lettersByWord[0][0] + lettersByWord.at(-1)[0]);
  const [first, second = ""] = lettersByWord[0] ?? [];
  if (first) return upper(first) + (/^\p{Cased_Letter}/u.test(second) ? second : "");
  return words.flat().find((one) => /\p{N}/u.test(one)) ?? words[0][0] ?? "?";
}

/** Names joined as the language joins a list. */
export const names = (people) => new Intl.ListFormat(language, { type: "conjunction" }).format(people);

const ROLES = { owner: gettext("owner"), admin: gettext("administrator"), member: gettext("member") };
export const roleName = (role) => ROLES[role] ?? role;

const SYSTEM_MESSAGES = {
  created: gettext("%(actor)s created the group “%(name)s”"),
  joined: gettext("%(actor)s joined the group"),
  left: gettext("%(actor)s left the group"),
  invited: gettext("%(actor)s brought in %(people)s"),
  removed: gettext("%(actor)s removed %(people)s"),
  renamed: gettext("%(actor)s renamed the group to “%(name)s”"),
  picture: gettext("%(actor)s changed the picture of the group"),
  accepted: gettext("%(actor)s let %(people)s in"),
  described: gettext("%(actor)s changed what the group is about"),
  announced: gettext("%(actor)s changed the announcement"),
  unannounced: gettext("%(actor)s ended the announcement"),
  pinned: gettext("%(actor)s pinned a message"),
  offered: gettext("%(actor)s offered the group to %(people)s"),
  transferred: gettext("%(actor)s handed the group over to %(people)s"),
  inherited: gettext("%(people)s is gone: %(actor)s owns the group now"),
  named_owner: gettext("%(actor)s, who runs this chat, made %(people)s the owner"),
  opened: gettext("%(actor)s, who runs this chat, opened it to read it"),
};

const NAMED_MAX = 3;
const namedPeople = (data) => (data.people ?? []).slice(0, NAMED_MAX);

/** How many people a system message is about without naming them. */
export const unnamedPeople = (data) => (data?.count ?? data?.people?.length ?? 0) - namedPeople(data ?? {}).length;

function others(data) {
  const count = unnamedPeople(data);
  return count > 0 ? [interpolate(ngettext("%(count)s other", "%(count)s others", count), { count })] : [];
}

/**
 * A system message in the user's language; an action that this page does not know falls back to the
 * server's English.
 */
export function systemLine(message, me) {
  const data = message.system;
  if (!data) return message.content;
  const nameOf = (person) => (person.id === me ? gettext("you") : person.name);
  const actor = data.actor?.id === me ? pgettext("beginning a sentence", "You") : (data.actor?.name ?? "");
  const values = { actor, people: names(namedPeople(data).map(nameOf).concat(others(data))), name: data.name ?? "" };
  if (data.action === "role") {
    return data.role === "admin"
      ? interpolate(gettext("%(actor)s made %(people)s an administrator"), values)
      : interpolate(gettext("%(actor)s made %(people)s a member again"), values);
  }
  if (data.action === "policy" && data.name === "approval")
    return interpolate(gettext("%(actor)s decided that people ask before they join"), values);
  if (data.action === "policy") {
    return data.name === "closed"
      ? interpolate(gettext("%(actor)s made the group one by invitation only"), values)
      : interpolate(gettext("%(actor)s opened the group to everyone"), values);
  }
  if (data.action === "posting") {
    return data.name === "admins"
      ? interpolate(gettext("%(actor)s let only the owner and administrators write here"), values)
      : interpolate(gettext("%(actor)s let everybody write here"), values);
  }
  if (data.action === "history") {
    return data.name === "joined"
      ? interpolate(gettext("%(actor)s decided that new members see what is said after they joined"), values)
      : interpolate(gettext("%(actor)s let all members see all messages"), values);
  }
  if (data.action === "slowed") {
    return Number(data.name)
      ? interpolate(gettext("%(actor)s set slow mode: one message in %(time)s"), {
          ...values,
          time: duration(Number(data.name)),
        })
      : interpolate(gettext("%(actor)s turned slow mode off"), values);
  }
  const line = SYSTEM_MESSAGES[data.action];
  return line ? interpolate(line, values) : message.content;
}

export const recalledLine = (message, me) => {
  if (message.senderId === me) return gettext("You recalled a message");
  return interpolate(gettext("%(name)s recalled a message"), { name: message.senderName });
};

/** Whether a text is one to three emoji and nothing else, which are shown large. */
export const isOnlyEmoji = (text) => /^(?:\p{RGI_Emoji}\s?){1,3}$/v.test(text.trim());

/** How many people ask to join a group. */
export const requestCount = (count) =>
  interpolate(ngettext("%(count)s request to join", "%(count)s requests to join", count), { count });

const DURATIONS = [
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** 30 seconds, 5 minutes, 1 hour: in the greatest unit that says it exactly. */
export function duration(seconds) {
  const [unit, length] = DURATIONS.find(([, one]) => seconds % one === 0);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(seconds / length);
}

/** The length of a recording: 0:07, 4:59. */
export function playTime(seconds) {
  const whole = Math.max(0, Math.round(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The length of a recording within a line of text: 7″, 4′59″. */
export function shortTime(seconds) {
  const whole = Math.max(0, Math.round(seconds || 0));
  return `${whole < 60 ? "" : `${Math.floor(whole / 60)}′`}${whole % 60}″`;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** 940 byte, 12 kB, 1.4 MB, as the language writes it. */
export function fileSize(bytes) {
  let step = 0;
  let number = bytes || 0;
  for (; number >= 1000 && step < UNITS.length - 1; step++) number /= 1024;
  const digits = step > 1 && number < 10 ? 1 : 0;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: UNITS[step],
    unitDisplay: step ? "short" : "long",
    maximumFractionDigits: digits,
  }).format(number);
}

/** 39.90420° N, 116.40740° E: latitude first, to the metre. */
export function coordinates({ latitude, longitude }) {
  const north = interpolate(latitude < 0 ? gettext("%(degrees)s° S") : gettext("%(degrees)s° N"), {
    degrees: Math.abs(latitude).toFixed(5),
  });
  const east = interpolate(longitude < 0 ? gettext("%(degrees)s° W") : gettext("%(degrees)s° E"), {
    degrees: Math.abs(longitude).toFixed(5),
  });
  return `${north}, ${east}`;
}
