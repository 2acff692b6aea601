// A button with data-tick ticks every box of that name in its form, or none where all are ticked already.
export function ticks(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tick]");
    if (!button) return;
    const boxes = [...button.form.querySelectorAll(`input[name="${button.dataset.tick}"]`)];
    const every = boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = !every;
  });
}
