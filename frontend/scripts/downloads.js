// After the code that an export asked for, the page it was asked on is back, and the file comes by itself.
export function downloads(root) {
  const told = root.querySelector("[data-download]");
  const form = told && root.querySelector("form[action$='/export']");
  if (form) form.requestSubmit();
}
