// The offline shell: comes back by itself as soon as the hub answers.
const RETRY_MS = 2000;

async function look() {
  try {
    const answer = await fetch("/staff", { method: "HEAD", cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(RETRY_MS) });
    if (answer.status < 500) return location.replace("/staff");
  } catch { /* still out of reach */ }
  setTimeout(look, RETRY_MS);
}
setTimeout(look, RETRY_MS);
