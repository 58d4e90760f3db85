// IndexedDB as promises.

/** Opens a database with these object stores, whose keys are given with each value. */
export function openDatabase(name, stores) {
  const request = indexedDB.open(name, 1);
  request.addEventListener("upgradeneeded", () => {
    for (const store of stores) request.result.createObjectStore(store);
  });
  return resultOf(request);
}

export function resultOf(request) {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}
