// Whoever sees the page for signing in is nobody here: what was kept of the last person, to read and to be told, goes.
// It stands alone, for pages without the chat's scripts. What waits to be sent stays: it belongs to who comes back.
const ARCHIVE = "chat.archive";
const person = localStorage.getItem(ARCHIVE);

if (person) {
  localStorage.removeItem(ARCHIVE);
  localStorage.removeItem(`chat.notify.${person}`);
  indexedDB.deleteDatabase(`${ARCHIVE}.${person}`);
}
navigator.clearAppBadge?.().catch(() => {});
forgetNotifications().catch(() => {});

async function forgetNotifications() {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const note of (await registration?.getNotifications()) ?? []) note.close();
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
}
