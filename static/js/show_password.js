// Adds the button that shows the password to the sign-in and sign-up pages, which work without it.
const button = document.getElementById("show-password");
const field = document.getElementById(button.getAttribute("aria-controls"));

button.hidden = false;
button.addEventListener("click", () => {
  const isShown = field.type === "password";
  field.type = isShown ? "text" : "password";
  button.setAttribute("aria-pressed", String(isShown));
  button.querySelector("[data-when=shown]").hidden = !isShown;
  button.querySelector("[data-when=hidden]").hidden = isShown;
  field.focus();
});
field.form.addEventListener("submit", () => {
  field.type = "password";
});
