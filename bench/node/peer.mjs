// The Node worker as a peer, with the protocol of bench/peer.py.

import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import readline from "node:readline";

import { makeHandler } from "./worker.mjs";

const WARM_UP_ROUNDS = 2;

const [folder, , count] = process.argv.slice(2);
const tables = JSON.parse(fs.readFileSync(path.join(folder, "tables.json"), "utf8"));

// The store in place of S3: the object is there when the promise resolves.
let store = new Map();
const handler = makeHandler(tables, async (key, body) => void store.set(key, body));

// As Lambda's Node runtime: the payload is text, then JSON; the answer is JSON.
async function invoke(payload) {
  return JSON.stringify(await handler(JSON.parse(payload.toString("utf8"))));
}

async function round() {
  const file = fs.openSync(path.join(folder, "kinesis"));
  const prefix = Buffer.alloc(8);
  let cpu = 0;
  let wall = 0n;
  store = new Map();
  while (fs.readSync(file, prefix, 0, 8) === 8) {
    const payload = Buffer.allocUnsafe(Number(prefix.readBigUInt64LE()));
    fs.readSync(file, payload, 0, payload.length);
    const started = process.hrtime.bigint();
    const before = process.cpuUsage();
    await invoke(payload);
    const used = process.cpuUsage(before);
    wall += process.hrtime.bigint() - started;
    cpu += used.user + used.system;
  }
  fs.closeSync(file);
  let bytes = 0;
  for (const body of store.values()) bytes += body.length;
  return {
    worker: { cpu: cpu / 1e6, wall: Number(wall) / 1e9, records: Number(count), bytes_out: bytes },
  };
}

for (let warm = 0; warm < WARM_UP_ROUNDS; warm++) await round();

for await (const line of readline.createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const parts = await round();
  if (order.keep) {
    let number = 0;
    for (const [key, body] of store) {
      const type = key.split("/")[2];
      fs.writeFileSync(path.join(order.keep, `${type}-${number++}.avro`), body);
    }
  }
  const peak = /VmHWM:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1];
  const answer = { parts, peak_rss: Number(peak) * 1024 };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
