// Puts the page together: state, the server, what this browser keeps, actions, views.
import { Account } from "chat/actions/account.js";
import { Chats } from "chat/actions/chats.js";
import { DraftSync } from "chat/actions/draft_sync.js";
import { Groups } from "chat/actions/groups.js";
import { MessageHistory } from "chat/actions/history.js";
import { Messages } from "chat/actions/messages.js";
import { Notifications } from "chat/actions/notifications.js";
import { Sync } from "chat/actions/sync.js";
import { gettext } from "chat/i18n.js";
import { keyOfPath } from "chat/ids.js";
import { isServerReachable } from "chat/net/api.js";
import { Server } from "chat/net/server.js";
import { Archive } from "chat/offline/archive.js";
import { completeCachedPage } from "chat/offline/cached_page.js";
import { Drafts } from "chat/offline/drafts.js";
import { Outbox } from "chat/offline/outbox.js";
import { PendingFiles } from "chat/offline/pending_files.js";
import { Router } from "chat/router.js";
import { Store } from "chat/state/store.js";
import { ConversationView } from "chat/views/conversation/conversation.js";
import { toast } from "chat/views/dom.js";
import { lazy, loadLazyModules } from "chat/views/lazy.js";
import { ChatListView } from "chat/views/list/chat_list.js";
import { ShellView } from "chat/views/shell.js";
import { listenForShortcuts } from "chat/views/shortcuts.js";
import { preview } from "chat/views/types/registry.js";
import { waitForServer } from "chat/views/unreachable.js";
import { followKeyboard } from "chat/views/viewport.js";

// The service worker's cached page has no user in it: it shows the archive of the last user of this
// browser.
const page = JSON.parse(document.getElementById("boot").textContent);
if (!page) completeCachedPage();
const archived = page ? null : await Archive.last();
const boot = page ?? archived?.boot ?? (await waitForServer(document.getElementById("shell"), isServerReachable));
const store = new Store(boot.me, { epoch: boot.epoch, notifying: boot.notifying });
if (page) store.mergeChatList(boot.chats, { isWhole: boot.hasAllChats });

const server = new Server({
  onEvent: (event, data) => {
    if (event === "OnHeldRefused") outbox.refuseHeld(data.clientId);
    else store.apply({ event, data });
  },
  onConnected: () => {
    store.leaveArchive();
    store.setConnection("online");
    actions.sync.onConnected();
  },
  onDisconnected: () => {
    store.setConnection("offline");
    if (!store.hasChatList) actions.sync.loadChatList().catch(() => {});
  },
  onSignedOut: () => location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`),
});
const drafts = new Drafts(store);
const outbox = new Outbox(store, {
  server,
  files: new PendingFiles(boot.me.id),
  onStill: () => toast(gettext("This animation is too large to move: only its first picture was sent.")),
});
const archive = archived?.archive ?? new Archive(boot.me.id);
const notifications = new Notifications({ store, server, preview });
const chats = new Chats({ store, server });
const draftSync = new DraftSync({ store, server, drafts });
const sync = new Sync({ store, server, outbox, chats, drafts: draftSync });
const actions = {
  account: new Account({ store, server, outbox, drafts, archive, notifications }),
  chats,
  groups: new Groups({ store, server, sync }),
  history: new MessageHistory({ store, server }),
  messages: new Messages({ store, server, outbox, drafts }),
  notifications,
  sync,
};
const router = new Router(async (key, targetSeq) => {
  const invite = new URLSearchParams(location.search).get("invite");
  if (invite) history.replaceState(null, "", location.pathname);
  if (invite && !store.chats.has(key)) await (await lazy.invitation()).acceptInvitation(key, invite, actions);
  if (key && !store.chats.has(key) && store.hasChatList && !(await actions.chats.resolve(key).catch(() => null))) {
    toast(gettext("That conversation is not here."));
    store.openChat(null);
    return;
  }
  store.openChat(key, targetSeq);
});

const { recallWindow, editWindow, maxUpload, map, signUp, admin } = boot;
const context = { store, actions, router, recallWindow, editWindow, maxUpload, map, signUp, admin };
if (boot.open) store.setHistory(keyOfPath(location.pathname), boot.open.messages);
new ShellView(document.getElementById("shell"), context);
new ChatListView(document.getElementById("sidebar"), context);
const conversation = new ConversationView(document.getElementById("main"), context);
listenForShortcuts(context, () => conversation.focusComposer());
followKeyboard();

try {
  if (archived) {
    await archive.restore(store);
  } else {
    archive.begin({ me: boot.me, epoch: boot.epoch, recallWindow, editWindow, maxUpload, map });
    // The address is not of a chat in the list: it may be a person without a conversation so far.
    if (keyOfPath(location.pathname) && !boot.open) await sync.loadChatList();
  }
} catch (problem) {
  toast(problem.message);
}
router.start();
// After the greeting the whole chat list is loaded.
server.connect();
archive.follow(store, (key) => actions.history.lastPage(key));
notifications.start((key) => router.go(key));
loadLazyModules();
