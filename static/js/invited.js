// On the page of an invitation: who presses a button joins, and is not asked again after signing in.
for (const link of document.querySelectorAll("[data-joining]"))
  link.addEventListener("click", () => sessionStorage.setItem("joining", link.dataset.joining));
