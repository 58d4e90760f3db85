// The types of messages. A new one is a file in types/ and its line here; no other module knows how
// a type looks.
//
// A type is {name, preview(message, me), body(message, view)} and optionally:
//   row(message, me)        a row of its own instead of a bubble
//   className(message)      CSS classes of its bubble
//   open(message, context)  runs when an element with data-act="open" is clicked
//   downloadUrl(message)    what "Download" in its menu saves
//   plainText(message)      what "Copy" in its menu copies
//   shelf                   the tab on which a chat shows it among its like
//   isTile                  whether several that were sent together stand in one album
//   isEditable              whether its content can be edited
//   needsWords              whether its content is what it says, and no caption, which may be empty
//   attachItems             entries of the attachment menu, {label, icon, run(kit)}: a kit is what
//                           Attachments.kit() returns
// `view` is {me, isOwn, isSending, local, part, meta}: my id, whether it is pending, the object URL of
// its file, how much is uploaded (0 to 1), and time and tick as an element to place.
import { recalledLine } from "chat/views/format.js";
import { audio } from "chat/views/types/audio.js";
import { file } from "chat/views/types/file.js";
import { image } from "chat/views/types/image.js";
import { location } from "chat/views/types/location.js";
import { system } from "chat/views/types/system.js";
import { text } from "chat/views/types/text.js";
import { video } from "chat/views/types/video.js";

export const TYPES = new Map([text, image, video, file, audio, location, system].map((type) => [type.name, type]));

/** A type that this page does not know is shown by its text. */
export const typeOf = (message) => TYPES.get(message.type) ?? text;

/** A message in one line, for the chat list, quotes, notifications and screen readers. */
export function preview(message, me) {
  return message.recalledAt ? recalledLine(message, me) : typeOf(message).preview(message, me);
}
