// The HTTP door. Every failure is a Problem with the server's stable code and its sentence for people.
import { gettext } from "chat/i18n.js";

export class Problem extends Error {
  constructor({ code, detail, title, errors, status, retryAfter }) {
    super(detail || title || gettext("That did not work. Please try again."));
    this.code = code;
    this.errors = errors ?? {};
    this.status = status;
    this.retryAfter = retryAfter ?? null;
  }
}

// Bytes that do not move for so long have no network under them; a slow server may think about the last one.
const STALLED = 90_000;

const NEXT = /<([^>]*)>; rel="next"/;

function address(path, query) {
  const parameters = Object.entries(query).flatMap(([name, value]) => [value].flat().filter((one) => one != null).map((one) => [name, one]));
  return parameters.length ? `${path}?${new URLSearchParams(parameters)}` : path;
}

const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

export class Api {
  constructor({ onSignedOut = () => {} } = {}) {
    this.onSignedOut = onSignedOut;
  }

  /** A list in `query` is named once for each. */
  get(path, query = {}) {
    return this.#fetch(address(path, query));
  }

  /** A list that comes in pages: {items, next}, the address of the next page or null. */
  async page(path, query = {}) {
    let next = null;
    const items = await this.#fetch(address(path, query), { read: (response) => { next = NEXT.exec(response.headers.get("Link"))?.[1] ?? null; } });
    return { items, next };
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

  /** A file by itself, with `onProgress(part)` from 0 to 1 on the way. Aborted by its `signal`, it rejects with "aborted". */
  upload(path, fields, { onProgress = () => {}, signal } = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const offline = () => reject(new Problem({ code: "offline", detail: gettext("The server cannot be reached."), status: 0 }));
      let stalled = setTimeout(() => request.abort(), STALLED);
      const moved = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => request.abort(), STALLED);
      };
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        moved();
        onProgress(total ? loaded / total : 0);
      });
      request.addEventListener("load", () => {
        const body = request.response ?? {};
        if (request.status === 201 || request.status === 200) {
          resolve(body);
          return;
        }
        if (request.status === 401) this.onSignedOut();
        reject(new Problem({ ...body, status: request.status, retryAfter: Number(request.getResponseHeader("Retry-After")) || null }));
      });
      request.addEventListener("error", offline);
      request.addEventListener("abort", () => (signal?.aborted ? reject(new Problem({ code: "aborted", status: 0 })) : offline()));
      request.addEventListener("loadend", () => clearTimeout(stalled));
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
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": cookie("csrftoken") ?? "" },
    };
  }

  async #fetch(path, { read = () => {}, ...options } = {}) {
    let response;
    try {
      response = await fetch(path, {
        credentials: "same-origin",
        ...options,
        headers: { Accept: "application/json", ...options.headers },
      });
    } catch {
      throw new Problem({ code: "offline", detail: gettext("The server cannot be reached."), status: 0 });
    }
    if (response.status === 204) return null;
    const body = await response.json().catch(() => ({}));
    if (response.ok) {
      read(response);
      return body;
    }
    if (response.status === 401) this.onSignedOut();
    throw new Problem({ ...body, status: response.status, retryAfter: Number(response.headers.get("Retry-After")) || null });
  }
}
