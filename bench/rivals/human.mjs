// The npm package @vladmandic/human under Node with its wasm backend: face detector and emotion model alone.
// node human.mjs FRAMES.npy COUNT HEIGHT WIDTH PASSES, in the folder where it is installed. Prints one line of JSON.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [, , frames, count, high, wide, passes] = process.argv;
const home = process.cwd();
const require = createRequire(path.join(home, "index.js"));
const network = globalThis.fetch;   // Node's own reads no file, from which the models are to come
globalThis.fetch = async (asked, options) => {
  const address = String(asked?.url ?? asked);
  if (!address.startsWith("file:")) return network(asked, options);
  const type = address.endsWith(".json") ? "application/json" : "application/octet-stream";
  return new Response(fs.readFileSync(new URL(address)), { headers: { "content-type": type } });
};
require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
const { Human } = require(path.join(home, "node_modules/@vladmandic/human/dist/human.node-wasm.js"));

const off = { enabled: false };
const human = new Human({
  backend: "wasm",
  wasmPath: `${home}/node_modules/@tensorflow/tfjs-backend-wasm/dist/`,
  modelBasePath: `file://${home}/node_modules/@vladmandic/human/models/`,
  debug: false, async: false, cacheSensitivity: 0, filter: off,
  face: {
    enabled: true,
    detector: { rotation: false, maxDetected: 20, minConfidence: 0.5, skipFrames: 0, skipTime: 0 },
    emotion: { enabled: true, skipFrames: 0, skipTime: 0, minConfidence: 0.1 },
    mesh: off, iris: off, description: off, antispoof: off, liveness: off, attention: off,
  },
  body: off, hand: off, object: off, gesture: off, segmentation: off,
});
await human.load();

const bytes = fs.readFileSync(frames);
const begins = bytes.length - count * high * wide * 3;   // after the header of the .npy
async function one(number) {
  const pixels = new Uint8Array(bytes.buffer, bytes.byteOffset + begins + number * high * wide * 3, high * wide * 3);
  const picture = human.tf.tensor(pixels, [1, Number(high), Number(wide), 3], "float32");
  const found = await human.detect(picture);
  human.tf.dispose(picture);
  if (found.error) throw new Error(found.error);
  return found.face.map((face) => face.box);
}

for (let number = 0; number < Math.min(3, count); number++) await one(number);
const seconds = [];
let boxes = [];
for (let pass = 0; pass < passes; pass++) {
  boxes = [];
  const began = process.cpuUsage();
  for (let number = 0; number < count; number++) boxes.push(await one(number));
  const used = process.cpuUsage(began);
  seconds.push((used.user + used.system) / 1e6);
}
const peak_mb = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "ascii"))[1]) / 1024;
console.log(JSON.stringify({ seconds, boxes, peak_mb }));
