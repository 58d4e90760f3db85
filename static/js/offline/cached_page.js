// What the server writes into a page for the browser that asks for it, and what the page that was kept has from its cookies.
const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

/** The look that was chosen, and the forms' token against forgery. */
export function complete() {
  const theme = cookie("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = cookie("csrftoken");
}
