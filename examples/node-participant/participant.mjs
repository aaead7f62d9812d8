// A participant of a saga in Node: ReserveRoom and CancelRoom, with nothing but Node itself.
// Run: node participant.mjs [PORT] [FILE]. The records are kept in FILE, one JSON line for each change.
// With VERIFYING_KEYS_FILE, a JSON Web Key set, it takes only calls that carry the backend's token.

import { createHash, createPublicKey, verify } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const [port = "9000", file = "records.jsonl"] = process.argv.slice(2);
const ROOMS = 1000;
const LONGEST_BODY = 64 * 1024;
const AUDIENCE = "hotel";
const ISSUER = "backend";
const LEEWAY_SECONDS = 10;
const KEYS_FILE = process.env.VERIFYING_KEYS_FILE;
const JWKS = KEYS_FILE ? JSON.parse(readFileSync(KEYS_FILE, "utf8")).keys.filter(({ iss }) => iss === ISSUER) : [];
const KEYS = new Map(JWKS.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: "jwk" })]));

// One record per correlation id: DONE, REFUSED or UNDONE, with the fields that were used and the answers.
const records = new Map();
if (existsSync(file)) {
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line) records.set(JSON.parse(line).id, JSON.parse(line));
  }
}

// Durable before it is answered. One thread: what stands between two awaits cannot be interrupted.
function keep(record) {
  appendFileSync(file, JSON.stringify(record) + "\n", { flush: true });
  records.set(record.id, record);
}

class Problem extends Error {
  constructor(status, code, detail, id) {
    super(detail);
    Object.assign(this, { status, code, id });
  }
}

function reserve(id, used) {
  const record = records.get(id);
  const print = createHash("sha256").update(JSON.stringify(used)).digest("hex");
  if (record?.state === "UNDONE") throw new Problem(409, "ALREADY_COMPENSATED", "It was cancelled before.", id);
  if (record && record.print !== print) throw new Problem(422, "DIFFERENT_REQUEST", "It came with other fields.", id);
  if (record) return { answer: record.answer, replayed: true };
  const taken = [...records.values()].filter(({ state }) => state === "DONE").length;
  const free = used.rooms <= ROOMS - taken;
  const answer = free
    ? { success: true, correlation_id: id, rooms: used.rooms }
    : { success: false, correlation_id: id, error: "There is no room left.", error_code: "ROOM_UNAVAILABLE" };
  keep({ id, state: free ? "DONE" : "REFUSED", print, answer });
  return { answer, replayed: false };
}

function cancel(id) {
  const record = records.get(id);
  if (record?.state === "UNDONE") return { answer: record.undone, replayed: true };
  const nothing = { success: true, correlation_id: id, message: "There was no room to cancel." };
  if (record?.state === "REFUSED") return { answer: nothing, replayed: false };
  // Without a record it is a tombstone: the action that may still come is refused.
  const undone = record ? { success: true, correlation_id: id, rooms_given_back: record.answer.rooms } : nothing;
  keep({ ...record, id, state: "UNDONE", undone });
  return { answer: undone, replayed: false };
}

// A JSON Web Token of the backend, signed with Ed25519 and meant for this service.
function isGenuine(token, now) {
  try {
    const [header, claims, signature, ...more] = token.split(".");
    const { alg, typ, kid } = JSON.parse(Buffer.from(header, "base64url"));
    if (more.length || alg !== "EdDSA" || typ !== "service+jwt" || !KEYS.has(kid)) return false;
    const signed = Buffer.from(`${header}.${claims}`);
    if (!verify(null, signed, KEYS.get(kid), Buffer.from(signature, "base64url"))) return false;
    const { iss, aud, sub, iat, nbf, exp, jti } = JSON.parse(Buffer.from(claims, "base64url"));
    const named = iss === ISSUER && sub === ISSUER && typeof jti === "string" && [aud].flat().includes(AUDIENCE);
    const [earliest, latest] = [now - LEEWAY_SECONDS, now + LEEWAY_SECONDS];
    return named && iat <= latest && nbf <= latest && exp > earliest;
  } catch {
    return false; // It is no token at all.
  }
}

function authenticate(authorization = "") {
  const [scheme, token = ""] = authorization.split(" ");
  if (KEYS_FILE && !(scheme.toLowerCase() === "bearer" && isGenuine(token, Date.now() / 1000))) {
    throw new Problem(401, "NOT_AUTHENTICATED", "A valid credential is needed.");
  }
}

const ROUTES = {
  "/api/saga/reserve-room/": (body) => reserve(idOf(body), usedBy(body)),
  "/api/saga/cancel-room/": (body) => cancel(idOf(body)),
};

function idOf({ correlation_id: id }) {
  if (typeof id !== "string" || !/^[A-Za-z0-9._:-]{1,64}$/.test(id)) {
    throw new Problem(400, "INVALID", "correlation_id: must be 1 to 64 letters, digits or . _ : -");
  }
  return id;
}

function usedBy({ correlation_id: id, data }) {
  const rooms = data?.rooms;
  if (!Number.isInteger(rooms) || rooms < 1) throw new Problem(400, "INVALID", "data.rooms: must be a number from 1 on", id);
  return { rooms };
}

function parse(raw) {
  try {
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
    if (body && typeof body === "object" && !Array.isArray(body)) return body;
  } catch {
    // Said below.
  }
  throw new Problem(400, "INVALID", "The body must be a JSON object.");
}

function answer(request, raw) {
  const route = ROUTES[request.url];
  if (!route) throw new Problem(404, "NOT_FOUND", "There is nothing at this address.");
  if (request.method !== "POST") throw new Problem(405, "METHOD_NOT_ALLOWED", "POST only.");
  authenticate(request.headers.authorization);
  if (request.headers["content-type"]?.split(";")[0] !== "application/json") {
    throw new Problem(415, "UNSUPPORTED_MEDIA_TYPE", "application/json only.");
  }
  return route(parse(raw));
}

function respond(request, response, raw) {
  const traced = request.headers["x-correlation-id"];
  const headers = traced ? { "X-Correlation-ID": traced } : {};
  try {
    const { answer: body, replayed } = answer(request, raw);
    if (replayed) headers["Idempotent-Replayed"] = "true";
    response.writeHead(200, { ...headers, "Content-Type": "application/json" }).end(JSON.stringify(body));
  } catch (error) {
    const { status = 500, code = "INTERNAL_ERROR", id } = error;
    if (status === 405) headers.Allow = "POST";
    if (status === 401) headers["WWW-Authenticate"] = "Bearer";
    const body = { type: "about:blank", title: code, status, code, detail: error.message, correlation_id: id };
    response.writeHead(status, { ...headers, "Content-Type": "application/problem+json" }).end(JSON.stringify(body));
  }
}

createServer((request, response) => {
  const parts = [];
  let length = 0;
  request.on("data", (part) => {
    length += part.length;
    if (length > LONGEST_BODY) request.destroy();
    else parts.push(part);
  });
  request.on("end", () => respond(request, response, Buffer.concat(parts)));
}).listen(Number(port), "127.0.0.1", () => console.log(`listening on ${port}`));
