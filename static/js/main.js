// Puts the page together: api and socket → store → views.
import { Actions } from "chat/actions.js";
import { Api } from "chat/net/api.js";
import { Drafts } from "chat/offline/drafts.js";
import { gettext } from "chat/i18n.js";
import { keyOfPath, splitKey } from "chat/ids.js";
import { fetchLater, later } from "chat/views/lazy.js";
import { Notifications } from "chat/actions/notifications.js";
import { Archive } from "chat/offline/archive.js";
import { complete } from "chat/offline/cached_page.js";
import { waitForServer } from "chat/views/unreachable.js";
import { Outbox } from "chat/offline/outbox.js";
import { Router } from "chat/router.js";
import { Socket } from "chat/net/socket.js";
import { Store } from "chat/state/store.js";
import { ConversationView } from "chat/views/conversation/conversation.js";
import { toast } from "chat/views/dom.js";
import { FrameView } from "chat/views/shell.js";
import { ListView } from "chat/views/list/chat_list.js";
import { followKeyboard } from "chat/views/viewport.js";
import { WaitingFiles } from "chat/offline/pending_files.js";

// A page without a person is the one that the service worker kept: what it shows is what was kept of the last person.
const page = JSON.parse(document.getElementById("boot").textContent);
if (!page) complete();
const kept = page ? null : await Archive.last();
const boot = page ?? kept?.boot ?? (await waitForServer(document.getElementById("shell")));
const store = new Store(boot.me);
if (page) store.takeList(boot.chats, { isWhole: boot.hasAllChats });

function signIn() {
  location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`);
}

function deliver({ clientId, key, content, type, replyTo, mediaUrl, locationData }) {
  const { type: kind, id } = splitKey(key);
  const [event, to] = kind === "group" ? ["EmitGroupMsg", { groupId: id }] : ["EmitPrivate", { toUid: id }];
  return socket.ask(event, { ...to, content, type, clientId, replyTo, mediaUrl, locationData });
}

function upload({ mediaType }, file, options) {
  return api.upload("/upload", { mediaType, media: file }, options);
}

const api = new Api({ onSignedOut: signIn });
const socket = new Socket(`${location.origin.replace(/^http/, "ws")}/ws/chat/?batch=1`, {
  onEvent: (event, data) => store.apply({ event, data }),
  onOpen: () => {
    if (store.isCopy) Archive.release(store);
    store.setConnection("online");
    actions.reconnected();
  },
  onClosed: () => {
    store.setConnection("offline");
    if (!store.isListed) actions.loadList().catch(() => {});
  },
  onSignedOut: signIn,
});
const drafts = new Drafts(store);
const outbox = new Outbox(store, { deliver, upload, files: new WaitingFiles(boot.me.id) });
const archive = kept?.archive ?? new Archive(boot.me.id);
const notifications = new Notifications({ store, api });
const actions = new Actions({ store, api, socket, outbox, drafts, archive, notifications });
const router = new Router(async (key, at) => {
  const invite = new URLSearchParams(location.search).get("invite");
  if (invite) history.replaceState(null, "", location.pathname);
  if (invite && !store.chats.has(key)) await (await later.invitation()).acceptInvitation(key, invite, actions);
  if (key && !store.chats.has(key) && store.isListed && !(await actions.resolve(key).catch(() => null))) {
    toast(gettext("That conversation is not here."));
    store.open(null);
    return;
  }
  store.open(key, at);
});

const context = { store, actions, router, recallWindow: boot.recallWindow, maxUpload: boot.maxUpload, map: boot.map, signUp: boot.signUp, admin: boot.admin };
if (boot.open) actions.takeOpening(keyOfPath(location.pathname), boot.open.messages);
new FrameView(document.getElementById("shell"), context);
new ListView(document.getElementById("sidebar"), context);
new ConversationView(document.getElementById("main"), context);
followKeyboard();

try {
  if (kept) {
    await archive.restore(store);
  } else {
    const { me, recallWindow, maxUpload, map } = boot;
    archive.begin({ me, recallWindow, maxUpload, map });
    // Somewhere the server did not find a chat of mine: it may be a person I never talked to.
    if (keyOfPath(location.pathname) && !boot.open) await actions.loadList();
  }
} catch (problem) {
  toast(problem.message);
}
router.start();
// Whoever is greeted reads the whole list.
socket.start();
archive.follow(store, (key) => actions.lastPage(key));
notifications.start((key) => router.go(key));
fetchLater();
