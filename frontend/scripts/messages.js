// Messages can be put away; the answers of partial loads bring theirs along in the page's own message area.
export function messages(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dismiss]");
    if (button) button.closest(".notice").remove();
  });
}
