// What a chat has of one kind, in tabs: pictures and videos, files, links, voice, places. Pages are loaded as one scrolls.
import { gettext, interpolate } from "chat/i18n.js";
import { h, icon, iconButton, senderOf, toast } from "chat/views/dom.js";
import { fileSize, fullTime, playTime } from "chat/views/format.js";
import { splitLinks } from "chat/views/links.js";
import { isBesideChat, openSidePanel } from "chat/views/side_panel.js";
import { fileIcon, fileName } from "chat/views/types/file.js";
import { preview, typeOf } from "chat/views/types/registry.js";
import { voicePlayer } from "chat/views/voice_player.js";

const PAGE = 40;
const LINKS_MAX = 5;
/** Pages without anything that are passed: while the server builds its index of searches, they may be empty. */
const EMPTY_MAX = 20;

const TABS = [
  { kind: "media", label: gettext("Pictures and videos"), icon: "image", build: tile },
  { kind: "files", label: gettext("Files"), icon: "file", build: fileRow },
  { kind: "links", label: gettext("Links"), icon: "link", build: linkRow },
  { kind: "voice", label: gettext("Voice"), icon: "mic", build: voiceRow },
  { kind: "places", label: gettext("Places"), icon: "map-pin", build: placeRow },
];

export function openShelfPanel({ store, actions, router, key }) {
  let tab = TABS[0];
  /** What is loaded of the tab: how far, and the newest seq that it knows. */
  let loaded = null;
  const tabs = TABS.map((one) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        class: "shelf-tab",
        id: `shelf-tab-${one.kind}`,
        "aria-controls": "shelf",
        "aria-label": one.label,
        title: one.label,
        on: { click: () => show(one) },
      },
      icon(one.icon),
    ),
  );
  const title = h("h4", { class: "shelf-title" });
  const list = h("ul", { class: "shelf-items" });
  const note = h("p", { class: "shelf-note", role: "status" });
  const end = h("div", { class: "shelf-end", "aria-hidden": "true" });
  const body = h(
    "div",
    { class: "shelf-body" },
    h("div", { class: "shelf-tabs", role: "tablist", "aria-label": gettext("Kinds"), on: { keydown: moveTab } }, tabs),
    h("div", { class: "shelf", id: "shelf", role: "tabpanel" }, title, list, note, end),
  );
  const atEnd = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && more(), {
    root: body,
    rootMargin: "600px 0px",
  });
  const stops = [
    store.on(`timeline:${key}`, () => follow()),
    store.on("open", () => store.openKey === key || close()),
    () => atEnd.disconnect(),
  ];
  const close = openSidePanel(gettext("Pictures, files, links"), {
    key: `shelf:${key}`,
    body,
    onClose: () => stops.forEach((stop) => stop()),
  });
  if (!body.isConnected) return;
  show(tab);

  function show(chosen) {
    tab = chosen;
    for (const [index, one] of TABS.entries()) {
      tabs[index].setAttribute("aria-selected", String(one === tab));
      tabs[index].tabIndex = one === tab ? 0 : -1;
    }
    list.className = `shelf-items ${tab.kind}`;
    list.parentElement.setAttribute("aria-labelledby", `shelf-tab-${tab.kind}`);
    title.textContent = tab.label;
    list.replaceChildren();
    note.replaceChildren();
    loaded = { next: null, isLoading: false, hasMore: true, newest: store.chats.get(key)?.seq ?? 0 };
    atEnd.disconnect();
    more();
  }

  function moveTab(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -TABS.length, End: TABS.length }[event.key];
    if (!step) return;
    event.preventDefault();
    const isReversed = document.dir === "rtl" && event.key.startsWith("Arrow");
    const to = TABS.indexOf(tab) + (isReversed ? -step : step);
    const index = Math.abs(step) > 1 ? Math.max(0, Math.min(TABS.length - 1, to)) : (to + TABS.length) % TABS.length;
    show(TABS[index]);
    tabs[index].focus();
  }

  async function more() {
    const current = loaded;
    if (current.isLoading || !current.hasMore) return;
    current.isLoading = true;
    note.textContent = list.children.length ? "" : gettext("Loading…");
    try {
      let found = [];
      for (let page = 0; !found.length && current.hasMore && page < EMPTY_MAX; page++) {
        const { items, next } = await actions.history.shelf(key, tab.kind, { limit: PAGE, next: current.next });
        if (current !== loaded || !body.isConnected) return;
        found = items;
        current.next = next;
        current.hasMore = next !== null;
      }
      list.append(...found.filter((message) => !isGone(message)).map(item));
      note.textContent = list.children.length ? "" : gettext("Nothing here yet.");
      // Observed anew, it tells again whether it is in sight.
      atEnd.disconnect();
      if (current.hasMore) atEnd.observe(end);
    } catch (problem) {
      if (current !== loaded) return;
      toast(problem.message);
      const again = { type: "button", class: "button small", on: { click: () => more() } };
      note.replaceChildren(h("button", again, gettext("Try again")));
    } finally {
      current.isLoading = false;
    }
    follow();
  }

  /** What was sent, recalled or deleted for me meanwhile. */
  function follow() {
    for (const element of [...list.children]) {
      const message = store.timeline(key).at(Number(element.dataset.seq));
      if (message && isGone(message)) element.remove();
    }
    const timeline = store.timeline(key);
    if (!loaded || !timeline.isLoaded || loaded.isLoading) return;
    for (const message of timeline.between(Math.max(loaded.newest + 1, timeline.first), timeline.last)) {
      const isListed = list.querySelector(`[data-seq="${message.seq}"]`); // it came before the answer was made
      if (!isListed && !isGone(message) && standsOn(message, tab.kind)) list.prepend(item(message));
      loaded.newest = message.seq;
    }
    if (list.children.length) note.replaceChildren();
  }

  function isGone({ seq, recalledAt, hidden }) {
    const now = store.timeline(key).at(seq);
    return Boolean(recalledAt || hidden || now?.recalledAt || now?.hidden);
  }

  function item(original) {
    const message = store.withSender(original);
    const lead = () => {
      if (isBesideChat()) router.lead(key, message.seq);
      else {
        close();
        router.go(key, message.seq);
      }
    };
    return h("li", { "data-seq": String(message.seq) }, tab.build(message, { me: store.me.id, lead }));
  }
}

const standsOn = (message, kind) =>
  kind === "links" ? linksIn(message).length > 0 : typeOf(message).shelf === kind && Boolean(message.id);

const linksIn = ({ content }) =>
  [...splitLinks(content ?? "")].filter(({ href }) => href && !href.startsWith("mailto:")).slice(0, LINKS_MAX);

/** Who and when, under a row. */
function about(message, me, ...more) {
  const who = message.senderId === me ? gettext("You") : senderOf(message).name;
  return h("small", { dir: "auto" }, [...more, who, fullTime(new Date(message.sentAt))].filter(Boolean).join(" · "));
}

function row({ lead, label }, ...content) {
  return h("button", { type: "button", class: "shelf-row", "aria-label": label, on: { click: lead } }, content);
}

const leadButton = (lead) =>
  iconButton("message-circle", gettext("Show in the conversation"), lead, { class: "shelf-lead" });

function tile(message, { me, lead }) {
  const { thumbnailUrl, mediaUrl, mediaDuration, type } = message;
  const who = message.senderId === me ? gettext("You") : message.senderName;
  const what = preview(message, me);
  const address = thumbnailUrl ?? (type === "image" ? mediaUrl : null);
  const label = interpolate(gettext("%(what)s of %(name)s, %(time)s"), {
    what,
    name: who,
    time: fullTime(new Date(message.sentAt)),
  });
  return h(
    "button",
    { type: "button", class: "shelf-tile", "aria-label": label, title: label, on: { click: lead } },
    address
      ? h("img", { src: address, alt: "", loading: "lazy", decoding: "async" })
      : icon(type === "video" ? "video" : "image"),
    type === "video" && h("span", { class: "film-length" }, icon("video"), playTime(mediaDuration ?? 0)),
  );
}

function fileRow(message, { me, lead }) {
  const name = message.fileName ?? gettext("File");
  const size = message.fileSize == null ? "" : fileSize(message.fileSize);
  return [
    row({ lead }, fileIcon(name), h("span", { class: "file-text" }, fileName(name), about(message, me, size))),
    message.mediaUrl &&
      h(
        "a",
        {
          class: "icon-button",
          href: message.mediaUrl,
          download: name,
          "aria-label": interpolate(gettext("Download %(name)s"), { name }),
        },
        icon("download"),
      ),
  ];
}

function linkRow(message, { me, lead }) {
  return h(
    "div",
    { class: "shelf-line" },
    h(
      "div",
      { class: "shelf-links" },
      linksIn(message).map(({ text, href }) =>
        h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", dir: "auto" }, text),
      ),
      about(message, me),
    ),
    leadButton(lead),
  );
}

function voiceRow(message, { me, lead }) {
  const { mediaUrl, mediaDuration, waveform, clientId, id } = message;
  return h(
    "div",
    { class: "shelf-line" },
    h(
      "div",
      { class: "shelf-voice" },
      voicePlayer({ name: clientId ?? id, address: mediaUrl, duration: mediaDuration ?? 0, waveform }),
      about(message, me),
    ),
    leadButton(lead),
  );
}

function placeRow(message, { me, lead }) {
  const { name, address } = message.locationData ?? {};
  return row(
    { lead },
    h("span", { class: "file-icon" }, icon("map-pin")),
    h(
      "span",
      { class: "file-text" },
      h("strong", { dir: "auto" }, name || gettext("Place")),
      address && h("span", { dir: "auto" }, address),
      about(message, me),
    ),
  );
}
