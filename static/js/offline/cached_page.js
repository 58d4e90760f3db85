// The service worker's cached page lacks what the server writes for one browser; it is taken from
// the cookies.
const cookie = (name) =>
  document.cookie
    .split("; ")
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? "";

/** Sets the chosen theme and the forms' CSRF token. */
export function completeCachedPage() {
  const theme = cookie("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = cookie("csrftoken");
}
