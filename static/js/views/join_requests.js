// Who asks to join a group, in its panel, for those who decide.
import { gettext, interpolate } from "chat/i18n.js";
import { chatKey } from "chat/ids.js";
import { afterPress, avatar, besideName, h, markedName, reconcile, toast } from "chat/views/dom.js";
import { fullTime, listTime, requestCount } from "chat/views/format.js";

export class JoinRequests {
  #store;
  #actions;
  #groupId;
  #items = [];
  #next = null;
  #list = h("div", { class: "requests-list" });
  #heading = h("h4", { id: "requests-heading" });
  #more = h(
    "button",
    { type: "button", class: "button small quiet", hidden: true, on: { click: () => this.#load(this.#next) } },
    gettext("Show more"),
  );
  element = h(
    "section",
    { class: "panel-section panel-requests", "aria-labelledby": "requests-heading", hidden: true },
    this.#heading,
    this.#list,
    this.#more,
  );
  #stop;

  constructor({ store, actions, groupId }) {
    this.#store = store;
    this.#actions = actions;
    this.#groupId = groupId;
    this.#stop = store.on(`requests:${chatKey("group", groupId)}`, () => this.#load());
    this.#load();
  }

  close() {
    this.#stop();
  }

  get #isAsked() {
    return this.#store.chats.get(chatKey("group", this.#groupId))?.joinRequests > 0;
  }

  async #load(next = null) {
    try {
      const page = this.#isAsked ? await this.#actions.groups.requests(this.#groupId, { next }) : { items: [] };
      this.#items = next ? [...this.#items, ...page.items] : page.items;
      this.#next = page.next ?? null;
      afterPress(this.element, () => this.#render());
    } catch (problem) {
      toast(problem.message);
    }
  }

  #render() {
    const count = this.#store.chats.get(chatKey("group", this.#groupId))?.joinRequests ?? 0;
    this.element.hidden = !this.#items.length;
    this.#heading.textContent = requestCount(Math.max(count, this.#items.length));
    this.#more.hidden = !this.#next;
    reconcile(
      this.#list,
      this.#items.map((request) => ({
        key: request.user.id,
        signature: JSON.stringify([request.user.name, request.user.img, besideName(request.user), request.note]),
        build: () => this.#entry(request),
      })),
    );
  }

  #entry({ user, note, askedAt }) {
    const answer = (verb) => async () => {
      try {
        await this.#actions.groups.change(`request/${verb}`, this.#groupId, { userId: user.id });
      } catch (problem) {
        toast(problem.message);
      }
      await this.#load();
      this.#list.querySelector("button")?.focus();
    };
    const button = (verb, label, kind, name) =>
      h(
        "button",
        {
          type: "button",
          class: `button small ${kind}`,
          "aria-label": interpolate(name, { name: user.name }),
          on: { click: answer(verb) },
        },
        label,
      );
    const at = new Date(askedAt);
    return h(
      "div",
      { class: "request", "data-user": user.id },
      avatar({ ...user, type: "private" }, "m"),
      h(
        "div",
        { class: "request-text" },
        h("div", {}, markedName(user), " ", h("time", { datetime: askedAt, title: fullTime(at) }, listTime(at))),
        note && h("p", { dir: "auto" }, note),
        h(
          "div",
          { class: "request-answers" },
          button("accept", gettext("Let in"), "primary", gettext("Let %(name)s in")),
          button("refuse", gettext("Decline"), "quiet", gettext("Decline the request of %(name)s")),
        ),
      ),
    );
  }
}
