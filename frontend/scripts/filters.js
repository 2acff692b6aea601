// Filter forms submit themselves when a choice changes; typing in the search waits for a pause.
import htmx from "htmx.org";

const pause = 300;

/** Leave empty fields out, so that addresses stay short enough to read and to share. */
function address(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  const text = query.toString();
  return form.getAttribute("action") + (text ? `?${text}` : "");
}

/** Load the form's list in place when it names one, else follow the address. */
function submit(form) {
  const target = form.dataset.target;
  const url = address(form);
  if (!target || !document.querySelector(target)) {
    location.assign(url);
    return;
  }
  htmx.ajax("GET", url, { source: form, target, select: target, swap: "outerHTML" });
  history.replaceState(history.state, "", url);
}

export function filters(root) {
  let timer = 0;
  root.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form && event.target.type !== "search") submit(form);
  });
  root.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (!form || event.target.type !== "search") return;
    clearTimeout(timer);
    timer = setTimeout(() => submit(form), pause);
  });
  root.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (!form) return;
    event.preventDefault();
    clearTimeout(timer);
    submit(form);
  });
}
