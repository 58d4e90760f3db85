// Messages that I deleted for myself: only their places are left.
const EMPTY = {
  content: "",
  replyTo: null,
  forwardedFrom: null,
  mentions: null,
  mediaUrl: null,
  thumbnailUrl: null,
  mediaDuration: null,
  fileName: null,
  fileSize: null,
  mimeType: null,
  width: null,
  height: null,
  waveform: null,
  locationData: null,
  reactions: [],
  hidden: true,
};

/** A message without what it says. */
export const emptied = (message) => (message.hidden ? message : { ...message, ...EMPTY });

/** A message that came, beside the one that is known: the events of a chat say to all what only some still see. */
export const asKnown = (message, known) => (known?.hidden ? emptied(message) : message);
