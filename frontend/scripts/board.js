// Dragging a card to another column of a board presses the button that brings it there; a column takes only what has one.

/** Return the form of `card` that brings it to the column `name`. */
function way(board, card, name) {
  const field = card.querySelector(`input[name="${board.dataset.board}"][value="${name}"]`);
  return field && field.form;
}

export function board(root) {
  let card = null;
  const over = (event) => card && event.target.closest("[data-column]");
  const takes = (column) => column && way(column.closest("[data-board]"), card, column.dataset.column);

  root.addEventListener("dragstart", (event) => {
    const dragged = event.target.closest?.(".board-card[draggable]");
    const board = dragged && dragged.closest("[data-board]");
    if (!board) return;
    card = dragged;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.textContent.trim());
    card.classList.add("is-dragged");
    for (const column of board.querySelectorAll("[data-column]")) column.classList.toggle("takes", Boolean(takes(column)));
  });
  root.addEventListener("dragover", (event) => {
    const column = over(event);
    for (const other of root.querySelectorAll(".is-over")) if (other !== column) other.classList.remove("is-over");
    if (!takes(column)) return;
    event.preventDefault();
    column.classList.add("is-over");
  });
  root.addEventListener("drop", (event) => {
    const form = takes(over(event));
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  });
  root.addEventListener("dragend", () => {
    card?.classList.remove("is-dragged");
    for (const column of root.querySelectorAll(".takes, .is-over")) column.classList.remove("takes", "is-over");
    card = null;
  });
}
