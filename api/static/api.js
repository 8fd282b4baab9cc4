// The API: JSON in, JSON out; every problem carries its Chinese title.

import { t } from "./words.js";

const V1 = "/api/v1";

export class Problem extends Error {
  constructor(title, status = 0, code = "", params = {}) {
    super(title);
    this.status = status;
    this.code = code;
    this.params = params;
  }
}

async function call(method, path, options = {}) {
  let response;
  try {
    response = await fetch(`${V1}/${path}`, { method, credentials: "same-origin", ...options });
  } catch {
    throw new Problem(t("no_connection"));
  }
  if (response.status === 204) return null;
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Problem(t("no_answer"), response.status);
  }
  if (!response.ok) throw new Problem(body.title ?? t("no_answer"), response.status, body.code, body.params);
  return body;
}

const query = (fields) => {
  const wanted = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return wanted.length ? `?${new URLSearchParams(wanted)}` : "";
};

export const get = (path, fields = {}) => call("GET", path + query(fields));

export function send(method, path, body) {
  const headers = { "X-Hezheng": "1", "Content-Type": "application/json" };
  return call(method, path, { headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

export const post = (path, body) => send("POST", path, body);

// fields: an object, or a list of [name, value] where a name comes more than once.
export function upload(path, fields) {
  const body = new FormData();
  for (const [name, value] of Array.isArray(fields) ? fields : Object.entries(fields)) if (value !== "") body.append(name, value);
  return call("POST", path, { headers: { "X-Hezheng": "1" }, body });
}

// A file as it is, however large, as the body.
export const handIn = (path, file) =>
  call("POST", path + query({ name: file.name }), { headers: { "X-Hezheng": "1", "Content-Type": "application/octet-stream" }, body: file });

export async function all(path, fields = {}) {
  const items = [];
  let after;
  do {
    const page = await get(path, { ...fields, after, limit: 1000 });
    items.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return items;
}

// POST where the answer is a file.
export async function postForFile(path) {
  const response = await fetch(`${V1}/${path}`, { method: "POST", credentials: "same-origin", headers: { "X-Hezheng": "1" } });
  if (!response.ok) {
    const problem = await response.json();
    throw new Problem(problem.title ?? t("no_answer"), response.status, problem.code, problem.params);
  }
  return response.blob();
}
