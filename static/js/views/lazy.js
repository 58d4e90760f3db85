// Modules that the first view does not need. Each is loaded when it is first used, and all of them
// as soon as the page is idle, so that they work without a connection too.
const IDLE_FALLBACK_MS = 2000;

export const lazy = {
  ask: () => import("chat/views/ask_dialog.js"),
  account: () => import("chat/views/account_menu.js"),
  camera: () => import("chat/views/conversation/camera_dialog.js"),
  day: () => import("chat/views/conversation/day_dialog.js"),
  emoji: () => import("chat/views/conversation/emoji_panel.js"),
  files: () => import("chat/views/conversation/files_dialog.js"),
  forward: () => import("chat/views/forward_dialog.js"),
  highlight: () => import("chat/views/conversation/highlight.js"),
  group: () => import("chat/views/group_panel.js"),
  invitation: () => import("chat/views/invitation.js"),
  lightbox: () => import("chat/views/conversation/lightbox.js"),
  newGroup: () => import("chat/views/group_dialog.js"),
  people: () => import("chat/views/people_dialog.js"),
  permissionHelp: () => import("chat/views/permission_help.js"),
  person: () => import("chat/views/person_card.js"),
  place: () => import("chat/views/conversation/location_dialog.js"),
  prepare: () => import("chat/media/prepare.js"),
  quickSwitcher: () => import("chat/views/quick_switcher.js"),
  readers: () => import("chat/views/conversation/readers_dialog.js"),
  recorder: () => import("chat/media/recorder.js"),
  shelf: () => import("chat/views/shelf_panel.js"),
  textFile: () => import("chat/views/conversation/text_file_dialog.js"),
};

export function loadLazyModules() {
  const idle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, IDLE_FALLBACK_MS));
  idle(() => Promise.allSettled(Object.values(lazy).map((load) => load())));
}
