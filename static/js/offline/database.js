// IndexedDB, as promises.

/** Opens a database that holds these object stores, whose keys stand outside of what they name. */
export function openDatabase(name, stores) {
  const request = indexedDB.open(name, 1);
  request.addEventListener("upgradeneeded", () => {
    for (const store of stores) request.result.createObjectStore(store);
  });
  return answer(request);
}

export function answer(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}
