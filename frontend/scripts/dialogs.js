// A link with data-dialog opens the named <dialog>; without script the link leads to a confirm page.
export function dialogs(root) {
  root.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (dialog) {
        event.preventDefault();
        dialog.showModal();
      }
      return;
    }
    const dialog = event.target.closest("dialog");
    if (!dialog) return;
    if (event.target === dialog || event.target.closest("[data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  // One row menu at a time, closed by Escape or a press elsewhere.
  root.addEventListener("click", (event) => closeMenus(root, event.target.closest(".row-menu")));
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest(".row-menu[open]");
    if (menu) menu.querySelector("summary").focus();
    closeMenus(root, null);
  });
}

/** Close every open row menu but `kept`. */
function closeMenus(root, kept) {
  for (const menu of root.querySelectorAll(".row-menu[open]")) if (menu !== kept) menu.open = false;
}
