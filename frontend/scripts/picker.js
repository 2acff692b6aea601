// The tenant selector as a combobox: type ahead, arrows, Enter, Escape; Ctrl+K or ⌘K opens it from anywhere.
const pause = 120;

/** Make the option at `index` the active one and say so to assistive technology. */
function activate(state, index) {
  const options = [...state.list.querySelectorAll("[role=option]")];
  if (options.length === 0) {
    state.input.removeAttribute("aria-activedescendant");
    state.active = -1;
    return;
  }
  state.active = (index + options.length) % options.length;
  options.forEach((option, at) => option.setAttribute("aria-selected", String(at === state.active)));
  const option = options[state.active];
  state.input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

/** What is searched for now; the list shows the answer to `state.shown`. */
const typed = (state) => state.input.value.trim();

/** Fetch the options that match what was typed; true where another fetch overtook this one and its answer was dropped. */
async function load(state) {
  state.request?.abort();
  state.request = new AbortController();
  const asked = (state.asked = typed(state));
  const url = new URL(state.root.dataset.search, location.href);
  url.searchParams.set("q", asked);
  try {
    const answer = await fetch(url, { signal: state.request.signal, headers: { "HX-Request": "true" } });
    if (!answer.ok) {
      state.asked = null;
      return false;
    }
    state.list.innerHTML = await answer.text();
    state.list.querySelectorAll("[role=option]").forEach((option, at) => (option.id = `tenant-option-${at}`));
    activate(state, 0);
    state.shown = asked;
  } catch (error) {
    if (error.name === "AbortError") return true;
    state.asked = null;
    throw error;
  }
  return false;
}

/** Fetch unless the answer is there or under way: a list that is put up again would undo what the arrows chose. */
function search(state) {
  if (state.asked !== typed(state)) load(state);
}

/** Go to the active option, but only of a list that answers what was typed: Enter is often faster than the list. */
async function choose(state) {
  clearTimeout(state.timer);
  while (state.shown !== typed(state) && (await load(state)));
  const option = state.list.querySelectorAll("[role=option]")[state.active];
  if (option && state.shown === typed(state)) location.assign(option.dataset.href);
}

/** What a key does; true when it was used. */
function press(state, key) {
  if (key === "ArrowDown") activate(state, state.active + 1);
  else if (key === "ArrowUp") activate(state, state.active - 1);
  else if (key === "Enter") choose(state);
  else if (key === "Escape") close(state);
  else return false;
  return true;
}

function close(state) {
  state.root.open = false;
  state.root.querySelector("summary").focus();
}

function open(state) {
  state.root.open = true;
  state.input.focus();
  state.input.select();
}

/** Turn the plain search field into a combobox that owns the list below it. */
function equip(state) {
  const { input, list } = state;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.addEventListener("input", () => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => search(state), pause);
  });
  input.addEventListener("keydown", (event) => {
    if (press(state, event.key)) event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.assign(option.dataset.href);
  });
}

export function picker(root) {
  const details = root.querySelector("details.picker");
  if (!details) return;
  const state = {
    root: details,
    input: details.querySelector("input"),
    list: details.querySelector("[role=listbox]"),
    active: -1,
    shown: null,
    asked: null,
    timer: 0,
    request: null,
  };
  equip(state);
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    state.input.focus();
    load(state);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (details.open) close(state);
    else open(state);
  });
  root.addEventListener("click", (event) => {
    if (details.open && !details.contains(event.target)) details.open = false;
  });
}
