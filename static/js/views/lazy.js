// What the first look does without. Each is fetched when it is first wanted, and all of them as soon as the page has
// nothing else to do, so that they are there without a connection too.
const WITHOUT_IDLING = 2000;

export const later = {
  account: () => import("chat/views/account_menu.js"),
  camera: () => import("chat/views/conversation/camera_dialog.js"),
  emoji: () => import("chat/views/conversation/emoji_panel.js"),
  files: () => import("chat/views/conversation/files_dialog.js"),
  group: () => import("chat/views/group_panel.js"),
  invitation: () => import("chat/views/invitation.js"),
  lightbox: () => import("chat/views/conversation/lightbox.js"),
  newGroup: () => import("chat/views/group_dialog.js"),
  people: () => import("chat/views/people_dialog.js"),
  place: () => import("chat/views/conversation/location_dialog.js"),
};

export function fetchLater() {
  const idle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, WITHOUT_IDLING));
  idle(() => Promise.allSettled(Object.values(later).map((load) => load())));
}
