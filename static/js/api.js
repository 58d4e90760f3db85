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

const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

export class Api {
  constructor({ onSignedOut = () => {} } = {}) {
    this.onSignedOut = onSignedOut;
  }

  get(path, query = {}) {
    const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value != null));
    return this.#fetch(parameters.size ? `${path}?${parameters}` : path);
  }

  post(path, body = {}) {
    return this.#fetch(path, this.#json("POST", body));
  }

  patch(path, body = {}) {
    return this.#fetch(path, this.#json("PATCH", body));
  }

  #json(method, body) {
    return {
      method,
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": cookie("csrftoken") ?? "" },
    };
  }

  async #fetch(path, options = {}) {
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
    if (response.ok) return body;
    if (response.status === 401) this.onSignedOut();
    throw new Problem({ ...body, status: response.status, retryAfter: Number(response.headers.get("Retry-After")) || null });
  }
}
