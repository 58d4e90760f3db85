// The forms of the page that was kept have no token against forgery: it is in the cookie.
export function fillTokens() {
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
}
