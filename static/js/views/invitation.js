// An invitation is the group's address with its invite code: opening it asks whether to join.
import { gettext } from "chat/i18n.js";
import { chatPath, splitKey } from "chat/ids.js";
import { confirm } from "chat/views/dialog.js";
import { toast } from "chat/views/dom.js";

export const invitationLink = (key, code, me) =>
  `${location.origin}${chatPath(key)}?by=${me.id}&invite=${encodeURIComponent(code)}`;

/** Asks, unless they said so on the invitation's page, and joins the group. Resolves with whether the user is a member now. */
export async function acceptInvitation(key, code, actions) {
  const wasAccepted = sessionStorage.getItem("joining") === `${key} ${code}`;
  sessionStorage.removeItem("joining");
  const isWanted =
    wasAccepted ||
    (await confirm(gettext("Join this group?"), gettext("Somebody invited you to it."), {
      action: gettext("Join"),
      danger: false,
    }));
  if (!isWanted) return false;
  try {
    await actions.groups.join(splitKey(key).id, code);
    return true;
  } catch (problem) {
    toast(problem.message);
    return false;
  }
}
