// Passkeys: to come in with one, and to add one. Browsers that know none are shown nothing of it. What is said stands in
// the page, in its language.
const box = document.getElementById("passkey");
const says = document.getElementById("passkey-says");

async function ask(address, body) {
  const answer = await fetch(address, {
    method: "POST", headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

async function add() {
  const options = await ask("/owner/doors/passkeys/options", {});
  const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  return ask("/owner/doors/passkeys", { credential: made.toJSON(), name: box.elements.name.value });
}

async function enter() {
  const options = await ask("/enter/passkey/options", {});
  const shown = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  return ask("/enter/passkey", { credential: shown.toJSON() });
}

async function go(event) {
  event.preventDefault();
  says.hidden = true;
  try {
    const { to } = await (box.dataset.do === "add" ? add() : enter());
    if (to.startsWith(location.pathname)) location.reload();
    else location.assign(to);
  } catch (error) {
    // What the browser itself says of a cancelled or unknown passkey helps nobody.
    const own = { NotAllowedError: box.dataset.none, InvalidStateError: box.dataset.known };
    says.textContent = own[error.name] ?? box.dataset.refused ?? error.message;
    says.hidden = false;
  }
}

if (box && window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  box.hidden = false;
  box.addEventListener(box.dataset.do === "add" ? "submit" : "click", go);
}
