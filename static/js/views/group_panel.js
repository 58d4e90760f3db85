// About a group: what the user's role allows, and its members.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { chatKey } from "chat/ids.js";
import { isAdmin } from "chat/roles.js";
import { avatarButton } from "chat/views/avatar_button.js";
import { copy } from "chat/views/clipboard.js";
import { ask, confirm } from "chat/views/dialog.js";
import { avatar, besideName, h, icon, iconButton, markedName, replaceIfChanged, toast } from "chat/views/dom.js";
import { duration, fullTime, memberCount, roleName } from "chat/views/format.js";
import { openInvitationDialog, openInviteDialog, openRemoveDialog } from "chat/views/group_dialog.js";
import { isSureToOpen, openGroupSettings } from "chat/views/group_settings.js";
import { invitationLink } from "chat/views/invitation.js";
import { JoinRequests } from "chat/views/join_requests.js";
import { MemberList } from "chat/views/member_list.js";
import { lazy } from "chat/views/lazy.js";
import { openMenu } from "chat/views/menu.js";
import { openPersonCard } from "chat/views/person_card.js";
import { richText } from "chat/views/rich_text.js";
import { openSidePanel } from "chat/views/side_panel.js";

const WHO_JOINS = {
  open: gettext("Open group: everybody here, guests too, can find it, join it and read all of it"),
  approval: gettext("Everybody here can find this group and ask to join; its owner and administrators decide"),
  closed: gettext("Closed group: only those who are invited can find it, join it and read it"),
};

export function openGroupPanel({ store, actions, router, groupId }) {
  const key = chatKey("group", groupId);
  const about = h("div", { class: "panel-about" });
  const membersHead = h("h4", {});
  const membersSection = h("section", { class: "panel-section panel-members" }, membersHead);
  const requests = new JoinRequests({ store, actions, groupId });
  const body = h("div", {}, about, requests.element, membersSection);
  let list = null;
  const stops = [
    store.on([`group:${key}`, "chats"], () => render()),
    store.on("people", () => list?.render()),
    store.on(`members:${key}`, () => list?.reload()),
    store.on("open", () => store.openKey === key || close()),
    () => requests.close(),
  ];
  const close = openSidePanel(gettext("About this group"), {
    key,
    body,
    onClose: () => stops.forEach((stop) => stop()),
  });
  if (!body.isConnected) return;
  const run = async (work) => {
    try {
      return await work;
    } catch (problem) {
      toast(problem.message);
      return null;
    }
  };
  // Opening another chat from here closes the panel.
  const closingRouter = {
    go: (to) => {
      close();
      router.go(to);
    },
  };
  const change = async (verb, details) => {
    const group = await run(actions.groups.change(verb, groupId, details));
    if (group) list.reload();
    return group;
  };

  function render() {
    const group = store.groups.get(groupId);
    const chat = store.chats.get(key);
    if (!chat) {
      close();
      return;
    }
    if (!group) return;
    const { name, img, role, away, muted } = chat;
    replaceIfChanged(about, JSON.stringify([group, name, img, role, away, muted, ...offeredBetween(group)]), () => [
      top(group, chat),
      aboutIt(group),
      offer(group, chat),
      settings(group, chat),
      shelves(),
      invitation(group, chat),
    ]);
    replaceIfChanged(membersHead, JSON.stringify([group.memberCount, mayInvite(group, chat), isAdmin(chat)]), () => [
      memberCount(group.memberCount),
      h(
        "span",
        { class: "members-buttons" },
        isAdmin(chat) && group.memberCount > 1 && removeButton(),
        mayInvite(group, chat) && addButton(),
      ),
    ]);
    list?.render();
  }

  const mayInvite = (group, chat) => group.joinPolicy === "open" || isAdmin(chat);

  const top = (group, chat) =>
    h(
      "div",
      { class: "panel-top" },
      isAdmin(chat)
        ? avatarButton(
            { ...chat, type: "group" },
            {
              save: (file) => actions.groups.setAvatar(groupId, file),
              remove: () => actions.groups.change("update", groupId, { avatar: "" }),
            },
          )
        : avatar({ ...chat, type: "group" }, "xl"),
      h("h3", {}, h("bdi", {}, chat.name)),
      h("p", {}, WHO_JOINS[group.joinPolicy]),
      isAdmin(chat) &&
        h(
          "button",
          { type: "button", class: "button small", on: { click: rename } },
          icon("pencil"),
          gettext("Rename"),
        ),
    );

  /** What the group is about, what it announces, and who writes how often. */
  function aboutIt({ description, announcement, postPolicy, slowMode, historyPolicy }) {
    const facts = [
      historyPolicy === "joined" && gettext("New members see what is said after they joined."),
      postPolicy === "admins" && gettext("Only the owner and administrators write here."),
      slowMode > 0 && interpolate(gettext("Slow mode: one message in %(time)s."), { time: duration(slowMode) }),
    ].filter(Boolean);
    const text = (said) => h("div", { class: "panel-text", dir: "auto" }, richText(said));
    return [
      description && h("section", { class: "panel-section panel-description" }, text(description)),
      announcement &&
        h(
          "section",
          { class: "panel-section panel-announcement" },
          h("h4", {}, gettext("Announcement")),
          text(announcement.text),
        ),
      facts.length > 0 &&
        h(
          "div",
          { class: "panel-facts" },
          facts.map((fact) => h("p", { class: "panel-text" }, fact)),
        ),
    ];
  }

  /** What was sent in the group. */
  const shelves = () =>
    h(
      "section",
      { class: "panel-section panel-shelves" },
      h(
        "button",
        {
          type: "button",
          class: "button quiet",
          on: { click: async () => (await lazy.shelf()).openShelfPanel({ store, actions, router, key }) },
        },
        icon("image"),
        gettext("Pictures, files, links"),
      ),
    );

  /** The names of the owner and of the member who may become it, as far as they are known. */
  const offeredBetween = (group) =>
    group.offeredTo ? [list.owner?.name, store.people.get(group.offeredTo)?.name] : [];

  /** The ownership on offer: to whom it is offered decides, the owner may take it back. */
  function offer(group, chat) {
    const isMine = group.offeredTo === store.me.id;
    if (!group.offeredTo || !(isMine || chat.role === "owner")) return null;
    const [owner, candidate] = offeredBetween(group);
    const answer = async (verb) => {
      if (await change(`transfer/${verb}`)) await run(actions.sync.loadChatList());
    };
    const button = (label, verb, kind) =>
      h("button", { type: "button", class: `button small ${kind}`, on: { click: () => answer(verb) } }, label);
    return h(
      "section",
      { class: "panel-section panel-offer" },
      isMine
        ? [
            h(
              "p",
              {},
              interpolate(gettext("%(name)s offers you this group. Its owner decides on everything in it."), {
                name: owner ?? gettext("The owner"),
              }),
            ),
            h(
              "div",
              {},
              button(gettext("Accept"), "accept", "primary"),
              button(gettext("Decline"), "decline", "quiet"),
            ),
          ]
        : [
            h(
              "p",
              {},
              interpolate(gettext("You offered this group to %(name)s, who has not answered yet."), {
                name: candidate ?? gettext("a member"),
              }),
            ),
            h("div", {}, button(gettext("Take the offer back"), "decline", "quiet")),
          ],
    );
  }

  function rename() {
    ask(gettext("Rename the group"), {
      label: gettext("Name of the group"),
      value: store.chats.get(key).name,
      action: gettext("Save"),
      save: (name) => actions.groups.change("update", groupId, { name }),
    });
  }

  function invitation(group, chat) {
    if (!mayInvite(group, chat)) return null;
    const link = group.inviteCode && invitationLink(key, group.inviteCode, store.me);
    return h(
      "section",
      { class: "panel-section" },
      h("h4", {}, gettext("Invitation")),
      link
        ? h(
            "div",
            { class: "code" },
            h("code", {}, link),
            iconButton("copy", gettext("Copy"), () => copy(link)),
            isAdmin(chat) &&
              iconButton("rotate-ccw", gettext("Make a new one"), () => openInvitationDialog({ actions, groupId })),
          )
        : h(
            "button",
            { type: "button", class: "button small", on: { click: () => change("invite") } },
            icon("link"),
            gettext("Show the invitation"),
          ),
      link && h("p", {}, limitsOf(group)),
    );
  }

  /** How long a link leads in, and how many. */
  function limitsOf({ inviteExpiresAt, inviteUsesLeft }) {
    const people =
      inviteUsesLeft == null
        ? gettext("Anybody who has the link can join.")
        : interpolate(
            ngettext("It lets in %(count)s more person.", "It lets in %(count)s more people.", inviteUsesLeft),
            { count: inviteUsesLeft },
          );
    if (!inviteExpiresAt) return people;
    return `${people} ${interpolate(gettext("It ends on %(time)s."), { time: fullTime(new Date(inviteExpiresAt)) })}`;
  }

  const addButton = () =>
    h(
      "button",
      {
        type: "button",
        class: "button small quiet",
        on: { click: () => openInviteDialog({ store, actions, group: store.groups.get(groupId) }) },
      },
      icon("user-plus"),
      gettext("Add"),
    );

  const removeButton = () =>
    h(
      "button",
      {
        type: "button",
        class: "button small quiet remove-several",
        on: {
          click: () =>
            openRemoveDialog({
              store,
              actions,
              group: store.groups.get(groupId),
              mayRemove: ({ role }) => role === "member" || store.chats.get(key)?.role === "owner",
            }),
        },
      },
      icon("user-minus"),
      gettext("Remove several"),
    );

  /** A member as the list has them, with what is newer: name, picture, presence. */
  function describe(listed) {
    // The group may have ended before this frame.
    const chat = store.chats.get(key) ?? { role: null };
    const known = store.people.get(listed.id) ?? listed;
    const { name, img, isGuest, isStaff, isGone } = known;
    const isOnline = listed.id === store.me.id || store.isOnline(listed.id);
    const member = { ...listed, name, img, isGuest, isStaff, isGone, online: isOnline };
    return {
      signature: [name, img, besideName(member), isOnline, listed.role, listed.away, chat.role],
      build: () => memberLine(member, chat),
    };
  }

  function memberLine(member, chat) {
    const isMe = member.id === store.me.id;
    const notes = [member.online ? gettext("online") : gettext("offline"), member.away && gettext("away for a while")]
      .filter(Boolean)
      .join(" · ");
    const items = memberActions(member, chat);
    const who = [
      avatar({ ...member, type: "private" }, "m"),
      h(
        "span",
        { class: "person-text" },
        markedName(member, isMe ? interpolate(gettext("%(name)s (you)"), { name: member.name }) : member.name),
        h("small", {}, notes),
      ),
    ];
    return h(
      "div",
      { class: "person", "data-member": member.id },
      isMe
        ? who
        : h(
            "button",
            {
              type: "button",
              class: "person-who",
              on: { click: () => openPersonCard({ store, actions, router: closingRouter, user: member }) },
            },
            who,
          ),
      member.role !== "member" && h("span", { class: "role" }, roleName(member.role)),
      items.length > 0 &&
        iconButton(
          "ellipsis-vertical",
          interpolate(gettext("Actions for %(name)s"), { name: member.name }),
          (event) => openMenu(event.currentTarget, items),
          { "aria-haspopup": "menu" },
        ),
    );
  }

  function memberActions(member, chat) {
    if (member.id === store.me.id || !isAdmin(chat)) return [];
    const isOwner = chat.role === "owner";
    const mayRemove = isOwner || member.role === "member";
    const who = { userId: member.id };
    const { name } = member;
    const handOver = async () => {
      const isSure = await confirm(
        gettext("Offer the group?"),
        interpolate(gettext("If %(name)s accepts, they will own this group, and you stay as an administrator."), {
          name,
        }),
        { action: gettext("Offer"), danger: false },
      );
      if (isSure) await change("transfer", who);
    };
    const remove = async () => {
      const isSure = await confirm(
        gettext("Remove from the group?"),
        interpolate(gettext("%(name)s can come back only if an administrator adds them. The invitation is renewed."), {
          name,
        }),
        { action: gettext("Remove") },
      );
      if (isSure) await change("kick", who);
    };
    return [
      isOwner &&
        member.role === "member" && {
          label: gettext("Make an administrator"),
          icon: "shield",
          run: () => change("setRole", { ...who, role: "admin" }),
        },
      isOwner &&
        member.role === "admin" && {
          label: gettext("Make a member again"),
          icon: "user",
          run: () => change("setRole", { ...who, role: "member" }),
        },
      isOwner && { label: gettext("Offer the group"), icon: "crown", run: handOver },
      mayRemove && { label: gettext("Remove from the group"), icon: "user-minus", danger: true, run: remove },
    ].filter(Boolean);
  }

  function settings(group, chat) {
    const action = (name, label, click, kind = "quiet") =>
      h("button", { type: "button", class: `button ${kind}`, on: { click } }, icon(name), label);
    const isAlone = group.memberCount === 1;
    const isClosed = group.joinPolicy !== "open";
    const leave = async () => {
      if (
        await confirm(
          gettext("Leave the group?"),
          isAlone ? gettext("You are the last one: the group ends.") : gettext("You will hear nothing of it any more."),
          { action: gettext("Leave") },
        )
      )
        await run(actions.groups.leave(groupId));
    };
    const dissolve = async () => {
      if (
        await confirm(gettext("Dissolve the group?"), gettext("It ends for everybody, and cannot be brought back."), {
          action: gettext("Dissolve"),
        })
      )
        await run(actions.groups.leave(groupId, "dissolve"));
    };
    return h(
      "section",
      { class: "panel-section panel-actions" },
      isAdmin(chat) &&
        action(
          isClosed ? "globe" : "lock",
          isClosed ? gettext("Open the group to everyone") : gettext("By invitation only"),
          async () => {
            if (isClosed && !(await isSureToOpen())) return;
            await change("update", { joinPolicy: isClosed ? "open" : "closed" });
          },
        ),
      isAdmin(chat) &&
        action("settings", gettext("Group settings"), () =>
          openGroupSettings({ actions, group: store.groups.get(groupId) }),
        ),
      action("bell-off", chat.muted ? gettext("Unmute") : gettext("Mute"), () =>
        run(actions.chats.mute(chat, { muted: !chat.muted })),
      ),
      chat.away
        ? action("log-in", gettext("Return"), () => change("return"))
        : action("coffee", gettext("Leave for a while"), () => change("tempLeave")),
      (chat.role !== "owner" || isAlone) && action("door-open", gettext("Leave the group"), leave, "quiet danger"),
      chat.role === "owner" && action("trash-2", gettext("Dissolve the group"), dissolve, "quiet danger"),
    );
  }

  list = new MemberList({
    load: (which) => actions.groups.memberPage(groupId, which),
    describe,
    total: () => store.groups.get(groupId)?.memberCount ?? -1,
    scroller: body,
    onLoad: () => render(),
  });
  membersSection.append(list.element);
  render();
  run(actions.groups.load(groupId));
}
