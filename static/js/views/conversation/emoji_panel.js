// The emoji panel, for mouse and keyboard; the system's fonts draw the emoji.
import { gettext } from "chat/i18n.js";
import { storage } from "chat/storage.js";
import { h } from "chat/views/dom.js";
import { openLayer } from "chat/views/layers.js";
import { place } from "chat/views/menu.js";

const GROUPS = [
  [
    "😀",
    gettext("Smileys"),
    "😀 😃 😄 😁 😆 😅 🤣 😂 🙂 🙃 😉 😊 😇 🥰 😍 🤩 😘 😋 😛 😜 🤪 🤗 🤭 🤫 🤔 🫡 🤐 😐 😑 😶 😏 😒 🙄 😬 😌 😔 😪 😴 😷 🤒 🤕 🤢 🤧 🥵 🥶 😵 🤯 🥳 😎 🤓 😕 😟 🙁 😮 😲 😳 🥺 😢 😭 😱 😖 😞 😩 😤 😡 🤬 😈 💀 💩 🤡 👻 👽 🤖",
  ],
  [
    "👍",
    gettext("Gestures"),
    "👍 👎 👌 🤌 🤏 ✌️ 🤞 🫰 🤟 🤘 🤙 👈 👉 👆 👇 ☝️ ✋ 🖐️ 👋 🤝 🙏 👏 🙌 🫶 👐 💪 ✍️ 💅 👀 🧠 🙋 🙅 🙆 🤷 🤦 🙇 💃 🕺 🚶 🏃",
  ],
  [
    "❤️",
    gettext("Hearts and signs"),
    "❤️ 🧡 💛 💚 💙 💜 🖤 🤍 🤎 💔 💕 💞 💓 💗 💖 💘 💝 💯 💢 💥 💫 💦 💤 ✨ ⭐ 🌟 🔥 🎉 🎊 ✅ ❌ ❗ ❓ ⚠️ 🆗 🆒",
  ],
  [
    "🐶",
    gettext("Animals and nature"),
    "🐶 🐱 🐭 🐹 🐰 🦊 🐻 🐼 🐨 🐯 🦁 🐮 🐷 🐸 🐵 🙈 🙉 🙊 🐔 🐧 🐦 🦄 🐝 🦋 🐢 🐍 🐙 🐬 🐳 🐉 🌸 🌹 🌻 🌲 🍀 🍁 🌙 ☀️ ⛅ 🌧️ ❄️ 🌈",
  ],
  [
    "🍜",
    gettext("Food"),
    "🍎 🍊 🍋 🍉 🍇 🍓 🍑 🍍 🥑 🥦 🌽 🍞 🥐 🧀 🥚 🍳 🥞 🍔 🍟 🍕 🌮 🥟 🍜 🍝 🍣 🍱 🍚 🍙 🍢 🍲 🥮 🍰 🎂 🍫 🍬 🍦 ☕ 🍵 🧋 🍺 🍻 🥂 🍷",
  ],
  [
    "⚽",
    gettext("Things to do"),
    "⚽ 🏀 🏐 🎾 🏓 🏸 🥊 🏊 🚴 🧗 🎮 🎲 🧩 🀄 🎨 🎬 🎤 🎧 🎸 🎹 📷 📚 ✏️ 📌 📎 📅 ⏰ 💡 💻 📱 🔑 🎁 🧧 🏮 🎆 🏆",
  ],
  ["🚗", gettext("Travel"), "🚗 🚕 🚌 🚲 🛵 🚄 ✈️ 🚀 🛸 🚢 ⛵ 🗺️ 🏠 🏢 🏫 🏥 🏖️ 🏔️ ⛺ 🌃 🌉 🗼 🏯 ⛩️ 🧭 🚦"],
];
const COLUMNS = 8;
const RECENT_MAX = 24;
const RECENT_KEY = "chat.emoji";

const recent = () => storage.getJson(RECENT_KEY, []);

function remember(emoji) {
  storage.set(RECENT_KEY, JSON.stringify([emoji, ...recent().filter((one) => one !== emoji)].slice(0, RECENT_MAX)));
}

/**
 * Opens the panel at `anchor`, or at `box`, or closes it. Calls `pick(emoji)` for each choice until Esc or a
 * click elsewhere; with `isOnce` for one.
 */
export function toggleEmoji(anchor, pick, { box = anchor.getBoundingClientRect(), isOnce = false } = {}) {
  const old = document.querySelector(".emoji-panel");
  if (old) {
    old.close();
    return;
  }
  const used = recent();
  const groups = [...(used.length ? [["🕘", gettext("Recent"), used.join(" ")]] : []), ...GROUPS];
  const grid = h("div", { class: "emoji-grid", role: "tabpanel" });
  const tabs = groups.map(([face, label], index) =>
    h(
      "button",
      { type: "button", role: "tab", title: label, "aria-label": label, on: { click: () => show(index) } },
      face,
    ),
  );
  const panel = h(
    "div",
    { class: "emoji-panel", popover: "manual", role: "dialog", "aria-label": gettext("Emoji") },
    h("div", { class: "emoji-tabs", role: "tablist" }, tabs),
    grid,
  );

  function show(index) {
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
    });
    grid.replaceChildren(
      ...groups[index][2].split(" ").map((emoji) => h("button", { type: "button", tabindex: "-1" }, emoji)),
    );
    grid.firstElementChild.tabIndex = 0;
    grid.scrollTop = 0;
  }
  function move(event, list, steps) {
    if (!(event.key in steps)) return false;
    const to = list.indexOf(document.activeElement) + steps[event.key];
    // Above the first row are the tabs.
    if (to < 0 && event.key === "ArrowUp") tabs.find((tab) => tab.tabIndex === 0).focus();
    list[to]?.focus();
    event.preventDefault();
    return true;
  }

  document.body.append(panel);
  panel.showPopover();
  show(0);
  place(panel, box);
  anchor.setAttribute("aria-expanded", "true");
  const controller = new AbortController();
  panel.close = () => {
    controller.abort();
    leaveLayer();
    panel.remove();
    anchor.setAttribute("aria-expanded", "false");
  };
  const leaveLayer = openLayer(panel.close);
  panel.addEventListener("click", (event) => {
    const button = event.target.closest(".emoji-grid button");
    if (!button) return;
    remember(button.textContent);
    if (isOnce) {
      panel.close();
      anchor.focus({ preventScroll: true });
    }
    pick(button.textContent);
  });
  panel.addEventListener("keydown", (event) => {
    const leavesPanel =
      event.key === "Tab" && (event.shiftKey ? event.target.role === "tab" : event.target.role !== "tab");
    if (event.key === "Escape" || leavesPanel) {
      // The panel is the last element of the page: Tab continues from the button that opened it.
      panel.close();
      anchor.focus();
      if (event.key === "Escape" || event.shiftKey) event.preventDefault();
    } else if (event.target.role === "tab") {
      if (event.key === "ArrowDown") grid.firstElementChild.focus();
      else if (move(event, tabs, { ArrowRight: 1, ArrowLeft: -1 })) document.activeElement.click();
    } else {
      move(event, [...grid.children], { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS });
    }
  });
  document.addEventListener(
    "pointerdown",
    (event) => {
      if (!panel.contains(event.target) && !anchor.contains(event.target) && !event.target.closest(".composer"))
        panel.close();
    },
    { signal: controller.signal, capture: true },
  );
  window.addEventListener("resize", panel.close, { signal: controller.signal });
  grid.firstElementChild.focus();
}
