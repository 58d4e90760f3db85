// What is open above the page: dialogs, menus, panels. Each has an entry of its own in the history,
// so that Back closes the topmost and nothing else, also where the page below is the first entry.

/** Those that are open, the topmost last: {close}. */
const layers = [];
/** Work that changes the history, while the entries of closed layers are left. */
const waiting = [];
/** Milliseconds; browsers ignore what a page asks of the history too often. */
const LEAVING_TIMEOUT_MS = 1000;

let leavingTimer = 0;

/** How many entries of layers the history has above the page's own. */
const depth = () => history.state?.above ?? 0;

/**
 * Notes what was opened above the page; `close()` is called on Back. Returns a function to call when
 * it was closed, for whatever reason.
 */
export function openLayer(close) {
  const layer = { close };
  layers.push(layer);
  settle();
  return () => {
    const place = layers.indexOf(layer);
    if (place === -1) return;
    layers.splice(place, 1);
    // What is opened in the place of what was closed takes over its entry.
    setTimeout(settle);
  };
}

function closeLayers(count) {
  for (const layer of layers.splice(layers.length - count).reverse()) layer.close();
}

/** Closes all layers, and calls `work()` once the page's own entry of the history is the current one. */
export function onPageEntry(work) {
  closeLayers(layers.length);
  waiting.push(work);
  settle();
}

/**
 * Follows a move in the history; `isOtherPage` says whether it led to another page of the chat.
 * Returns whether the move was about layers alone.
 */
export function followHistory(isOtherPage) {
  if (leavingTimer) {
    stopLeaving();
    return true;
  }
  closeLayers(isOtherPage ? layers.length : Math.max(0, layers.length - depth()));
  settle();
  return !isOtherPage;
}

/** Makes the history have as many entries of layers as there are layers, and none for waiting work. */
function settle() {
  if (leavingTimer) return;
  const tooMany = depth() - (waiting.length ? 0 : layers.length);
  if (tooMany > 0) {
    leavingTimer = setTimeout(() => {
      history.replaceState({ ...history.state, above: depth() - tooMany }, "");
      stopLeaving();
    }, LEAVING_TIMEOUT_MS);
    history.go(-tooMany);
    return;
  }
  for (const work of waiting.splice(0)) work();
  try {
    while (depth() < layers.length) history.pushState({ ...history.state, above: depth() + 1 }, "");
  } catch {
    // Safari allows a hundred entries in a while: Back is then not about this layer.
  }
}

function stopLeaving() {
  clearTimeout(leavingTimer);
  leavingTimer = 0;
  settle();
}
