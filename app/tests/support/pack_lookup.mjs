// Look up positions in a pack: node pack_lookup.mjs MODULE PACK < POSITIONS > ANSWERS
//
// POSITIONS are float64 triples of latitude, longitude and accuracy. ANSWERS are pairs of int32: the status by its number in
// STATUSES, and for "region" the number of the region in the order of codes, else the number of candidates. Timings go to stderr.

import { readFileSync, writeSync } from "node:fs";

const STATUSES = ["region", "outside", "near_border", "invalid"];
const [, , address, path] = process.argv;
const { openPack } = await import(address);
const began = performance.now();
const pack = await openPack(readFileSync(path));
const opened = performance.now();
const numbers = new Map(pack.regions.map(({ code }, number) => [code, number]));
const input = readFileSync(0);
const values = new Float64Array(input.buffer.slice(input.byteOffset, input.byteOffset + input.byteLength));
const answers = new Int32Array((values.length / 3) * 2);
const before = performance.now();
for (let at = 0; at < values.length / 3; at += 1) {
  const answer = pack.region(values[3 * at], values[3 * at + 1], { accuracy: values[3 * at + 2] });
  answers[2 * at] = STATUSES.indexOf(answer.status);
  answers[2 * at + 1] = answer.status === "region" ? numbers.get(answer.code) : (answer.candidates?.length ?? -1);
}
const after = performance.now();
console.error(JSON.stringify({ open_ms: opened - began, lookup_ms: after - before, positions: values.length / 3 }));
const bytes = Buffer.from(answers.buffer);
for (let sent = 0; sent < bytes.length; ) sent += writeSync(1, bytes, sent);
