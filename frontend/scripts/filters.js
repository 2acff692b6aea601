// Filter forms submit themselves when a choice changes; typing in the search waits for a pause.
import htmx from "htmx.org";

const pause = 300;
const wrong = 422; // the page comes with what is wrong beside the fields

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
}

/** Take an answer that holds the list, and its address with it; whatever else came is followed, to be read as a page. */
function take(event) {
  const { xhr, pathInfo } = event.detail;
  const form = event.detail.requestConfig.elt;
  if (!form.matches("form[data-auto]")) return;
  const answered = xhr.status === 200 || xhr.status === wrong;
  const page = new DOMParser().parseFromString(xhr.response, "text/html");
  if (!answered || !page.querySelector(form.dataset.target)) {
    event.detail.shouldSwap = false;
    location.assign(pathInfo.requestPath);
    return;
  }
  event.detail.shouldSwap = true;
  event.detail.isError = false;
  history.replaceState(history.state, "", pathInfo.requestPath);
}

export function filters(root) {
  let timer = 0;
  root.addEventListener("htmx:beforeSwap", take);
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
