// Explains why a browser gives this page no microphone, camera or position.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon } from "chat/views/dom.js";

/** For a page without https. `instead`, {label, run}, is a button for an alternative. */
export function explainInsecurePage(what, instead = null) {
  const secure = `https://${location.host.replace(/:\d+$/, "")}/`;
  const content = [
    h("p", { class: "explained" }, icon("lock"), h("span", {}, what)),
    h(
      "p",
      {},
      gettext(
        "The browser allows it only over https, or on the machine that the chat runs on. This page was opened without: ",
      ),
    ),
    h("p", {}, h("code", { dir: "ltr" }, location.origin)),
    h(
      "p",
      {},
      gettext(
        "Ask whoever runs this chat for its https address (the guide for operating it says how to set one up), and open that, perhaps: ",
      ),
      h("code", { dir: "ltr" }, secure),
    ),
  ];
  const { close } = openDialog(gettext("Not on this page"), {
    content,
    buttons: instead
      ? [
          h(
            "button",
            {
              type: "button",
              class: "button primary",
              on: {
                click: () => {
                  close();
                  instead.run();
                },
              },
            },
            instead.label,
          ),
        ]
      : [],
  });
}

/** For an `error` of getUserMedia: refused by the browser or the user, or no such device. */
export function explainRefusal(error, { device, refused, missing }) {
  const reasons = {
    NotAllowedError: refused,
    SecurityError: refused,
    NotFoundError: missing,
    OverconstrainedError: missing,
  };
  const content = [
    h(
      "p",
      { class: "explained" },
      icon("circle-alert"),
      h("span", {}, reasons[error.name] ?? gettext("Another program may be using it. Close that, and try again.")),
    ),
  ];
  openDialog(device, { content });
}
