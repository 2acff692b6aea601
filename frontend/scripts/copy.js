// Copy buttons: the field stays selectable by hand, so a refused clipboard costs nothing.
const shown = 2000;

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-label]");
  const before = label.textContent;
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    label.textContent = button.dataset.done;
  } catch {
    label.textContent = button.dataset.manual;
  }
  setTimeout(() => (label.textContent = before), shown);
}

export function copying(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
