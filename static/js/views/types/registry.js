// The types of messages. A new one is a file in types/ and its line here; nothing else knows how a type looks.
//
// A type is {name, preview(message, me), body(message, view)} and what more it can do:
//   row(message, me)        a line of its own instead of somebody's bubble
//   look(message)           class names for its bubble
//   open(message, context)  when what carries data-act="open" is pressed
//   address(message)        what "Save" in its menu saves
//   text(message)           what "Copy" in its menu copies
//   isEditable              whether its content can be edited
//   attach                  entries for the composer's menu: {label, icon, run(kit)}, a kit being views/attach.js's
// `view` is {isOwn, isGoing, local, part, meta}: still on its way, the file as this page has it, how much of it has
// left, and time and tick as an element to be put where they look well.
import { recalledLine } from "chat/views/format.js";
import { audio } from "chat/views/types/audio.js";
import { file } from "chat/views/types/file.js";
import { image } from "chat/views/types/image.js";
import { location } from "chat/views/types/location.js";
import { system } from "chat/views/types/system.js";
import { text } from "chat/views/types/text.js";

export const TYPES = new Map([text, image, file, audio, location, system].map((type) => [type.name, type]));

/** What this page does not know yet is shown by its text. */
export const typeOf = (message) => TYPES.get(message.type) ?? text;

/** A message in one line, for lists, quotes and what is read out. */
export function preview(message, me) {
  return message.recalledAt ? recalledLine(message, me) : typeOf(message).preview(message, me);
}
