// Light, dark or the system's: kept in a cookie so that the server can draw the right one at once.
const names = { light: "guildhall", dark: "guildhall-dark" };

/** Set the page's theme; `choice` is light, dark or system. */
function apply(choice) {
  const root = document.documentElement;
  if (names[choice]) root.dataset.theme = names[choice];
  else delete root.dataset.theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `guildhall_theme=${choice}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  mark(choice);
  document.dispatchEvent(new CustomEvent("guildhall:theme"));
}

/** Show which choice is in force on the buttons that offer it. */
function mark(choice) {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

export function theme(root) {
  const now = Object.entries(names).find(([, name]) => name === document.documentElement.dataset.theme);
  mark(now ? now[0] : "system");
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) apply(button.dataset.themeChoice);
  });
}
