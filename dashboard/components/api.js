/** The server this module came from: addresses, requests, readable errors, and its restarts. */

/** Where the routes are mounted; this file is `{ROOT}headway/api.js`. */
export const ROOT = new URL("../", import.meta.url)

export class Problem extends Error {
  constructor(message, status) { super(message); this.status = status }
}

/** Ask the server; JSON in, JSON out. A refusal throws a `Problem` with the server's own words (RFC 9457). */
export async function call(path, {method = "GET", body, keepalive = false} = {}) {
  const headers = body === undefined ? {} : {"Content-Type": "application/json"}
  let answer
  try {
    answer = await fetch(new URL(path, ROOT), {method, headers, keepalive, body: body === undefined ? undefined : JSON.stringify(body)})
  } catch {
    throw new Problem("The server cannot be reached. Check that it is running, then try again.", 0)
  }
  const text = await answer.text()
  let content = null
  try { content = text ? JSON.parse(text) : null } catch { /* not JSON: the status says enough */ }
  if (!answer.ok) throw new Problem(content?.detail || content?.title || `The server answered ${answer.status}.`, answer.status)
  return content
}

/** A random UUID; `crypto.randomUUID` exists in secure contexts only, and a LAN address is none. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}

let bootId = null
let watching = false
const boot = async () => (await call("healthz")).boot_id

boot().then(id => { bootId = id }, () => {})      // the server process that drew this page

/**
 * After a lost connection: wait until the server answers. Bokeh's documents do not survive a restart, so
 * when another process answers the page is loaded anew; its address names the session, drafts are kept.
 */
export async function watchForRestart() {
  if (watching || bootId === null) return
  watching = true
  for (;;) {
    const now = await boot().catch(() => null)
    if (now === bootId) break
    if (now !== null) return location.reload()
    await new Promise(done => setTimeout(done, 1000))
  }
  watching = false
}
