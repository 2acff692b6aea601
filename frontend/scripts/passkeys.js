// Passkeys: a button asks the browser, the form brings the answer. Without script, password and code go on working.
const renewed = 4 * 60 * 1000; // a challenge holds for five minutes

const octets = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const base64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const described = (list = []) => list.map((one) => ({ ...one, id: octets(one.id) }));

async function options(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  const asked = await answer.json();
  asked.challenge = octets(asked.challenge);
  if (asked.user) asked.user.id = octets(asked.user.id);
  asked.excludeCredentials = described(asked.excludeCredentials);
  asked.allowCredentials = described(asked.allowCredentials);
  return asked;
}

/** What the form brings: the credential as JSON, octets in base64url. */
function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = base64url(credential.response[name]);
  }
  const { id, type, authenticatorAttachment } = credential;
  const clientExtensionResults = credential.getClientExtensionResults();
  return JSON.stringify({
    id,
    rawId: base64url(credential.rawId),
    type,
    authenticatorAttachment,
    response,
    clientExtensionResults,
  });
}

function send(form, field, credential, action) {
  form.elements[field].value = written(credential);
  if (action) form.action = action;
  form.submit(); // without the checks of fields that the passkey stands in for
}

function say(root, kind) {
  const status = root.querySelector("[data-passkey-status]");
  if (!status) return;
  status.textContent = kind ? status.dataset[kind] : "";
  status.hidden = !kind;
}

function filled(form, names) {
  return names.split(" ").every((name) => !name || form.elements[name].reportValidity());
}

async function press(root, button, waiting) {
  const { form } = button;
  const { passkey: url, make, field = "passkey", action, needs = "" } = button.dataset;
  if (!filled(form, needs)) return;
  say(root, "");
  button.disabled = true;
  waiting.stop();
  try {
    const publicKey = await options(url);
    const credential =
      make === undefined
        ? await navigator.credentials.get({ publicKey })
        : await navigator.credentials.create({ publicKey });
    send(form, field, credential, action);
  } catch (error) {
    button.disabled = false;
    say(root, error.name === "NotAllowedError" ? "cancelled" : "failed");
    waiting.start();
  }
}

/** Where the browser offers passkeys among the suggestions of the address field, wait for one to be chosen. */
function suggestions(form) {
  let asking = null;
  let timer = null;
  async function start() {
    if (!form) return;
    const { signal } = (asking = new AbortController()); // at once: a button may be pressed before the next line is done
    if (!(await window.PublicKeyCredential.isConditionalMediationAvailable?.()) || signal.aborted) return;
    timer = setTimeout(() => (stop(), start()), renewed);
    try {
      const publicKey = await options(form.querySelector("[data-passkey]").dataset.passkey);
      send(form, "passkey", await navigator.credentials.get({ publicKey, mediation: "conditional", signal }));
    } catch {
      // Stopped, or not chosen: the buttons and the fields are there.
    }
  }
  function stop() {
    clearTimeout(timer);
    asking?.abort();
    asking = null;
  }
  return { start, stop };
}

export function passkeys(root) {
  const buttons = root.querySelectorAll("[data-passkey]");
  if (buttons.length === 0) return;
  if (!window.PublicKeyCredential) {
    for (const button of buttons) button.closest(".js-only")?.remove();
    return;
  }
  const waiting = suggestions(root.querySelector("form[data-autofill]"));
  for (const button of buttons) button.addEventListener("click", () => press(root, button, waiting));
  waiting.start();
}
