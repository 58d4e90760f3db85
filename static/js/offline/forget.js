// On the sign-in page nobody is signed in: deletes what this browser stored of the last user for
// reading offline and for notifications. Stands alone, for pages without the chat's modules.
// Messages that wait to be sent stay until that user signs in again.
const ARCHIVE = "chat.archive";
const userId = localArea()?.getItem(ARCHIVE);

if (userId) {
  localStorage.removeItem(ARCHIVE);
  localStorage.removeItem(`chat.notify.${userId}`);
  globalThis.indexedDB?.deleteDatabase(`${ARCHIVE}.${userId}`);
}
navigator.clearAppBadge?.().catch(() => {});
closeNotifications().catch(() => {});

/** null where the browser refuses it together with cookies. */
function localArea() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

async function closeNotifications() {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const notification of (await registration?.getNotifications()) ?? []) notification.close();
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
}
