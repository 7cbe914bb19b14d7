// Keeps one page for when the hub is out of reach. Never keeps a page that somebody signed in for.
const CACHE = "attune-{{ build }}";
const OFFLINE = "/staff/offline";
const SHELL = {{ (["/staff/offline"] + shell) | tojson }};
const WAIT_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

async function pageOrOffline(request) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(WAIT_MS) });
    if (answer.status < 502) return answer;
  } catch { /* out of reach: the shell says so */ }
  return (await caches.match(OFFLINE)) ?? Response.error();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(pageOrOffline(request));
  else if (SHELL.includes(new URL(request.url).pathname + new URL(request.url).search)) {
    event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request)));
  }
});
