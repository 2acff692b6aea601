// A button that is pressed twice at once sends its form once; the second answer would hide the first.
const moment = 2000;

export function presses(root) {
  const sent = new WeakMap();
  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (performance.now() - (sent.get(form) ?? -moment) < moment) event.preventDefault();
    else sent.set(form, performance.now());
  });
}
