// HTTP requests. Every failure is a Problem with the server's stable code and its message for
// people.
import { gettext } from "chat/i18n.js";
import { toJson } from "chat/net/json.js";

export class Problem extends Error {
  constructor({ code, detail, title, errors, status, retryAfter }) {
    super(detail || title || gettext("That did not work. Please try again."));
    this.code = code;
    this.errors = errors ?? {};
    this.status = status;
    this.retryAfter = retryAfter ?? null;
  }
}

// An upload without progress for this long has lost its network; a slow server may need a while
// after the last byte.
const UPLOAD_STALL_TIMEOUT_MS = 90_000;

// So long a video may wait for others, and take to be made playable.
const PREPARING_TIMEOUT_MS = 300_000;

// What has no answer for this long, or no more of it, has lost its network, though nothing says so: what waits for it is
// told, and may ask again.
const STALL_TIMEOUT_MS = 30_000;

const NEXT_LINK = /<([^>]*)>; rel="next"/;

function address(path, query) {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((one) => one != null)
      .map((one) => [name, one]),
  );
  return parameters.length ? `${path}?${new URLSearchParams(parameters)}` : path;
}

const cookie = (name) =>
  document.cookie
    .split("; ")
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);

/** A request with its whole answer, {response, text}; rejects where that does not come, or stops coming. */
async function fetchWhole(path, options = {}) {
  const abort = new AbortController();
  let timer = 0;
  const restart = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), STALL_TIMEOUT_MS);
  };
  restart();
  try {
    const response = await fetch(path, { ...options, signal: abort.signal });
    const decoder = new TextDecoder();
    let text = "";
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
      restart();
      text += decoder.decode(part.value, { stream: true });
    }
    return { response, text: text + decoder.decode() };
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Whether the server answers at all; for a page that does not know its user yet. */
export const isServerReachable = () =>
  fetchWhole("/healthz").then(
    ({ response }) => response.ok,
    () => false,
  );

/** The failure of a request that got no answer. */
export const offlineProblem = () =>
  new Problem({ code: "offline", detail: gettext("The server cannot be reached."), status: 0 });

export class Api {
  constructor({ onSignedOut = () => {} } = {}) {
    this.onSignedOut = onSignedOut;
  }

  /** An array in `query` becomes one parameter for each value. */
  get(path, query = {}) {
    return this.#fetch(address(path, query));
  }

  /** One page of a list: {items, next}; `next` is the address of the next page, or null. */
  page(path, query = {}) {
    return this.#page(address(path, query));
  }

  /** One page of a list that is asked for with a body, like `page`. */
  postedPage(path, body) {
    return this.#page(path, this.#json("POST", body));
  }

  async #page(path, options = {}) {
    let next = null;
    const items = await this.#fetch(path, {
      ...options,
      read: (response) => {
        next = NEXT_LINK.exec(response.headers.get("Link"))?.[1] ?? null;
      },
    });
    return { items, next };
  }

  /** The first bytes of a file. */
  async beginning(path, bytes) {
    const abort = AbortSignal.timeout(STALL_TIMEOUT_MS);
    const options = { credentials: "same-origin", headers: { Range: `bytes=0-${bytes - 1}` }, signal: abort };
    const response = await fetch(path, options).catch(() => {
      throw offlineProblem();
    });
    if (!response.ok) throw new Problem({ status: response.status });
    return new Uint8Array(await response.arrayBuffer());
  }

  post(path, body = {}) {
    return this.#fetch(path, this.#json("POST", body));
  }

  patch(path, body = {}) {
    return this.#fetch(path, this.#json("PATCH", body));
  }

  delete(path) {
    return this.#fetch(path, this.#json("DELETE"));
  }

  /**
   * Sends a form with a file. `onProgress(part)` gets 0 to 1. Aborted by `signal`, it rejects with
   * the code "aborted".
   */
  upload(path, fields, { onProgress = () => {}, signal } = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const offline = () => reject(offlineProblem());
      let stallTimer = setTimeout(() => request.abort(), UPLOAD_STALL_TIMEOUT_MS);
      const restartStallTimer = (milliseconds = UPLOAD_STALL_TIMEOUT_MS) => {
        clearTimeout(stallTimer);
        stallTimer = setTimeout(() => request.abort(), milliseconds);
      };
      // All of it is there; now the server works.
      request.upload.addEventListener("load", () => restartStallTimer(PREPARING_TIMEOUT_MS));
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        restartStallTimer();
        onProgress(total ? loaded / total : 0);
      });
      request.addEventListener("load", () => {
        const body = request.response ?? {};
        if (request.status === 201 || request.status === 200) {
          resolve(body);
          return;
        }
        if (request.status === 401) this.onSignedOut();
        reject(
          new Problem({
            ...body,
            status: request.status,
            retryAfter: Number(request.getResponseHeader("Retry-After")) || null,
          }),
        );
      });
      request.addEventListener("error", offline);
      request.addEventListener("abort", () =>
        signal?.aborted ? reject(new Problem({ code: "aborted", status: 0 })) : offline(),
      );
      request.addEventListener("loadend", () => clearTimeout(stallTimer));
      signal?.addEventListener("abort", () => request.abort(), { once: true });
      request.open("POST", path);
      request.responseType = "json";
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-CSRFToken", cookie("csrftoken") ?? "");
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) {
        if (value instanceof File) form.append(name, value, value.name);
        else form.append(name, value);
      }
      request.send(form);
    });
  }

  #json(method, body) {
    return {
      method,
      body: toJson(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": cookie("csrftoken") ?? "" },
    };
  }

  async #fetch(path, { read = () => {}, ...options } = {}) {
    const { response, text } = await fetchWhole(path, {
      credentials: "same-origin",
      ...options,
      headers: { Accept: "application/json", ...options.headers },
    }).catch(() => {
      throw offlineProblem();
    });
    if (response.status === 204) return null;
    const body = parsed(text);
    if (response.ok) {
      read(response);
      return body;
    }
    if (response.status === 401) this.onSignedOut();
    throw new Problem({
      ...body,
      status: response.status,
      retryAfter: Number(response.headers.get("Retry-After")) || null,
    });
  }
}
